/** What is asked of queriers over the two Prometheuses of `sidecar-world.ts`, and how their answers are compared. */
import type { Params } from './ask.ts'

/** `T` is the present of the test, in seconds; every answer is of the past. */
export const QUERIES = [
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

export function requests(now: number): readonly (readonly [string, Params])[] {
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
export function steady(value: unknown, key = ''): unknown {
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
export function firstDifference(actual: unknown, expected: unknown, at = ''): string | undefined {
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
