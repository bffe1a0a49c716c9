/** Facts about expressions that planning and execution share: what does not change from step to step, and what a tree is made of. */
import type { Expr } from '../parse/ast.ts'

/** Their result depends on the evaluation time even when their arguments do not. */
export const TIME_DEPENDENT_FUNCTIONS: ReadonlySet<string> = new Set([
  'days_in_month',
  'day_of_month',
  'day_of_week',
  'day_of_year',
  'end',
  'hour',
  'minute',
  'month',
  'year',
  'predict_linear',
  'range',
  'start',
  'step',
  'time',
  'timestamp',
])

export function unwrapParens(expr: Expr): Expr {
  let inner = expr
  while (inner.type === 'paren') inner = inner.input
  return inner
}

/** Whether the value is the same at every step, so that one evaluation is enough. */
export function isStepInvariant(expr: Expr): boolean {
  switch (expr.type) {
    case 'number':
    case 'string':
      return true
    case 'vector':
      return expr.at !== undefined
    case 'matrix':
      return expr.selector.at !== undefined
    case 'subquery':
      return expr.at !== undefined
    case 'aggregation':
      // Prometheus does not look at the parameter: what it is at the first step counts for all.
      return isStepInvariant(expr.input)
    case 'binary':
      return isStepInvariant(expr.left) && isStepInvariant(expr.right)
    case 'unary':
    case 'paren':
      return isStepInvariant(expr.input)
    case 'call': {
      const args = expr.args.map(unwrapParens)
      if (expr.func === 'timestamp' && args[0]?.type === 'vector') return isStepInvariant(args[0])
      return !TIME_DEPENDENT_FUNCTIONS.has(expr.func) && args.every(isStepInvariant)
    }
    default:
      return expr satisfies never
  }
}
