/**
 * The plan of an expression as a tree of operators, and as text: one operator a line, inputs indented below it.
 *
 *     / one-to-one ignoring ()
 *       rate()
 *         select {__name__="x"} range=300000ms read 1
 *       once sum by (job)
 *         select {__name__="y"} @5000ms read 2 labels (__name__, job)
 *     read 1 {__name__="x"} from 3300001ms to 4200000ms
 *     read 2 {__name__="y"} from -294999ms to 5000ms
 *
 * `once`: computed once for all steps. `read`: selectors with one number share one request, those with the same
 * number more than once decode it together. `labels`, `all labels but`: what of the labels is looked at, where that is not all.
 */
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
import { children } from '../parse/walk.ts'
import { isStepInvariant } from './expr-facts.ts'
import type { LabelNeed } from './pass-projection.ts'
import type { Plan } from './plan.ts'

export interface ExplainNode {
  readonly name: string
  readonly children: readonly ExplainNode[]
}

/** What a plan says about one selector, behind its description. */
type Note = (selector: VectorSelector) => string

export function explain(expr: Expr): string {
  return lines(
    explainTree(expr, () => ''),
    '',
  ).join('\n')
}

export function explainPlan(plan: Plan): string {
  const reads = plan.reads.map(({ request }, i) => {
    const { matchers, startMs, endMs } = request
    return `read ${i + 1} {${matchers.map(printMatcher).join(',')}} from ${startMs}ms to ${endMs}ms`
  })
  return [...lines(planTree(plan), ''), ...reads].join('\n')
}

export function planTree(plan: Plan): ExplainNode {
  const numbers = new Map<VectorSelector, number>()
  for (const [i, { selectors }] of plan.reads.entries()) {
    for (const selector of selectors) numbers.set(selector, i + 1)
  }
  return explainTree(plan.expr, (selector) => {
    const number = numbers.get(selector)
    // The selector of info() only says what to look for.
    if (number === undefined) return ''
    return ` read ${number}${describeNeed(plan.labels.get(selector))}`
  })
}

function lines({ name, children }: ExplainNode, indent: string): string[] {
  const below: string[] = []
  for (const child of children) for (const line of lines(child, `${indent}  `)) below.push(line)
  return [indent + name, ...below]
}

/** Goes over the operators, inputs first. Parentheses are no operators; a range selector is one with its selector. */
export function explainOperators<T>(
  expr: Expr,
  make: (operator: Expr, name: string, inputs: readonly T[]) => T,
  inOnce = false,
): T {
  if (expr.type === 'paren') return explainOperators(expr.input, make, inOnce)
  const once = !inOnce && startsOnce(expr)
  const name = `${once ? 'once ' : ''}${describeOperator(expr)}`
  if (expr.type === 'matrix') return make(expr, name, [])
  // A subquery has steps of its own.
  const nested = (inOnce || once) && expr.type !== 'subquery'
  const inputs = children(expr).map((child) => explainOperators(child, make, nested))
  return make(expr, name, inputs)
}

function explainTree(expr: Expr, note: Note): ExplainNode {
  return explainOperators<ExplainNode>(expr, (node, name, children) => {
    if (node.type === 'vector') return { name: name + note(node), children }
    if (node.type === 'matrix') return { name: name + note(node.selector), children }
    return { name, children }
  })
}

/** Whether the engine would compute it at one step for all, if nothing around it is. */
function startsOnce(expr: Expr): boolean {
  return expr.type !== 'number' && expr.type !== 'string' && isStepInvariant(expr)
}

function describeNeed(need: LabelNeed | undefined): string {
  if (!need) return ''
  return `${need.by ? ' labels' : ' all labels but'} (${need.labels.join(', ')})`
}

function describeOperator(expr: Expr): string {
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
