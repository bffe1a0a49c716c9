/** Two replicas that were each away for hours answer together as one that never was. */
import { beforeAll, describe, expect, it } from 'vitest'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import type { ApiAnswer, Ask } from './support/ask.ts'
import { compareAll } from './support/compare-all.ts'
import { DAY_START_MS, putReplica, type Replica, SCRAPE_MS } from './support/replica-world.ts'
import type { Request } from './support/requests.ts'
import { thawOver } from './support/thaw-app.ts'

const PHASE_MS = 4_317
const WINDOW_SECONDS = 300
/** Whole hours, in both directions: a alone, b alone, and a change from one to the other at 11:00. */
const A_MISSING = [3, 9, 10]
const B_MISSING = [6, 11, 17, 18]

const whole: Replica = { externalLabels: { cluster: 'c' }, phaseMs: PHASE_MS, missing: [] }
const a: Replica = {
  externalLabels: { cluster: 'c', replica: 'a' },
  phaseMs: PHASE_MS,
  missing: A_MISSING,
}
const b: Replica = {
  externalLabels: { cluster: 'c', replica: 'b' },
  phaseMs: PHASE_MS,
  missing: B_MISSING,
}

const QUERIES = [
  'up',
  'load',
  'rate(requests_total[5m])',
  'increase(bytes_total[1h])',
  'irate(requests_total[2m])',
  'sum by (job) (rate(requests_total[5m]))',
  'sum(increase(requests_total[6h]))',
  'max_over_time(load[10m])',
  'avg_over_time(load[2h])',
  'count_over_time(up[1h])',
  'changes(load[30m])',
  'resets(requests_total[12h])',
  'absent(up)',
  'absent(up{instance="four"})',
  'absent_over_time(up{instance="one"}[90s])',
  'count(up)',
  'count by (cluster) (up == 1)',
  'histogram_quantile(0.9, sum by (le) (rate(latency_seconds_bucket[5m])))',
  'histogram_quantile(0.9, rate(size_bytes[5m]))',
  'rate(requests_total[5m] offset 3h)',
  'max_over_time(sum(rate(requests_total[5m]))[1h:3m])',
  'topk(1, load)',
  'timestamp(up)',
  'deriv(load[20m])',
  'requests_total @ end() - requests_total',
]

const RANGE = {
  start: DAY_START_MS / 1000 + 600,
  end: DAY_START_MS / 1000 + 24 * 3600 - 60,
  step: 60,
}
const AT = [3.5, 6.25, 11.01, 20].map((hour) => DAY_START_MS / 1000 + hour * 3600)

const REQUESTS: readonly Request[] = QUERIES.flatMap((expr): Request[] => {
  const asked = { expr }
  return [
    ...AT.map((time): Request => ({
      asked,
      path: 'query',
      params: { query: expr, time },
      ordered: false,
      long: false,
    })),
    { asked, path: 'query_range', params: { query: expr, ...RANGE }, ordered: false, long: true },
  ]
})

async function thawOf(...replicas: readonly Replica[]): Promise<Ask> {
  const bucket = memoryBucket()
  for (const [i, replica] of replicas.entries()) await putReplica(bucket, i, replica)
  return thawOver(bucket, { replicaLabels: ['replica'], sliceBytes: 500 })
}

let gapFree: Ask
beforeAll(async () => {
  gapFree = await thawOf(whole)
})

describe('replicas that scrape at the same times', () => {
  let both: Ask
  beforeAll(async () => {
    both = await thawOf(a, b)
  })

  it('answer exactly as one without gaps', async () => {
    const report = await compareAll(REQUESTS, both, gapFree, { mayBeClose: () => undefined })
    expect(report.differences).toEqual([])
    expect(report.silent).toEqual(['absent(up)', 'absent_over_time(up{instance="one"}[90s])'])
    expect(report.values).toBeGreaterThan(50_000)
  })

  it('are not equal to it one by one, so the gaps are real', async () => {
    for (const replica of [a, b]) {
      const alone = await thawOf(replica)
      const report = await compareAll(REQUESTS, alone, gapFree, { mayBeClose: () => undefined })
      expect(report.differences.length).toBeGreaterThan(20)
    }
  })

  it('both show without deduplication', async () => {
    const ask = async (path: string, time: number, query: string): Promise<unknown> =>
      (await both(path, { query, time, dedup: 'false' })).data
    const counts = await Promise.all(
      AT.map((time) => ask('query', time, 'count by (replica) (up)')),
    )
    const replica = (name: string, time: number): unknown => ({
      metric: { replica: name },
      value: [time, '3'],
    })
    expect(counts).toEqual([
      { resultType: 'vector', result: [replica('b', AT[0]!)] },
      { resultType: 'vector', result: [replica('a', AT[1]!)] },
      // 36 seconds after the change the other one is still in the lookback.
      { resultType: 'vector', result: [replica('a', AT[2]!), replica('b', AT[2]!)] },
      { resultType: 'vector', result: [replica('a', AT[3]!), replica('b', AT[3]!)] },
    ])
  })

  it('show their label only without deduplication', async () => {
    const range = { start: RANGE.start, end: RANGE.end }
    const values = async (dedup: string): Promise<unknown> =>
      (await both('label/replica/values', { ...range, dedup })).data
    expect([await values('true'), await values('false')]).toEqual([[], ['a', 'b']])
    const series = async (dedup: string): Promise<unknown> =>
      (await both('series', { ...range, 'match[]': 'up{instance="one"}', dedup })).data
    const one = { __name__: 'up', cluster: 'c', instance: 'one', job: 'app' }
    expect(await series('true')).toEqual([one])
    expect(await series('false')).toEqual([
      { ...one, replica: 'a' },
      { ...one, replica: 'b' },
    ])
  })
})

/**
 * Replica b scrapes 11.7 seconds after a. The answers are then of two samplings of the same targets:
 * - what does not depend on the moment of a scrape is equal everywhere: presence, counts, `up`, resets;
 * - where a was there for the whole window, all is equal to the last bit, because a is taken as it is;
 * - where only b was, rates are those of the same counters at other moments: within 1 %;
 * - where the window has a change of replica in it, samples may be up to two intervals apart there, and a border of
 *   the window in such a hole costs at most one and a half intervals of it: a fifth, with some room for b's sampling.
 */
describe('replicas that scrape at different times', () => {
  let both: Ask
  beforeAll(async () => {
    both = await thawOf(a, { ...b, phaseMs: PHASE_MS + 11_700 })
  })

  it('agree on what does not depend on the moment of a scrape', async () => {
    const timeless = [
      'up',
      'count(up)',
      'absent(up)',
      'absent(up{instance="four"})',
      'sum(up) by (job)',
      'max_over_time(up[5m])',
      'min_over_time(up[1m])',
      'count by (cluster) (up == 1)',
      'resets(requests_total[12h])',
      'resets(bytes_total[23h])',
      'absent_over_time(up[61s])',
      'group by (le) (latency_seconds_bucket)',
    ]
    const requests = timeless.map((expr): Request => ({
      asked: { expr },
      path: 'query_range',
      params: { query: expr, ...RANGE },
      ordered: false,
      long: true,
    }))
    const report = await compareAll(requests, both, gapFree, { mayBeClose: () => undefined })
    expect(report.differences).toEqual([])
  })

  it.each([
    'rate(requests_total[5m])',
    'rate(bytes_total[5m])',
    'sum by (job) (rate(requests_total[5m]))',
    'increase(bytes_total[5m])',
  ])('keep %s within a fifth at a change and within 1 %% elsewhere', async (query) => {
    const [got, want] = await Promise.all(
      [both, gapFree].map(async (ask) => pointsOf(await ask('query_range', { query, ...RANGE }))),
    )
    expect([...got!.keys()]).toEqual([...want!.keys()])
    const worst = { a: 0, b: 0, change: 0 }
    for (const [key, value] of want!) {
      const t = Number(key.split(' ')[0])
      const apart = Math.abs(Number(got!.get(key)) - Number(value)) / Number(value)
      const within = replicasWithin(t)
      worst[within] = Math.max(worst[within], got!.get(key) === value ? 0 : Math.max(apart, 1e-300))
    }
    expect(worst.a).toBe(0)
    expect(worst.b).toBeLessThan(0.01)
    expect(worst.change).toBeLessThan(0.2)
    // Else nothing was compared.
    expect(worst.b).toBeGreaterThan(0)
    expect(worst.change).toBeGreaterThan(0)
  })
})

/** Whose samples answer at `t`. Dedup looks up to two intervals past a gap. */
function replicasWithin(t: number): 'a' | 'b' | 'change' {
  const hours = (seconds: number): number => (seconds - DAY_START_MS / 1000) / 3600
  const near = (2 * SCRAPE_MS) / 1000
  const first = Math.floor(hours(t - WINDOW_SECONDS - near))
  const last = Math.floor(hours(t + near))
  const missing = [first, last].map((hour) => A_MISSING.includes(hour))
  if (missing[0] !== missing[1]) return 'change'
  return missing[0] === true ? 'b' : 'a'
}

/** Key: time and labels. */
function pointsOf({ data }: ApiAnswer): Map<string, string> {
  const { result } = data as { result: { metric: unknown; values: [number, string][] }[] }
  return new Map(
    result.flatMap(({ metric, values }) =>
      values.map(([t, value]): [string, string] => [`${t} ${JSON.stringify(metric)}`, value]),
    ),
  )
}
