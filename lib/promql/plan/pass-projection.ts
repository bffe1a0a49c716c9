/** Pass: which labels of a selector's series anything above it looks at. */
import { METRIC_NAME } from '#lib/model/labels.ts'
import type { Expr, VectorSelector } from '../parse/ast.ts'
import { children } from '../parse/walk.ts'
import { unwrapParens } from './expr-facts.ts'

/** Only these labels (`by`), or all but these. */
export interface LabelNeed {
  readonly by: boolean
  readonly labels: readonly string[]
}

const PICKS_SERIES: ReadonlySet<string> = new Set(['topk', 'bottomk', 'limitk', 'limit_ratio'])

/**
 * Selectors that are not in the map need all. Series that only differ in other labels are still series of their own, so
 * only an aggregation right above a selector can do without: functions of a range tell series apart by what is left.
 * The name is always needed: warnings tell it.
 */
export function labelNeeds(expr: Expr): ReadonlyMap<VectorSelector, LabelNeed> {
  const needs = new Map<VectorSelector, LabelNeed>()
  collect(expr)
  return needs

  function collect(node: Expr): void {
    if (node.type === 'aggregation' && !PICKS_SERIES.has(node.op)) {
      const input = unwrapParens(node.input)
      if (input.type === 'vector') {
        const labels = node.without
          ? node.grouping.filter((name) => name !== METRIC_NAME)
          : [...new Set([METRIC_NAME, ...node.grouping])]
        needs.set(input, { by: !node.without, labels: labels.sort() })
      }
    }
    for (const child of children(node)) collect(child)
  }
}
