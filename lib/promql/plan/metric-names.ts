/** Which metrics an expression reads. */
import { METRIC_NAME } from '#lib/model/labels.ts'
import type { Matcher } from '#lib/model/matcher.ts'
import type { Expr } from '../parse/ast.ts'
import { children } from '../parse/walk.ts'

/** Undefined where a selector has no fixed name: it may read any. */
export function metricNames(expr: Expr): ReadonlySet<string> | undefined {
  const names = new Set<string>()
  const collect = (node: Expr): boolean => {
    if (node.type === 'vector') {
      const name = fixedName(node.matchers)
      if (name === undefined) return false
      names.add(name)
    }
    return children(node).every(collect)
  }
  return collect(expr) ? names : undefined
}

function fixedName(matchers: readonly Matcher[]): string | undefined {
  return matchers.find(({ name, type }) => name === METRIC_NAME && type === '=')?.value
}
