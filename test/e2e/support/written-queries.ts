/** What is asked of written-series.ts. */
import type { Request } from './requests.ts'
import { WRITTEN_END_MS, WRITTEN_START_MS } from './written-series.ts'

/** With the reason why 2.42 gives other last bits than 3.x. */
export type WrittenQuery = string | readonly [expr: string, roundsOtherwise: string]

const SUM = '3.x sums with a compensation for rounding, 2.42 without'

export const FLOATS: readonly WrittenQuery[] = [
  'level',
  'requests_total',
  'constant',
  'hole',
  'gone',
  'flapping',
  'late',
  'special',
  'once',
  'rate(requests_total[5m])',
  'increase(precise_total[20m])',
  'irate(flapping[3m])',
  ['avg_over_time(level[7m])', '3.x divides a compensated sum, 2.42 averages by a running mean'],
  'max_over_time(special[4m])',
  'count_over_time(hole[10m])',
  'last_over_time(gone[30m])',
  'absent(gone{job="a"})',
  'absent_over_time(flapping{job="b"}[2m])',
  'changes(flapping[15m])',
  'resets(requests_total[3h])',
  ['sum by (job) (level)', SUM],
  'count({job="a"}) by (__name__)',
  'timestamp(flapping)',
  'deriv(level[10m])',
  'quantile_over_time(0.3, level[11m])',
  'requests_total offset 50m - requests_total',
  'max_over_time(rate(requests_total[2m])[10m:1m])',
]

/** 2.42 extends a counter that began in the range further towards zero than 3.x does. */
export const FLOATS_3: typeof FLOATS = ['rate(fresh_total[5m])', 'increase(fresh_total[1h])']

export const HISTOGRAMS: readonly string[] = [
  ...['whole', 'reset', 'fraction', 'coarser', 'gauge', 'gone', 'mixed', 'custom'].flatMap(
    (name) => [
      `${name}_seconds`,
      `histogram_quantile(0.9, rate(${name}_seconds[5m]))`,
      `histogram_count(increase(${name}_seconds[10m]))`,
      `sum(rate(${name}_seconds{job="a"}[5m]))`,
    ],
  ),
  'histogram_sum(whole_seconds)',
  'histogram_avg(rate(fraction_seconds[5m]))',
  'histogram_fraction(0.1, 2, whole_seconds)',
  'histogram_stddev(gauge_seconds)',
  'histogram_stdvar(custom_seconds)',
  'avg by (job) (gauge_seconds)',
  'sum_over_time(gauge_seconds[5m])',
  'avg_over_time(gauge_seconds[5m])',
  'delta(gauge_seconds[5m])',
  'irate(reset_seconds[5m])',
  'changes(mixed_seconds[20m])',
  'resets(reset_seconds[4h])',
  'whole_seconds - reset_seconds',
  'whole_seconds * 2 / 3',
  'count(coarser_seconds) by (job)',
  'last_over_time(gone_seconds[20m])',
]

export function writtenRequests(exprs: readonly WrittenQuery[]): Request[] {
  const range = { start: WRITTEN_START_MS / 1000 - 61, end: WRITTEN_END_MS / 1000 + 600, step: 97 }
  const time = WRITTEN_START_MS / 1000 + 9011
  return exprs.flatMap((one): Request[] => {
    const [expr, roundsOtherwise] = typeof one === 'string' ? [one] : one
    const asked = { expr, roundsOtherwise }
    const more = { asked, ordered: false, long: false }
    return [
      { ...more, path: 'query', params: { query: expr, time } },
      { ...more, path: 'query_range', params: { query: expr, ...range } },
      ...(/^\w+$/.test(expr)
        ? [{ ...more, path: 'query' as const, params: { query: `${expr}[1h]`, time } }]
        : []),
    ]
  })
}
