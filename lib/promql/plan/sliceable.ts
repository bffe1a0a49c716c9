/** Whether an expression may be evaluated over parts of its steps and the parts put one after the other. */
import { METRIC_NAME } from '#lib/model/labels.ts'
import type { Call, Expr } from '../parse/ast.ts'
import { typeOf } from '../parse/type.ts'
import { children } from '../parse/walk.ts'
import { isStepInvariant, unwrapParens } from './expr-facts.ts'

/**
 * False for:
 * - strings and range vectors, which have no steps;
 * - a function over a range whose result loses names that may differ: two results with equal labels are an error even
 *   where they never meet at one step (`rate({job="a"}[5m])`, one metric in the first hour and another in the second);
 * - quantile and limit_ratio with a parameter that changes from step to step, because the warning names the
 *   worst parameter of the whole query;
 * - such a parameter of any aggregation whose input does not change, because the parameter of the first step counts.
 *
 * Everything else looks at one step at a time, errors included: equal labels after abs(), unary minus, label_replace() or
 * a binary operation are an error only where both have a sample at the same step, and some part has that step.
 */
export function sliceable(expr: Expr): boolean {
  const type = typeOf(expr)
  return type !== 'string' && type !== 'matrix' && everyStepAlone(expr)
}

function everyStepAlone(expr: Expr): boolean {
  if (expr.type === 'aggregation' && expr.param && !isStepInvariant(expr.param)) {
    if (expr.op === 'quantile' || expr.op === 'limit_ratio') return false
    if (isStepInvariant(expr.input)) return false
  }
  if (expr.type === 'call') {
    const range = expr.args.map(unwrapParens).find((arg) => typeOf(arg) === 'matrix')
    if (range && losesNames(expr) && !oneName(range)) return false
  }
  return children(expr).every(everyStepAlone)
}

function losesNames({ func }: Call): boolean {
  return !['last_over_time', 'first_over_time', 'absent_over_time'].includes(func)
}

/** Whether all series surely have the same name, or none. */
function oneName(expr: Expr): boolean {
  switch (expr.type) {
    case 'number':
    case 'string':
      return true
    case 'vector':
      return expr.matchers.some(({ name, type }) => name === METRIC_NAME && type === '=')
    case 'matrix':
      return oneName(expr.selector)
    case 'subquery':
    case 'unary':
    case 'paren':
      return oneName(expr.input)
    case 'aggregation':
      return !keepsName(expr.op, expr.grouping, expr.without) || oneName(expr.input)
    case 'binary':
      if (typeOf(expr) === 'scalar') return true
      return expr.op === 'or'
        ? false
        : typeOf(expr.left) === 'scalar'
          ? oneName(expr.right)
          : oneName(expr.left) && (typeOf(expr.right) === 'scalar' || oneName(expr.right))
    case 'call':
      // Labels written by hand may be names, or what told series apart.
      if (expr.func === 'label_replace' || expr.func === 'label_join') return false
      return expr.args.every(oneName)
    default:
      return expr satisfies never
  }
}

function keepsName(op: string, grouping: readonly string[], without: boolean): boolean {
  if (['topk', 'bottomk', 'limitk', 'limit_ratio'].includes(op)) return true
  return !without && grouping.includes(METRIC_NAME)
}
