/** What the bench asks: the shapes of queries that dashboards and alerts are made of. */
import { DAY, MONTH, WIDE, type Period } from './make-blocks.ts'

export interface BenchQuery {
  readonly name: string
  readonly expr: string
  /** Of the period; an instant query at its end when there is no step. */
  readonly period: Period
  readonly hours?: number | undefined
  readonly stepSeconds?: number | undefined
  /** Over native histograms, which not everybody has. */
  readonly native?: boolean | undefined
}

const day = { period: DAY, stepSeconds: 60 }
const wide = { period: WIDE }
const month = { period: MONTH, stepSeconds: 1800 }

export const QUERIES: readonly BenchQuery[] = [
  {
    name: 'sum by (rate), 1k series, 24h',
    expr: 'sum by (cluster) (rate(http_requests_total[5m]))',
    ...day,
  },
  { name: 'rate of 250 series, 24h', expr: 'rate(http_requests_total{code="200"}[5m])', ...day },
  { name: 'gauge as it is, 24h', expr: 'memory_bytes{cluster="eu-west-1"}', ...day },
  {
    name: 'topk of rate, 24h',
    expr: 'topk(5, rate(http_requests_total[5m]))',
    period: DAY,
    stepSeconds: 300,
  },
  { name: 'quantile by, 24h', expr: 'quantile by (cluster) (0.9, memory_bytes)', ...day },
  {
    name: 'histogram_quantile classic, 24h',
    expr: 'histogram_quantile(0.99, sum by (le, cluster) (rate(latency_seconds_bucket[5m])))',
    ...day,
  },
  {
    name: 'histogram_quantile native, 24h',
    expr: 'histogram_quantile(0.99, sum by (cluster) (rate(rpc_seconds[5m])))',
    period: DAY,
    stepSeconds: 300,
    native: true,
  },
  {
    name: 'sum of native, 1h at 15s',
    expr: 'sum by (cluster) (rpc_seconds)',
    period: DAY,
    hours: 1,
    stepSeconds: 15,
    native: true,
  },
  {
    name: 'count of native, 24h',
    expr: 'histogram_count(sum by (namespace) (rate(rpc_seconds[5m])))',
    ...day,
    native: true,
  },
  {
    name: 'error ratio, 24h',
    expr: 'sum by (namespace) (rate(http_requests_total{code=~"5.."}[5m])) / sum by (namespace) (rate(http_requests_total[5m]))',
    ...day,
  },
  {
    name: 'join with group_left, 24h',
    expr: 'sum by (node) (memory_bytes * on (cluster, namespace, pod) group_left (node) pod_info)',
    ...day,
  },
  {
    name: 'subquery, 24h',
    expr: 'max_over_time(sum by (cluster) (rate(http_requests_total[5m]))[1h:1m])',
    period: DAY,
    stepSeconds: 300,
  },
  {
    name: 'offset comparison, 12h',
    expr: 'sum by (namespace) (rate(http_requests_total[10m])) > 0.999 * sum by (namespace) (rate(http_requests_total[10m] offset 6h))',
    hours: 12,
    ...day,
  },
  {
    name: 'over_time functions, 24h',
    expr: 'avg_over_time(memory_bytes[30m]) / max_over_time(memory_bytes[30m])',
    period: DAY,
    stepSeconds: 300,
  },
  { name: 'absent, 24h', expr: 'absent(memory_bytes{cluster="eu-west-1"})', ...day },
  {
    name: 'instant sum by (rate), 20k series',
    expr: 'sum by (cluster) (rate(http_requests_total[5m]))',
    ...wide,
  },
  { name: 'instant count by, 20k series', expr: 'count by (__name__) ({job=~".+"})', ...wide },
  {
    name: 'instant high-cardinality count by',
    expr: 'count by (pod) (http_requests_total)',
    ...wide,
  },
  {
    name: 'regex selector, 2h',
    expr: 'sum by (code) (rate(http_requests_total{pod=~"app-1.*-[0-9]+", code!~"2.."}[5m]))',
    hours: 2,
    stepSeconds: 30,
    ...wide,
  },
  {
    name: 'sum by (rate), 8k series, 4h',
    expr: 'sum by (namespace) (rate(http_requests_total[5m]))',
    stepSeconds: 60,
    ...wide,
  },
  {
    name: 'histogram_quantile by pod, 1h',
    expr: 'histogram_quantile(0.9, sum by (le, pod) (rate(latency_seconds_bucket[5m])))',
    hours: 1,
    stepSeconds: 60,
    ...wide,
  },
  {
    name: 'instant join with group_left',
    expr: 'sum by (node) (rate(http_requests_total[5m]) * on (cluster, namespace, pod) group_left (node) pod_info)',
    ...wide,
  },
  { name: 'alert that finds little', expr: 'memory_bytes{namespace="team-7"} > 1.99e8', ...wide },
  {
    name: 'sum by (rate), 30d',
    expr: 'sum by (cluster) (rate(http_requests_total[1h]))',
    ...month,
  },
  { name: 'gauge average, 30d', expr: 'avg by (namespace) (memory_bytes)', ...month },
  {
    name: 'max_over_time 1d, 30d',
    expr: 'max_over_time(memory_bytes{cluster="eu-west-1"}[1d])',
    ...month,
  },
  {
    name: 'quantile_over_time, 30d',
    expr: 'quantile_over_time(0.95, memory_bytes{namespace="team-3"}[6h])',
    ...month,
  },
]

/** Path below `/api/v1/` with its parameters. */
export function requestPath({ expr, period, hours, stepSeconds }: BenchQuery): string {
  const end = period.endMs / 1000 - 60
  const params =
    stepSeconds === undefined
      ? { query: expr, time: String(end) }
      : {
          query: expr,
          start: String(hours === undefined ? period.startMs / 1000 + 600 : end - hours * 3600),
          end: String(end),
          step: String(stepSeconds),
        }
  return `${stepSeconds === undefined ? 'query' : 'query_range'}?${new URLSearchParams(params).toString()}`
}
