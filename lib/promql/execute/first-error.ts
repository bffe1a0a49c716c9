/** Of several things that are wrong with a query, the one that Prometheus meets first: its operands are done one after the other. */
import { isKind } from '#lib/model/errors.ts'
import type { Expr } from '../parse/ast.ts'
import { typeOf } from '../parse/type.ts'
import { children } from '../parse/walk.ts'
import { unwrapParens } from '../plan/expr-facts.ts'
import { buildScalar, buildVector, gridOfSubquery, isPinned, oneStep } from './build.ts'
import type { EvalGrid, Evaluation } from './evaluation.ts'
import { drain } from './materialize.ts'

/**
 * `expr` failed with `error`, an 'execution' error. What of it fails alone is what failed; operators compute in an order of
 * their own, and so this is asked only when something went wrong. Other kinds of errors on the way leave `error` what it is.
 */
export async function firstError(
  begin: () => Evaluation,
  expr: Expr,
  grid: EvalGrid,
  error: unknown,
): Promise<unknown> {
  const own = isPinned(expr, grid) ? oneStep(grid) : grid
  for (const operand of operands(expr)) {
    const inner = unwrapParens(operand)
    const [input, inputGrid] =
      inner.type === 'subquery' ? [inner.input, gridOfSubquery(inner, own)] : [inner, own]
    try {
      await compute(begin(), input, inputGrid)
    } catch (failure) {
      if (!isKind(failure, 'execution')) return error
      return firstError(begin, input, inputGrid, failure)
    }
  }
  return error
}

/** In the order in which Prometheus evaluates them. */
function operands(expr: Expr): readonly Expr[] {
  switch (expr.type) {
    case 'matrix':
      return []
    case 'aggregation':
      return expr.param === undefined ? [expr.input] : [expr.param, expr.input]
    case 'call': {
      if (expr.func === 'info') return expr.args.slice(0, 1)
      const isSubquery = (arg: Expr): boolean => unwrapParens(arg).type === 'subquery'
      return [...expr.args].sort((a, b) => Number(isSubquery(b)) - Number(isSubquery(a)))
    }
    default:
      return children(expr)
  }
}

async function compute(evaluation: Evaluation, expr: Expr, grid: EvalGrid): Promise<void> {
  const type = typeOf(expr)
  if (type === 'scalar') await buildScalar(evaluation, expr, grid)
  if (type !== 'vector') return
  const operator = await buildVector(evaluation, expr, grid)
  await drain(evaluation, operator, operator.heads.keys(), grid)
}
