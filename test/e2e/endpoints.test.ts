/** thaw over Thanos's sidecars, ruler, receiver, store and querier answers as Thanos's querier over the same. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bucketApp } from '#cli/bucket-app.ts'
import { openEndpoints } from '#lib/endpoints/open-endpoints.ts'
import { querySettings } from '#lib/lambda/query-flags.ts'
import { isMissing, type Missing } from '#test/peer/cache.ts'
import { findPrometheus } from '#test/peer/prometheus.ts'
import { describeSkipped } from '#test/peer/skip-report.ts'
import { type Ask, askApp, askUrl, type Params } from './support/ask.ts'
import { firstDifference, requests, steady } from './support/sidecar-requests.ts'
import {
  REPLICAS,
  settled,
  startAgent,
  startQuerier,
  startSidecar,
  startTarget,
  startWorldPrometheus,
} from './support/sidecar-world.ts'
import { startReceiver, startRuler, startStore } from './support/thanos-components.ts'

const THANOS = process.env['THAW_THANOS']
const PROMETHEUS_3 = process.env['THAW_PROMETHEUS_3']
const packaged = await findPrometheus()
const prometheus: string | Missing =
  PROMETHEUS_3 ?? (isMissing(packaged) ? packaged : packaged.binary)

if (THANOS === undefined) {
  describeSkipped('thaw over StoreAPIs', { missing: 'THAW_THANOS names no Thanos' })
} else if (typeof prometheus !== 'string') describeSkipped('thaw over StoreAPIs', prometheus)
else describeWorld(THANOS, prometheus, PROMETHEUS_3 !== undefined)

/** Of what only one of the components has. */
function more(now: number): readonly (readonly [string, Params])[] {
  const range = { start: now - 3 * 3600, end: now, step: 61 }
  const old = { start: now - 50 * 3600, end: now - 47 * 3600, step: 60 }
  return [
    ['query', { query: 'ruler:app:sum', time: now }],
    ['query', { query: 'ALERTS{alertname="Ruled"}', time: now, dedup: 'false' }],
    ['query', { query: 'received', time: now }],
    ['query_range', { query: 'sum by (receive) (rate(received[2m]))', ...range }],
    ['query_range', { query: 'stored', ...old }],
    ['query_range', { query: 'stored', ...old, dedup: 'false' }],
    ['query_range', { query: 'sum by (host) (rate(stored[5m]))', ...old }],
    ['query', { query: 'count by (__name__) ({__name__=~".+"})', time: now }],
    ['query', { query: 'stored', time: old.start + 3600, dedup: 'false' }],
    ['series', { 'match[]': ['stored', 'received'], start: old.start, end: now, dedup: 'false' }],
    ['label/receive/values', {}],
    ['label/cluster/values', { start: old.start, end: old.end }],
  ]
}

function describeWorld(thanos: string, binary: string, histograms: boolean): void {
  describe('thaw over StoreAPIs', () => {
    const ends: (() => Promise<unknown>)[] = []
    /** Where thaw asks. */
    const thaws = new Map<string, Ask>()
    let real: Ask
    let now = 0
    let stopSidecar = async (): Promise<void> => undefined
    let sidecarAddress = ''

    async function end<T extends { stop: () => Promise<unknown> }>(
      starting: Promise<T>,
    ): Promise<T> {
      const started = await starting
      ends.push(() => started.stop())
      return started
    }

    async function thawOver(...addresses: readonly string[]): Promise<Ask> {
      const settings = querySettings([
        ...addresses.map((address) => `--endpoint=${address}`),
        '--query.replica-label=replica',
        '--deduplication.func=penalty',
        '--endpoint.info-timeout=2s',
      ])
      const endpoints = openEndpoints(settings.endpoints!, { now: Date.now, log: () => undefined })
      const options = {
        config: undefined,
        endpoints,
        settings,
        workers: 0,
        sliceBytes: 1 << 22,
        now: Date.now,
        keptBytes: 1 << 24,
      }
      const { app, stop } = await bucketApp(options)
      ends.push(async () => {
        endpoints.close()
        await stop()
      })
      return askApp(app)
    }

    beforeAll(async () => {
      const dir = await mkdtemp(join(tmpdir(), 'thaw-endpoints-'))
      ends.push(() => rm(dir, { recursive: true, force: true }))
      const target = await end(startTarget())
      const settings = { binary, histograms, target: target.address }
      const prometheuses = await Promise.all(
        REPLICAS.map(async (replica) => {
          const dataDir = join(dir, replica)
          return { url: (await end(startWorldPrometheus(settings, dataDir, replica))).url, dataDir }
        }),
      )
      await Promise.all(prometheuses.map(({ url }) => settled(url)))
      const sidecars: string[] = []
      for (const { url, dataDir } of prometheuses) {
        const sidecar = await end(startSidecar(thanos, url, dataDir))
        sidecars.push(sidecar.address)
        stopSidecar = sidecar.stop
        sidecarAddress = sidecar.address
      }
      const base = await end(startQuerier(thanos, sidecars))
      const others = await Promise.all([
        end(startRuler(thanos, join(dir, 'ruler'), base.url)),
        end(startReceiver(thanos, dir, Date.now())),
        end(startStore(thanos, dir, Date.now())),
      ])
      const all = [...sidecars, ...others.map(({ address }) => address)]
      const querier = await end(startQuerier(thanos, all))
      real = askUrl(querier.url)
      const agents = await Promise.all(prometheuses.map((one) => end(startAgent([one]))))
      thaws.set('each of them', await thawOver(...all))
      thaws.set('a querier before them', await thawOver(querier.grpcAddress))
      thaws.set(
        'agents in place of sidecars',
        await thawOver(...agents.map(({ address }) => address), ...all.slice(2)),
      )
      await sleep(5000)
      now = Math.floor(Date.now() / 1000) - 3
    }, 180_000)

    afterAll(async () => {
      for (const stop of ends.toReversed()) await stop()
    })

    it.each(['each of them', 'a querier before them', 'agents in place of sidecars'])(
      'over %s',
      async (name) => {
        const thaw = thaws.get(name)!
        const different: string[] = []
        let values = 0
        for (const [path, params] of [...requests(now), ...more(now)]) {
          if (isOnlyExternal(params)) continue
          const [expected, actual] = await Promise.all(
            [real, thaw].map((ask) => ask(path, asked(ask === thaw, path, params))),
          )
          const [theirs, ours] = [comparable(expected!), comparable(actual!)]
          values += JSON.stringify(theirs).length
          const difference = firstDifference(ours, theirs)
          if (difference !== undefined)
            different.push(`${path} ${JSON.stringify(params)} ${difference}`)
        }
        expect(different.join('\n')).toBe('')
        expect(values).toBeGreaterThan(100_000)
      },
      120_000,
    )

    it.each(['each of them', 'a querier before them', 'agents in place of sidecars'])(
      'over %s, of external labels alone, which Thanos passes on and sidecars refuse',
      async (name) => {
        const query = { query: '{cluster="eu"}', time: now }
        const { status, data, warnings } = await thaws.get(name)!('query', query)
        expect([status, warnings]).toEqual(['success', undefined])
        expect(JSON.stringify(data)).toContain('"__name__":"app","cluster":"eu"')
      },
    )

    it('shows the endpoints as Thanos does', async () => {
      const [expected, actual] = await Promise.all(
        [real, thaws.get('each of them')!].map(async (ask) => (await ask('stores')).data),
      )
      expect(storesOf(actual)).toEqual(storesOf(expected))
    })

    it('names an endpoint that went', async () => {
      await stopSidecar()
      const thaw = thaws.get('each of them')!
      const query = { query: 'count by (replica) (app)', time: now, dedup: 'false' }
      const half = await thaw('query', query)
      expect(half.warnings).toEqual([expect.stringContaining(`endpoint ${sidecarAddress}: `)])
      const whole = await thaw('query', { ...query, partial_response: 'false' })
      expect(whole.status).toBe('error')
      expect(whole.error).toContain(`endpoint ${sidecarAddress}: `)
      // What it could not have had does not suffer from it.
      const other = await thaw('query', { query: 'stored{cluster="old"}', time: now })
      expect([other.status, other.warnings]).toEqual(['success', undefined])
    })
  })
}

/** Labels are asked as Thanos asks them, without merging replicas. */
function asked(isThaw: boolean, path: string, params: Params): Params {
  return isThaw && /^labels?($|\/)/.test(path) ? { ...params, dedup: 'false' } : params
}

/** Asked apart. */
function isOnlyExternal(params: Params): boolean {
  return Object.values(params).includes('{cluster="eu"}')
}

/**
 * Thanos folds `infos` into `warnings`, without their places; says of rules and alerts whether half an answer will do; knows neither how often
 * a target is scraped nor the pool of one that was dropped; leaves replica labels on alerts, and groups
 * without rules where Prometheus does; and its parse errors do not name the parameter.
 */
function comparable({ warnings = [], infos = [], ...answer }: Awaited<ReturnType<Ask>>): unknown {
  const texts = [...warnings, ...infos].map((text) => text.replace(/ \(\d+:\d+\)$/, ''))
  const { error } = answer
  return steady(
    withoutExtras({
      ...answer,
      warnings: texts,
      error: error?.replace('invalid parameter "query": ', ''),
    }),
  )
}

const EXTRAS: ReadonlySet<string> = new Set([
  'partialResponseStrategy',
  'scrapeInterval',
  'scrapeTimeout',
  'droppedTargetCounts',
])

function withoutExtras(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) {
    const kept = key === 'groups' ? value.filter(({ rules }) => rules.length > 0) : value
    return kept.map((item) => withoutExtras(item, key))
  }
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name, inner]) => !EXTRAS.has(name) && !(name === 'scrapePool' && inner === ''))
      .filter(([name]) => !(name === 'replica' && key === 'alert labels'))
      .map(([name, inner]) => [
        name,
        withoutExtras(inner, key === 'alerts' ? `alert ${name}` : name),
      ]),
  )
}

/** Without the times of checks, in the order of names. */
function storesOf(data: unknown): unknown {
  const byType = data as Record<
    string,
    { name: string; minTime: number; maxTime: number; labelSets: object[] }[]
  >
  return Object.fromEntries(
    Object.entries(byType).map(([type, stores]) => [
      type,
      stores
        .map(({ name, labelSets }) => ({
          name,
          labelSets: labelSets.map((one) => JSON.stringify(one)).sort(),
        }))
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
    ]),
  )
}
