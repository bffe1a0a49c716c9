/** The plan of an expression as text, one line per operator, inputs indented. What tests compare. */
import { printMatcher } from '../parse/print.ts'
import type {
  AtModifier,
  Duration,
  Expr,
  Subquery,
  VectorMatching,
  VectorSelector,
} from '../parse/ast.ts'
import { typeOf } from '../parse/type.ts'
import { formatPlain } from '../function/float-math.ts'
import { childrenOf, isStepInvariant } from './expr-facts.ts'

/** Operators that are computed once for all steps begin with `once`. */
export function explain(expr: Expr): string {
  return lines(expr, '', false).join('\n')
}

function lines(expr: Expr, indent: string, inOnce: boolean): string[] {
  const literal = expr.type === 'number' || expr.type === 'string'
  const once = !inOnce && !literal && expr.type !== 'paren' && isStepInvariant(expr)
  const head = `${indent}${once ? 'once ' : ''}${describe(expr)}`
  if (expr.type === 'paren') return lines(expr.input, indent, inOnce)
  if (expr.type === 'matrix') return [head]
  // A subquery has steps of its own.
  const nested = (inOnce || once) && expr.type !== 'subquery'
  return [head, ...childrenOf(expr).flatMap((child) => lines(child, `${indent}  `, nested))]
}

function describe(expr: Expr): string {
  switch (expr.type) {
    case 'number':
      return `number ${formatPlain(expr.value)}`
    case 'string':
      return `string ${JSON.stringify(expr.value)}`
    case 'vector':
      return `select ${describeSelector(expr, '')}`
    case 'matrix':
      return `select ${describeSelector(expr.selector, ` range=${duration(expr.range)}`)}`
    case 'subquery':
      return `subquery range=${duration(expr.range)} step=${expr.step ? duration(expr.step) : 'default'}${moved(expr)}`
    case 'aggregation': {
      const by = expr.without
        ? ` without (${expr.grouping.join(', ')})`
        : expr.grouping.length > 0
          ? ` by (${expr.grouping.join(', ')})`
          : ''
      return `${expr.op}${by}`
    }
    case 'call':
      return `${expr.func}()`
    case 'binary':
      return `${expr.op}${expr.returnBool ? ' bool' : ''}${describeSides(expr.left, expr.right, expr.matching)}`
    case 'unary':
      return expr.op === '-' ? 'negate' : 'plus'
    case 'paren':
      return 'paren'
    default:
      return expr satisfies never
  }
}

function describeSelector(selector: VectorSelector, range: string): string {
  const extension = selector.anchored ? ' anchored' : selector.smoothed ? ' smoothed' : ''
  return `{${selector.matchers.map(printMatcher).join(',')}}${range}${extension}${moved(selector)}`
}

function moved({ at, offset }: Pick<Subquery, 'at' | 'offset'>): string {
  const shown = duration(offset)
  return `${describeAt(at)}${shown === '0ms' ? '' : ` offset=${shown}`}`
}

function describeAt(at: AtModifier | undefined): string {
  if (!at) return ''
  return at.type === 'timestamp' ? ` @${at.ms}ms` : ` @${at.type}()`
}

function duration({ ms, expr }: Duration): string {
  return expr ? 'unresolved' : `${ms}ms`
}

function describeSides(left: Expr, right: Expr, matching: VectorMatching | undefined): string {
  if (!matching) return ` ${typeOf(left)}, ${typeOf(right)}`
  const { on, labels, card, include, fillLeft, fillRight } = matching
  let text = ` ${card} ${on ? 'on' : 'ignoring'} (${labels.join(', ')})`
  if (include.length > 0) text += ` include (${include.join(', ')})`
  if (fillLeft !== undefined) text += ` fill_left=${formatPlain(fillLeft)}`
  if (fillRight !== undefined) text += ` fill_right=${formatPlain(fillRight)}`
  return text
}
