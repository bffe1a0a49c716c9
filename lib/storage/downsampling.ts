/** What a function takes from downsampled blocks: which of their aggregates, and how coarse they may be; as Thanos's querier chooses. */
import type { SelectHints } from './storage.ts'

/** `average` is sum over count; `weighted` are the sums, with the counts as weights. */
export type Aggregation = 'count' | 'sum' | 'min' | 'max' | 'counter' | 'average' | 'weighted'

const COUNTER_FUNCTIONS: ReadonlySet<string> = new Set(['rate', 'increase', 'irate', 'resets'])

/**
 * What a selector takes of downsampled blocks: as Thanos's querier chooses; `exact`: so that functions give what they would over raw samples,
 * wherever windows tell it.
 */
export function aggregationOf(hints: SelectHints, exact = false): Aggregation {
  return (exact ? exactly(hints) : undefined) ?? asThanos(hints.func)
}

/** Undefined where Thanos is right. */
function exactly({ func, rangeMs }: SelectHints): Aggregation | undefined {
  switch (func) {
    case 'avg_over_time':
    case 'count_over_time':
      // The steps of a subquery have values, not samples.
      return rangeMs > 0 ? 'weighted' : 'average'
    case 'sum_over_time':
      return rangeMs > 0 ? 'sum' : 'average'
    case 'count_values':
      return 'average'
    // Totals never fall; the least of a window falls where a counter begins anew.
    case 'resets':
      return 'min'
    default:
      return undefined
  }
}

function asThanos(func: string): Aggregation {
  if (COUNTER_FUNCTIONS.has(func)) return 'counter'
  for (const kind of ['min', 'max', 'count'] as const) {
    if (func === kind || func.startsWith(`${kind}_`)) return kind
  }
  return func.startsWith('sum_') ? 'sum' : 'average'
}

/** They need two samples in their range. */
const PAIR_FUNCTIONS: ReadonlySet<string> = new Set([
  'rate',
  'irate',
  'increase',
  'delta',
  'idelta',
  'deriv',
  'predict_linear',
  'holt_winters',
  'double_exponential_smoothing',
])

export function needsPairs(func: string): boolean {
  return PAIR_FUNCTIONS.has(func)
}

/** The coarsest resolution, in ms, that a selector may read where the request allows `maxMs`. */
export function maxResolutionMs(maxMs: number, { func, rangeMs }: SelectHints): number {
  return rangeMs > 0 && needsPairs(func) ? Math.min(maxMs, Math.floor(rangeMs / 2)) : maxMs
}
