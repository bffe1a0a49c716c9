/** Pass: an equality that one side of `and` or `unless` is known to have is asked of the other side too. */
import { METRIC_NAME } from '#lib/model/labels.ts'
import type { Matcher } from '#lib/model/matcher.ts'
import { METADATA_LABELS } from '../execute/merge-series.ts'
import type {
  Aggregation,
  Binary,
  Call,
  Expr,
  VectorMatching,
  VectorSelector,
} from '../parse/ast.ts'
import { typeOf } from '../parse/type.ts'
import { findSelectors, mapChildren } from '../parse/walk.ts'

/**
 * `a{job="x"} and on (job) b` reads only `b{job="x"}`.
 *
 * Only where nothing but the cost can change. Arithmetic is left alone: Prometheus refuses series that are not unique
 * on one side even where nothing matches them. So is every side that could warn or fail over a series that is then
 * not read (`narrowed`), and a selector that another part of the query reads as it is.
 */
export function spreadMatchers(expr: Expr): Expr {
  let counted: ReadonlyMap<string, number> | undefined
  const uses = () => (counted ??= countUses(expr))
  const isShared = (selector: VectorSelector) => (uses().get(keyOf(selector)) ?? 1) > 1
  // Parents first: what a side is asked for, its own sides may be asked for too.
  const down = (node: Expr): Expr =>
    mapChildren(node.type === 'binary' ? spread(node, isShared) : node, down)
  return down(expr)
}

function countUses(expr: Expr): ReadonlyMap<string, number> {
  const uses = new Map<string, number>()
  for (const { selector } of findSelectors(expr)) {
    const key = keyOf(selector)
    uses.set(key, (uses.get(key) ?? 0) + 1)
  }
  return uses
}

function keyOf({ matchers }: VectorSelector): string {
  return JSON.stringify(matchers)
}

function spread(binary: Binary, isShared: (selector: VectorSelector) => boolean): Expr {
  const { op, matching, left, right } = binary
  if (!matching || (op !== 'and' && op !== 'unless')) return binary
  const toRight = fixedLabels(left).filter(({ name }) => isMatched(name, matching))
  // What `unless` finds nothing for stays, so its right side says nothing about the left.
  const toLeft =
    op === 'and' ? fixedLabels(right).filter(({ name }) => isMatched(name, matching)) : []
  const narrowLeft = narrowed(left, toLeft, isShared)
  const narrowRight = narrowed(right, toRight, isShared)
  if (narrowLeft === left && narrowRight === right) return binary
  return { ...binary, left: narrowLeft, right: narrowRight }
}

function isMatched(name: string, { on, labels }: VectorMatching): boolean {
  // Type and unit may be gone with the metric name.
  return !METADATA_LABELS.has(name) && labels.includes(name) === on
}

/** Equalities that hold for the labels of every series that can come out. */
function fixedLabels(expr: Expr): readonly Matcher[] {
  switch (expr.type) {
    case 'vector':
      return expr.matchers.filter(({ type }) => type === '=')
    case 'matrix':
      return fixedLabels(expr.selector)
    case 'paren':
    case 'unary':
    case 'subquery':
      return fixedLabels(expr.input)
    case 'aggregation':
      return fixedLabels(expr.input).filter(({ name }) => keepsLabel(expr, name))
    case 'binary':
      if (typeOf(expr.left) === 'scalar') return fixedLabels(expr.right)
      if (typeOf(expr.right) === 'scalar' || expr.op === 'and' || expr.op === 'unless') {
        return fixedLabels(expr.left)
      }
      return []
    case 'call':
      return keepsLabels(expr) ? expr.args.flatMap(fixedLabels) : []
    case 'number':
    case 'string':
      return []
    default:
      return expr satisfies never
  }
}

function keepsLabel({ op, without, grouping }: Aggregation, name: string): boolean {
  if (['topk', 'bottomk', 'limitk', 'limit_ratio'].includes(op)) return true
  return op !== 'count_values' && grouping.includes(name) !== without
}

const OF_ONE_VECTOR =
  /^(abs|ceil|floor|round|clamp|clamp_min|clamp_max|sort|sort_desc|timestamp|rate|increase|delta|irate|idelta|deriv|changes|resets)$/

/** Names aside, which are not looked at. */
function keepsLabels({ func }: Call): boolean {
  return OF_ONE_VECTOR.test(func) || (func.endsWith('_over_time') && func !== 'absent_over_time')
}

/** They give the same whatever the samples are, and say nothing about them. */
const QUIET_AGGREGATIONS: ReadonlySet<string> = new Set(['count', 'group'])
const QUIET_CALLS: ReadonlySet<string> = new Set([
  'count_over_time',
  'last_over_time',
  'present_over_time',
])

/** The expression without the series that `matchers` refuse; as it is where leaving them out could be noticed. */
function narrowed(
  expr: Expr,
  matchers: readonly Matcher[],
  isShared: (selector: VectorSelector) => boolean,
): Expr {
  if (matchers.length === 0) return expr
  switch (expr.type) {
    case 'vector': {
      const added = matchers.filter((matcher) => !expr.matchers.some((own) => equal(own, matcher)))
      if (added.length === 0 || expr.anchored || expr.smoothed || isShared(expr)) return expr
      return { ...expr, matchers: [...added, ...expr.matchers] }
    }
    case 'paren':
      return withInput(expr, narrowed(expr.input, matchers, isShared))
    case 'aggregation': {
      if (!QUIET_AGGREGATIONS.has(expr.op)) return expr
      const grouped = matchers.filter(({ name }) => keepsLabel(expr, name))
      return withInput(expr, narrowed(expr.input, grouped, isShared))
    }
    case 'binary': {
      if (expr.op !== 'and' && expr.op !== 'unless') return expr
      const left = narrowed(expr.left, matchers, isShared)
      return left === expr.left ? expr : { ...expr, left }
    }
    case 'call': {
      const [range] = expr.args
      // Two names could become equal series, which is an error.
      if (range?.type !== 'matrix' || !QUIET_CALLS.has(expr.func) || !hasOneName(range.selector)) {
        return expr
      }
      const selector = narrowed(range.selector, matchers, isShared)
      if (selector === range.selector || selector.type !== 'vector') return expr
      return { ...expr, args: [{ ...range, selector }] }
    }
    case 'unary':
    case 'subquery':
    case 'matrix':
    case 'number':
    case 'string':
      return expr
    default:
      return expr satisfies never
  }
}

function withInput<E extends Extract<Expr, { readonly input: Expr }>>(expr: E, input: Expr): E {
  return input === expr.input ? expr : { ...expr, input }
}

function hasOneName({ matchers }: VectorSelector): boolean {
  return matchers.some(({ name, type }) => name === METRIC_NAME && type === '=')
}

function equal(a: Matcher, b: Matcher): boolean {
  return a.name === b.name && a.type === b.type && a.value === b.value
}
