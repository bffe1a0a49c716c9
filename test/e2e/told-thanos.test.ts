/** What Thanos's sidecars of two replicas tell beside samples is merged as Thanos's own querier merges it. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { openEndpoints } from '#lib/endpoints/open-endpoints.ts'
import { NO_TLS } from '#lib/grpc/client-tls.ts'
import { describeSkipped } from '#test/peer/skip-report.ts'
import { type Ask, askUrl, type Params } from './support/ask.ts'
import { PROMETHEUS_PEERS } from './support/prometheus-peers.ts'
import {
  REPLICAS,
  settled,
  startQuerier,
  startSidecar,
  startTarget,
  startWorldPrometheus,
} from './support/sidecar-world.ts'
import { thawOver } from './support/thaw-app.ts'

const THANOS = process.env['THAW_THANOS']

for (const { name, binary, histograms } of PROMETHEUS_PEERS) {
  const title = `what sidecars tell of ${name}`
  if (THANOS === undefined) describeSkipped(title, { missing: 'THAW_THANOS names no Thanos' })
  else if (typeof binary !== 'string') describeSkipped(title, binary)
  else describeWorld(title, THANOS, { binary, histograms })
}

const ENDPOINTS = {
  responseTimeoutMs: 10_000,
  listEveryMs: 30_000,
  infoEveryMs: 5000,
  unhealthyMs: 300_000,
  tls: NO_TLS,
  files: [],
}

interface World {
  readonly binary: string
  readonly histograms: boolean
}

function describeWorld(title: string, thanos: string, { binary, histograms }: World): void {
  // oxlint-disable-next-line vitest/valid-title -- named by the caller
  describe(title, () => {
    const ends: (() => Promise<void>)[] = []
    let querier: Ask
    let thaw: Ask

    async function end<T extends { stop: () => Promise<void> }>(starting: Promise<T>): Promise<T> {
      const started = await starting
      ends.push(() => started.stop())
      return started
    }

    beforeAll(async () => {
      const dir = await mkdtemp(join(tmpdir(), 'thaw-told-'))
      ends.push(() => rm(dir, { recursive: true, force: true }))
      const target = await end(startTarget())
      // Groups of both are the same when their file is.
      const rulesFile = join(dir, 'rules.yml')
      const settings = { binary, histograms, target: target.address, rulesFile }
      const addresses: string[] = []
      for (const replica of REPLICAS) {
        const dataDir = join(dir, replica)
        const { url } = await end(startWorldPrometheus(settings, dataDir, replica))
        await settled(url)
        addresses.push((await end(startSidecar(thanos, url, dataDir))).address)
      }
      querier = askUrl((await end(startQuerier(thanos, addresses))).url)
      const endpoints = openEndpoints(
        {
          ...ENDPOINTS,
          endpoints: addresses.map((address) => ({ address, strict: false, group: false })),
        },
        { now: Date.now, log: () => {} },
      )
      ends.push(async () => endpoints.close())
      thaw = thawOver(memoryBucket(), { replicaLabels: ['replica'], endpoints })
    }, 180_000)

    afterAll(async () => {
      for (const stop of ends.toReversed()) await stop()
    }, 60_000)

    /** Until both were asked of the same moment. Gives how much was compared. */
    const same = async (path: string, params: Params): Promise<number> => {
      let size = 0
      await expect
        .poll(
          async () => {
            const [theirs, ours] = await Promise.all([querier(path, params), thaw(path, params)])
            const expected = plain(theirs.data)
            size = JSON.stringify(expected).length
            return { ours: plain(ours.data), warnings: ours.warnings, expected }
          },
          { timeout: 20_000, interval: 200 },
        )
        .toSatisfy(({ ours, warnings, expected }: Record<string, unknown>) => {
          expect(ours).toEqual(expected)
          return warnings === undefined
        })
      return size
    }

    it.each<[string, Params, number]>([
      ['rules', {}, 1000],
      ['rules', { type: 'alert' }, 500],
      ['rules', { type: 'record' }, 100],
      ['rules', { 'rule_name[]': ['Always', 'cluster:requests:rate'] }, 500],
      ['rules', { 'rule_group[]': 'recorded' }, 100],
      ['rules', { 'match[]': '{severity="page"}' }, 300],
      ['rules', { 'match[]': '{cluster="own"}' }, 10],
      ['rules', { 'file[]': 'nope' }, 5],
      ['alerts', {}, 300],
      ['targets', {}, 500],
      ['targets', { state: 'active' }, 500],
      ['targets', { state: 'dropped' }, 100],
      ['metadata', {}, 200],
      ['metadata', { metric: 'app' }, 30],
      ['metadata', { metric: 'nope' }, 1],
    ])('%s %j', { timeout: 30_000 }, async (path, params, minimum) => {
      expect(await same(path, params)).toBeGreaterThan(minimum)
    })

    it.each([
      'requests_total',
      '{__name__=~".+"}',
      'latency_bucket{cluster="eu"}',
      'rate(requests_total{code="200"}[1m]) / on() latency_bucket',
      '{cluster="us"}',
    ])('exemplars of %s', { timeout: 30_000 }, async (query) => {
      const end = Date.now() / 1000 - 3
      const size = await same('query_exemplars', { query, start: end - 600, end })
      expect(size).toBeGreaterThan(query.includes('us"') ? 1 : 200)
    })
  })
}

/** What one second differs in from the next, and what only one of them tells. */
const LEFT_OUT =
  /^(?:lastScrape|lastScrapeDuration|evaluationTime|lastEvaluation|activeAt|partialResponseStrategy|droppedTargetCounts|scrapeInterval|scrapeTimeout)$/

/** Lists of objects in one order. An alert of Thanos keeps its replica, and '' is not told by all. */
function plain(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) {
    const items = value.filter(hasRules).map((item) => plain(item, key))
    return key === 'exemplars' ? items : items.sort((a, b) => compareJson(a, b))
  }
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !LEFT_OUT.test(name) && !(name === 'replica' && key === 'labels'))
      .filter(([, inner]) => inner !== '')
      .map(([name, inner]) => [name, plain(inner, name)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )
}

/** Prometheus 2 tells groups without rules, and Thanos with it. */
function hasRules(item: unknown): boolean {
  const { rules } = Object(item) as { readonly rules?: readonly unknown[] }
  return rules === undefined || rules.length > 0
}

function compareJson(a: unknown, b: unknown): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1
}
