/** Real Thanos queriers over the agent answer as they do over Thanos's own sidecar; and the agent's StoreAPI answers as the sidecar's, frame by frame. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client, credentials } from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isMissing, type Missing } from '#test/peer/cache.ts'
import { findPrometheus } from '#test/peer/prometheus.ts'
import { describeSkipped } from '#test/peer/skip-report.ts'
import { askUrl, type Params } from './support/ask.ts'
import {
  REPLICAS,
  settled,
  startAgent,
  startQuerier,
  startSidecar,
  startTarget,
  startWorldPrometheus,
} from './support/sidecar-world.ts'
import { labelNamesOf, labelValuesOf, seriesOf, STORE_REQUESTS } from './support/store-requests.ts'

const THANOS = process.env['THAW_THANOS']
const PROMETHEUS_3 = process.env['THAW_PROMETHEUS_3']
const packaged = await findPrometheus()

const PEERS: readonly { name: string; histograms: boolean; binary: string | Missing }[] = [
  {
    name: 'the packaged Prometheus',
    histograms: false,
    binary: isMissing(packaged) ? packaged : packaged.binary,
  },
  {
    name: 'Prometheus 3',
    histograms: true,
    binary: PROMETHEUS_3 ?? { missing: 'THAW_PROMETHEUS_3 names no Prometheus 3.x' },
  },
]

for (const { name, binary, histograms } of PEERS) {
  const title = `the agent beside Thanos's sidecar on ${name}`
  if (THANOS === undefined) describeSkipped(title, { missing: 'THAW_THANOS names no Thanos' })
  else if (typeof binary !== 'string') describeSkipped(title, binary)
  else describeWorld(title, THANOS, binary, histograms)
}

/** `T` is the present of the test, in seconds; every answer is of the past. */
const QUERIES = [
  'up',
  '{cluster="eu"}',
  '{replica="b", __name__=~"app|up"}',
  'up{cluster="us"}',
  'app',
  'app{host="1"}',
  'sum by (cluster, replica) (app)',
  'count by (__name__) ({__name__=~".+"})',
  'rate(requests_total[20s])',
  'histogram_quantile(0.9, rate(latency_bucket[20s]))',
  'absent(nope)',
  'ALERTS',
  'gone offset 3s',
  'histogram_quantile(0.5, histogram)',
  'increase(counter_total[90m])',
  '{__name__=~"float_histogram|gauge_histogram|flapping|histogram"}[3h]',
  '{__name__=~"constant|extreme|uneven|single|gauge"}[3h]',
  'count_over_time({__name__=~".+"}[3h])',
]

function requests(now: number): readonly (readonly [string, Params])[] {
  const range = { start: now - 3 * 3600, end: now }
  const anything = { 'match[]': '{__name__=~".+"}' }
  return [
    ...QUERIES.flatMap((query) =>
      ['true', 'false'].map((dedup) => ['query', { query, time: now, dedup }] as const),
    ),
    ...QUERIES.filter((query) => !query.endsWith(']')).map(
      (query) => ['query_range', { query, ...range, step: 61 }] as const,
    ),
    ['series', { 'match[]': ['app{zone=~".+"}', 'up'], ...range, dedup: 'true' }],
    ['series', { ...anything, ...range, dedup: 'false' }],
    ['series', { 'match[]': ['app{host=~".+"}', 'up{replica="a"}'], ...range, dedup: 'false' }],
    ['series', { 'match[]': 'app{cluster="us"}', ...range }],
    ['labels', {}],
    ['labels', { ...range, 'match[]': 'app' }],
    ['labels', { ...range, 'match[]': '{replica="a", __name__="up"}' }],
    ['labels', { 'match[]': 'nope' }],
    ...['__name__', 'cluster', 'replica', 'm', 'host', 'nope', 'le', 'path'].flatMap(
      (label) =>
        [
          [`label/${label}/values`, {}],
          [`label/${label}/values`, { ...range, 'match[]': 'app' }],
          [`label/${label}/values`, { 'match[]': 'up{cluster="us"}' }],
        ] as const,
    ),
    ['rules', {}],
    ['rules', { type: 'alert' }],
    ['rules', { type: 'record' }],
    ['rules', { 'rule_name[]': 'Always', 'match[]': '{severity="page"}' }],
    ['alerts', {}],
    ['targets', {}],
    ['targets', { state: 'active' }],
    ['targets', { state: 'dropped' }],
    ['metadata', {}],
    ['metadata', { metric: 'app' }],
    ['metadata', { metric: 'nope' }],
    ...[
      'requests_total',
      '{__name__=~".+"}',
      'latency_bucket{cluster="eu"}',
      'app{cluster="us"}',
    ].map((query) => ['query_exemplars', { query, ...range }] as const),
    ['status/tsdb', {}],
    ['status/tsdb', { limit: 3 }],
    ['query', { query: '{', time: now }],
    ['query', { query: '{__name__=~"("}', time: now }],
    ['series', { 'match[]': '{cluster="eu"}', ...range }],
  ]
}

const VARYING =
  /^(lastScrape|lastScrapeDuration|evaluationTime|lastEvaluation|analysis|chunkCount|maxTime|activeAt)$/

/**
 * Without what differs from one second to the next, the order of alerts and of the series of a result, and how often something was said: a sidecar
 * says names of external labels twice where series have them too.
 */
function steady(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) {
    const items = value.map((item) => steady(item))
    // Some functions give series in the order of a hash map.
    if (key === 'alerts' || key === 'result')
      return items.map((item) => JSON.stringify(item)).sort()
    const texts = items.every((item) => typeof item === 'string')
    return texts && key !== 'value' ? [...new Set(items)].sort() : items
  }
  if (typeof value === 'string') return value.replace(/Addr: [\d.:]+ /, '')
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !VARYING.test(name))
      .map(([name, inner]) => [name, steady(inner, name)]),
  )
}

/** Where and what; undefined where all is equal. */
function firstDifference(actual: unknown, expected: unknown, at = ''): string | undefined {
  if (Object.is(actual, expected)) return undefined
  if (typeof actual !== 'object' || typeof expected !== 'object' || !actual || !expected) {
    return `${at}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`
  }
  for (const key of new Set([...Object.keys(actual), ...Object.keys(expected)])) {
    const [ours, theirs] = [actual, expected].map((one) => (one as Record<string, unknown>)[key])
    const found = firstDifference(ours, theirs, `${at}/${key}`)
    if (found !== undefined) return found
  }
  return undefined
}

function describeWorld(title: string, thanos: string, binary: string, histograms: boolean): void {
  // oxlint-disable-next-line vitest/valid-title -- named by the caller
  describe(title, () => {
    const ends: (() => Promise<void>)[] = []
    const sidecars: string[] = []
    const agents: string[] = []
    let real = ''
    let now = 0
    /** Queriers over the same two Prometheuses, each through other endpoints. */
    const queriers = new Map<string, string>()

    async function end<T extends { stop: () => Promise<void> }>(starting: Promise<T>): Promise<T> {
      const started = await starting
      ends.push(() => started.stop())
      return started
    }

    beforeAll(async () => {
      const dir = await mkdtemp(join(tmpdir(), 'thaw-sidecar-'))
      ends.push(() => rm(dir, { recursive: true, force: true }))
      const target = await end(startTarget())
      const settings = { binary, histograms, target: target.address }
      const prometheuses = await Promise.all(
        REPLICAS.map(async (replica) => {
          const dataDir = join(dir, replica)
          const started = startWorldPrometheus(settings, dataDir, replica)
          return { url: (await end(started)).url, dataDir }
        }),
      )
      await Promise.all(prometheuses.map(({ url }) => settled(url)))
      for (const one of prometheuses) {
        sidecars.push((await end(startSidecar(thanos, one.url, one.dataDir))).address)
        agents.push((await end(startAgent([one]))).address)
      }
      const both = await end(startAgent(prometheuses))
      const start = async (name: string, endpoints: readonly string[]) => {
        queriers.set(name, (await end(startQuerier(thanos, endpoints))).url)
      }
      await Promise.all([
        start('sidecars', sidecars),
        start('agents', agents),
        start('one agent for both', [both.address]),
        start('a sidecar and an agent', [sidecars[0]!, agents[1]!]),
        start('sidecars and agents', [...sidecars, ...agents]),
      ])
      real = queriers.get('sidecars')!
      await sleep(3000)
      now = Math.floor(Date.now() / 1000) - 2
    })

    afterAll(async () => {
      for (const stop of ends.toReversed()) await stop()
    })

    it.each(['agents', 'one agent for both', 'a sidecar and an agent'])(
      'a querier over %s answers as one over sidecars',
      async (name) => {
        const different: string[] = []
        let values = 0
        for (const [path, params] of requests(now)) {
          const [expected, actual] = await Promise.all(
            [real, queriers.get(name)!].map(async (url) => steady(await askUrl(url)(path, params))),
          )
          values += JSON.stringify(expected).length
          const difference = firstDifference(actual, expected)
          if (difference !== undefined) {
            different.push(`${path} ${JSON.stringify(params)} ${difference}`)
          }
        }
        expect(different.join('\n')).toBe('')
        expect(values).toBeGreaterThan(100_000)
      },
    )

    it('a querier over both at once answers as one over sidecars', async () => {
      const all = queriers.get('sidecars and agents')!
      for (const query of QUERIES) {
        for (const dedup of ['true', 'false']) {
          const params = { query, time: now, dedup }
          const [expected, actual] = await Promise.all(
            [real, all].map(async (url) => steady(await askUrl(url)('query', params))),
          )
          expect({ query, dedup, actual }).toEqual({ query, dedup, actual: expected })
        }
      }
    })

    it.each(STORE_REQUESTS)('the StoreAPI answers as the sidecar, %s', async (_, request) => {
      const [expected, actual] = await Promise.all(
        [sidecars[0]!, agents[0]!].map(async (address) => {
          const client = new Client(address, credentials.createInsecure())
          try {
            return await seriesOf(client, request, now * 1000)
          } finally {
            client.close()
          }
        }),
      )
      expect(actual).toEqual(expected)
    })

    it('label names and values of the StoreAPI are the sidecar’s', async () => {
      const matchers = [{ type: '=~' as const, name: 'host', value: '1|2' }]
      const [expected, actual] = await Promise.all(
        [sidecars[0]!, agents[0]!].map(async (address) => {
          const client = new Client(address, credentials.createInsecure())
          const request = { start: 0, end: now * 1000, matchers, withoutReplicaLabels: ['replica'] }
          try {
            return {
              all: new Set(await labelNamesOf(client, { ...request, matchers: [] })),
              names: new Set(await labelNamesOf(client, request)),
              own: await labelValuesOf(client, { ...request, label: 'zone' }),
              external: await labelValuesOf(client, { ...request, label: 'cluster' }),
              replica: await labelValuesOf(client, { ...request, label: 'replica' }),
            }
          } finally {
            client.close()
          }
        }),
      )
      expect(actual).toEqual(expected)
    })
  })
}
