/** What is asked of Thanos and of thaw. */
import type { Params } from '#test/e2e/support/ask.ts'
import { DAY_MS, EU_START_MS, HOUR_MS, US_END_MS, US_START_MS } from './world.ts'

export interface ThanosCase {
  readonly path: 'query' | 'query_range'
  readonly params: Params
  readonly deduplication: 'penalty' | 'chain'
  /** Asked of Thanos's query-frontend, which asks again of coarser blocks. */
  readonly frontend?: boolean
}

const EU = EU_START_MS / 1000
const US = US_START_MS / 1000
const US_END = US_END_MS / 1000
const HOUR = HOUR_MS / 1000
const DAY = DAY_MS / 1000

interface Times {
  readonly start: number
  readonly end: number
  readonly step: number
}

const euDay: Times = { start: EU + 1800, end: EU + 6 * HOUR, step: 660 }
const euGap: Times = { start: EU + 4000, end: EU + 6600, step: 97 }
const usAll: Times = { start: US + HOUR, end: US_END + 4 * HOUR, step: 6 * HOUR }
const usGap: Times = { start: US + 100 * HOUR, end: US + 108 * HOUR, step: 1500 }
const usSeam: Times = { start: US_END - 5 * HOUR, end: US_END + 4 * HOUR, step: 1500 }

/** Raw blocks of three replicas: [query, times or instant]. */
const EU_QUERIES: readonly (readonly [string, Times | number])[] = [
  // The merged samples themselves.
  ['temperature{instance="one",cluster="eu"}[40m]', EU + 4800],
  ['temperature{instance="two",cluster="eu"}[25m]', EU + 11_400],
  ['late_c{instance="one"}[20m]', EU + 4 * HOUR + 300],
  ['flapping{instance="one"}[30m]', EU + 5000],
  ['mixed{instance="one"}[4m]', EU + 1620],
  ['temperature{cluster="eu"}', euDay],
  ['temperature{cluster="eu"}', euGap],
  ['avg by (cluster) (temperature)', euDay],
  ['max_over_time(temperature[7m])', euGap],
  ['avg_over_time(temperature[11m])', euDay],
  ['count_over_time(temperature[10m])', euDay],
  ['stddev_over_time(temperature{instance="one"}[20m])', euDay],
  ['quantile_over_time(0.9, temperature{instance="one"}[20m])', euDay],
  ['changes(temperature{instance="one"}[20m])', euDay],
  ['deriv(temperature{instance="one"}[20m])', euGap],
  ['delta(temperature{instance="two"}[20m])', euGap],
  ['rate(requests_total[5m])', euDay],
  ['rate(requests_total[5m])', euGap],
  ['sum(rate(requests_total[10m]))', euDay],
  ['increase(requests_total{instance="one"}[1h])', euDay],
  ['irate(requests_total[5m])', euGap],
  ['resets(requests_total[2h])', euDay],
  ['increase(requests_total[30m])', EU + 9_700],
  ['requests_total{instance="one"}[20m]', EU + 9_700],
  ['rate(precise_total[6m])', euDay],
  ['increase(precise_total[2h])', euDay],
  ['irate(precise_total[3m])', euGap],
  ['rate(latency_seconds{instance="one"}[10m])', { ...euGap, step: 500 }],
  ['histogram_quantile(0.9, rate(latency_seconds[20m]))', euDay],
  ['histogram_count(increase(fraction_seconds{instance="one"}[30m]))', euDay],
  ['histogram_sum(latency_seconds)', euGap],
  ['histogram_avg(rate(mixed[10m]))', euDay],
  ['flapping', euDay],
  ['rate(flapping[20m])', euDay],
  ['count_over_time(flapping[20m])', euDay],
  ['last_over_time(flapping{instance="two"}[15m])', euGap],
  ['only_b', euGap],
  ['absent(only_b{instance="one"})', euDay],
  ['rate(late_c[10m])', euDay],
  ['temperature{instance="one"} offset 35m', euGap],
  ['rate(requests_total{instance="one"}[5m] offset 1h)', euDay],
  ['temperature{instance="one"} - temperature{instance="one"} offset 40m', euGap],
  ['rate(requests_total[5m]) / rate(requests_total[5m] offset 50m)', euDay],
  ['max_over_time(rate(requests_total{instance="one"}[5m])[30m:90s])', euDay],
  ['avg_over_time(temperature{instance="one"}[30m:70s] offset 10m)', euGap],
  ['temperature{instance="one"} @ end()', euGap],
  ['rate(requests_total[7m] @ start())', euGap],
  ['timestamp(temperature{instance="one"})', euGap],
  ['predict_linear(temperature{instance="one"}[30m], 600)', euDay],
  ['topk(1, temperature)', EU + 5000],
  ['count by (cluster, replica) (temperature)', euDay],
]

const OTHER_QUERIES: readonly (readonly [string, Times | number])[] = [
  ['same_time{cluster="sa"}[40m]', EU + 3600],
  ['same_time{cluster="sa"}', { start: EU + 600, end: EU + 7000, step: 240 }],
  ['rate(same_time{cluster="sa"}[5m])', { start: EU + 600, end: EU + 7000, step: 240 }],
  ['rate(same_time{cluster="in"}[5m])', { start: EU + 600, end: EU + 7000, step: 600 }],
  ['same_time{cluster="over"}[20m]', EU + 4000],
  ['rate(same_time{cluster="over"}[20m])', { start: EU + 600, end: EU + 7000, step: 300 }],
]

const US_QUERIES: readonly (readonly [string, Times | number])[] = [
  ['load[5h]', US + 106 * HOUR],
  ['hits_total[5h]', US + 106 * HOUR],
  ['size_bytes[45m]', US + 106 * HOUR],
  ['load', usAll],
  ['load', usGap],
  ['load', usSeam],
  ['min(load)', usGap],
  ['max(load)', usSeam],
  ['sum(load)', usGap],
  ['count(load)', usGap],
  ['avg(load)', usGap],
  ['min_over_time(load[2h])', usGap],
  ['max_over_time(load[3h])', usSeam],
  ['avg_over_time(load[3h])', usGap],
  ['sum_over_time(load[3h])', usGap],
  ['count_over_time(load[3h])', usSeam],
  ['quantile_over_time(0.5, load[4h])', usGap],
  ['last_over_time(load[2h])', usAll],
  ['delta(load[3h])', usGap],
  ['changes(load[3h])', usGap],
  ['count_values("v", blinking)', US + 101 * HOUR],
  ['max(load / 2)', usGap],
  ['max(avg_over_time(load[2h]))', usGap],
  ['rate(hits_total[1h])', usGap],
  ['rate(hits_total[2h])', usSeam],
  ['increase(hits_total[4h])', usGap],
  ['increase(hits_total[12d])', US_END],
  ['irate(hits_total[3h])', usGap],
  ['resets(hits_total[8h])', usGap],
  ['hits_total', usAll],
  ['rate(joules_total[2h])', usSeam],
  ['increase(joules_total[3h])', usAll],
  ['sum(rate(hits_total[150m]))', usSeam],
  ['rate(blinking[3h])', usGap],
  ['blinking', usGap],
  ['absent(load)', usAll],
  ['rate(size_bytes[3h])', { ...usGap, step: 6000 }],
  ['histogram_quantile(0.5, rate(size_bytes[3h]))', usSeam],
  ['histogram_count(size_bytes)', usGap],
  ['histogram_avg(size_bytes)', usSeam],
  ['load offset 2h', usSeam],
  ['rate(hits_total[2h] offset 90m)', usSeam],
  ['max_over_time(rate(hits_total[2h])[3h:30m])', usSeam],
  ['load @ end() - load', usSeam],
]

function asked(query: string, times: Times | number): Pick<ThanosCase, 'path' | 'params'> {
  return typeof times === 'number'
    ? { path: 'query', params: { query, time: times } }
    : { path: 'query_range', params: { query, ...times } }
}

function build(): ThanosCase[] {
  const cases: ThanosCase[] = []
  for (const deduplication of ['penalty', 'chain'] as const) {
    for (const [query, times] of EU_QUERIES) {
      cases.push({ ...asked(query, times), deduplication })
    }
    for (const [query, times] of OTHER_QUERIES) {
      const { path, params } = asked(query, times)
      cases.push({
        path,
        params: { ...params, 'replicaLabels[]': ['replica', 'pod'] },
        deduplication,
      })
    }
  }
  const withParams = (
    queries: readonly (readonly [string, Times | number])[],
    deduplication: 'penalty' | 'chain',
    more: Params,
  ): void => {
    for (const [query, times] of queries) {
      const { path, params } = asked(query, times)
      cases.push({ path, params: { ...params, ...more }, deduplication })
    }
  }
  // Without deduplication the algorithm does not matter.
  withParams(
    EU_QUERIES.filter((_, i) => i % 4 === 0),
    'penalty',
    { dedup: 'false' },
  )
  withParams(OTHER_QUERIES, 'penalty', { dedup: 'false' })
  for (const resolution of ['0s', '5m', '1h']) {
    withParams(US_QUERIES, 'penalty', { max_source_resolution: resolution })
  }
  withParams(
    US_QUERIES.filter((_, i) => i % 3 === 0),
    'chain',
    { max_source_resolution: '5m' },
  )
  withParams(
    US_QUERIES.filter((_, i) => i % 3 === 1),
    'chain',
    { max_source_resolution: '1h' },
  )
  withParams(
    US_QUERIES.filter((_, i) => i % 3 === 2),
    'penalty',
    { max_source_resolution: '5m', dedup: 'false' },
  )
  withParams(
    US_QUERIES.filter((_, i) => i % 3 === 0),
    'penalty',
    { max_source_resolution: '1h', dedup: 'false' },
  )
  withParams(
    US_QUERIES.filter((_, i) => i % 3 === 1),
    'penalty',
    { max_source_resolution: 'auto' },
  )
  const lone = [
    ['load', { start: US, end: US + 12 * DAY, step: 5 * HOUR }],
    ['rate(hits_total[6h])', { start: US, end: US + 12 * DAY, step: 5 * HOUR }],
  ] as const
  withParams(lone, 'penalty', { max_source_resolution: 'auto' })
  withParams(lone, 'penalty', { max_source_resolution: '90m', lookback_delta: '10m' })
  for (const query of [
    'depth',
    'rate(moves_total[1h])',
    'max(depth)',
    'sum_over_time(depth[2h])',
    'nothing',
  ]) {
    for (const step of [600, 2000]) {
      const params = { query, start: US, end: US + 579 * HOUR, step, max_source_resolution: 'auto' }
      cases.push({ path: 'query_range', params, deduplication: 'penalty', frontend: true })
    }
    const params = {
      query,
      start: US + 301 * HOUR,
      end: US + 579 * HOUR,
      step: 600,
      max_source_resolution: 'auto',
    }
    cases.push({ path: 'query_range', params, deduplication: 'penalty', frontend: true })
    cases.push({ path: 'query_range', params, deduplication: 'penalty' })
  }
  // What can't be read is a warning or an error.
  const broken = [['unreadable', EU + 60]] as const
  withParams(broken, 'penalty', { partial_response: 'true' })
  withParams(broken, 'penalty', { partial_response: 'false' })
  return cases
}

export const THANOS_CASES: readonly ThanosCase[] = build()
