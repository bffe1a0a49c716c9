/** Modifiers after an expression: `[…]`, `offset`, `@`, `anchored`, `smoothed`, in any order that makes sense. */
import type { Feature } from '#lib/promql/options.ts'
import { ZERO_DURATION } from './ast.ts'
import type { AtModifier, Duration, Expr, MatrixSelector, Subquery, VectorSelector } from './ast.ts'
import { parseOffsetDuration, parsePositiveDuration, toDuration } from './duration.ts'
import { parseSignedNumber } from './matching.ts'
import type { TokenStream } from './token-stream.ts'

type Selecting = VectorSelector | MatrixSelector | Subquery

const INT64 = 2 ** 63

export function parsePostfix(
  stream: TokenStream,
  first: Expr,
  features: ReadonlySet<Feature>,
  /** Called for each level the result is deeper than `first`. */
  rise: (position: number) => void,
): Expr {
  let expr = first
  for (;;) {
    switch (stream.kind()) {
      case '[':
        expr = parseBrackets(stream, expr)
        rise(first.position.start)
        break
      case 'offset':
        expr = parseOffset(stream, expr)
        break
      case '@':
        expr = parseAt(stream, expr)
        break
      case 'anchored':
      case 'smoothed':
        expr = parseExtended(stream, expr, features)
        break
      default:
        return expr
    }
  }
}

function parseBrackets(stream: TokenStream, expr: Expr): Expr {
  const open = stream.take()
  stream.enter('subquery or range selector', 'number, duration, step(), or range()')
  const range = parsePositiveDuration(stream)
  stream.leave()
  const close = stream.takeIf(']')
  if (close !== undefined) {
    if (expr.type !== 'vector')
      return stream.fail(open.start, 'ranges only allowed for vector selectors')
    if (isSet(expr.offset)) stream.fail(open.start, 'no offset modifiers allowed before range')
    if (expr.at !== undefined) stream.fail(open.start, 'no @ modifiers allowed before range')
    const position = { start: expr.position.start, end: close.end }
    return { type: 'matrix', selector: expr, range, position }
  }
  if (stream.kind() !== ':') return stream.unexpected(['subquery or range', '":" or "]"'])
  stream.take()
  let step: Duration | undefined
  if (stream.kind() !== ']') {
    stream.enter('subquery selector', 'number, duration, step(), range(), or "]"')
    step = parsePositiveDuration(stream)
    stream.leave()
    if (stream.kind() !== ']') return stream.unexpected(['subquery selector', '"]"'])
  }
  const position = { start: expr.position.start, end: stream.take().end }
  return {
    type: 'subquery',
    input: expr,
    range,
    step,
    offset: ZERO_DURATION,
    at: undefined,
    position,
  }
}

function isSet(offset: Duration): boolean {
  return offset.ms !== 0 || offset.expr !== undefined
}

/** The selector whose `offset` and `at` count: of a range selector, the one inside. */
function holderOf(expr: Selecting): VectorSelector | Subquery {
  return expr.type === 'matrix' ? expr.selector : expr
}

function withHolder(
  expr: Selecting,
  end: number,
  change: { offset: Duration } | { at: AtModifier },
): Selecting {
  const position = { start: expr.position.start, end }
  if (expr.type !== 'matrix') return { ...expr, ...change, position }
  return { ...expr, selector: { ...expr.selector, ...change }, position }
}

function isSelecting(expr: Expr): expr is Selecting {
  return expr.type === 'vector' || expr.type === 'matrix' || expr.type === 'subquery'
}

function parseOffset(stream: TokenStream, expr: Expr): Expr {
  stream.take()
  stream.enter('offset', 'number, duration, step(), or range()')
  const written = parseOffsetDuration(stream)
  stream.leave()
  if (!isSelecting(expr)) {
    return stream.fail(
      expr.position.start,
      'offset modifier must be preceded by an instant vector selector or range vector selector or a subquery',
    )
  }
  if (isSet(holderOf(expr).offset)) {
    stream.fail(expr.position.start, 'offset may not be set multiple times')
  }
  return withHolder(expr, written.position.end, { offset: toDuration(written) })
}

function parseAt(stream: TokenStream, expr: Expr): Expr {
  stream.take()
  stream.enter('@', 'timestamp')
  let at: AtModifier
  let end: number
  const kind = stream.kind()
  if (kind === 'start' || kind === 'end') {
    stream.take()
    stream.expect('(')
    end = stream.expect(')').end
    at = { type: kind }
  } else {
    const before = stream.peek()
    const seconds = parseSignedNumber(stream)
    end = before.end
    if (!(seconds > -INT64 && seconds < INT64)) {
      const shown = formatFixed(seconds)
      stream.fail(expr.position.start, `timestamp out of bounds for @ modifier: ${shown}`)
    }
    const ms = Math.sign(seconds) * Math.round(Math.abs(seconds) * 1000) + 0
    // Milliseconds that do not fit 64 bits wrap to the least number in Go.
    at = { type: 'timestamp', ms: Math.abs(ms) < INT64 ? ms : -INT64 }
  }
  stream.leave()
  if (!isSelecting(expr)) {
    return stream.fail(
      expr.position.start,
      '@ modifier must be preceded by an instant vector selector or range vector selector or a subquery',
    )
  }
  if (holderOf(expr).at !== undefined) {
    stream.fail(expr.position.start, '@ <timestamp> may not be set multiple times')
  }
  return withHolder(expr, end, { at })
}

/** Go's `%f`. */
function formatFixed(value: number): string {
  if (Number.isFinite(value)) return `${BigInt(value)}.000000`
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'
}

function parseExtended(stream: TokenStream, expr: Expr, features: ReadonlySet<Feature>): Expr {
  const kind = stream.take().kind as 'anchored' | 'smoothed'
  const { start } = expr.position
  if (!features.has('promql-extended-range-selectors')) {
    stream.fail(start, `${kind} modifier is experimental and not enabled`)
  }
  if (expr.type === 'subquery') {
    stream.fail(start, `${kind} modifier is not supported for subqueries`)
  }
  if (expr.type !== 'vector' && expr.type !== 'matrix') {
    return stream.fail(start, `${kind} modifier not implemented`)
  }
  const selector = expr.type === 'matrix' ? expr.selector : expr
  if (kind === 'anchored' ? selector.smoothed : selector.anchored) {
    stream.fail(start, 'anchored and smoothed modifiers cannot be used together')
  }
  const changed: VectorSelector = { ...selector, [kind]: true }
  return expr.type === 'matrix' ? { ...expr, selector: changed } : changed
}
