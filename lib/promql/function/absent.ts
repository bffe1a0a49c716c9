/** Labels of the series that absent() and absent_over_time() make up. */
import { labelsFromPairs, METRIC_NAME, type Labels } from '#lib/model/labels.ts'
import type { Expr } from '../parse/ast.ts'

/** From equality matchers; a label matched more than once or otherwise has no value to give. */
export function absentLabels(arg: Expr): Labels {
  const selector = arg.type === 'matrix' ? arg.selector : arg
  if (selector.type !== 'vector') return []
  const values = new Map<string, string>()
  const seen = new Set<string>()
  for (const { name, type, value } of selector.matchers) {
    if (name === METRIC_NAME) continue
    if (type === '=' && !seen.has(name)) {
      values.set(name, value)
      seen.add(name)
    } else values.delete(name)
  }
  return labelsFromPairs(values)
}
