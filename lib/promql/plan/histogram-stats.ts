/** Selectors of which only count and sum of histograms matter. */
import type { Expr, VectorSelector } from '../parse/ast.ts'
import { children } from '../parse/walk.ts'

const STATS = new Set(['histogram_count', 'histogram_sum', 'histogram_avg'])
const NEED_BUCKETS = new Set(['histogram_quantile', 'histogram_quantiles', 'histogram_fraction'])

/** Below a function of count and sum, and nowhere below what needs buckets. */
export function statsSelectors(expr: Expr): ReadonlySet<VectorSelector> {
  const found = new Set<VectorSelector>()
  collect(expr, false)
  return found

  function collect(node: Expr, stats: boolean): void {
    // Resets between samples that a subquery skips can only be seen in the buckets.
    if (node.type === 'subquery') return
    if (node.type === 'call' && NEED_BUCKETS.has(node.func)) return
    if (node.type === 'binary' && (node.op === '</' || node.op === '>/')) return
    if (node.type === 'vector' && stats) found.add(node)
    const below = stats || (node.type === 'call' && STATS.has(node.func))
    for (const child of children(node)) collect(child, below)
  }
}
