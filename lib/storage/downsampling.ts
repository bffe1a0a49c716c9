/** What a function takes from downsampled blocks: which of their aggregates, and how coarse they may be; as Thanos's querier chooses. */
import type { SelectHints } from './storage.ts'

/** `average` is sum over count. */
export type Aggregation = 'count' | 'sum' | 'min' | 'max' | 'counter' | 'average'

const COUNTER_FUNCTIONS: ReadonlySet<string> = new Set(['rate', 'increase', 'irate', 'resets'])

/** `func` is the closest function or aggregation above a selector. */
export function aggregationOf(func: string): Aggregation {
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
