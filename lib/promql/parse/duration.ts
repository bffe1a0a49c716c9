/** Durations after `offset` and between `[` and `]`, which may be arithmetic. */
import type { Duration, DurationExpr, DurationLiteral } from './ast.ts'
import { parseDurationText, parseNumber } from './literals.ts'
import type { Token } from './token.ts'
import type { TokenStream } from './token-stream.ts'

type DurationOp = Extract<DurationExpr, { type: 'duration-binary' }>['op']

const PRECEDENCE: Readonly<Record<string, number>> = {
  '+': 1,
  '-': 1,
  '*': 2,
  '/': 2,
  '%': 2,
  '^': 3,
}
const UNARY_PRECEDENCE = 2

/** Prometheus keeps durations as 64-bit nanoseconds. */
const MAX_SECONDS = 2 ** 63 / 1e9

export function toDuration(expr: DurationExpr): Duration {
  return expr.type === 'duration' ? { ms: wholeMs(expr.seconds), expr: undefined } : { ms: 0, expr }
}

/** Rounded to nanoseconds, then cut to milliseconds. NaN is the least 64-bit number of nanoseconds, as in Go. */
function wholeMs(seconds: number): number {
  if (Number.isNaN(seconds)) return -9_223_372_036_854
  const ns = Math.sign(seconds) * Math.round(Math.abs(seconds) * 1e9)
  return Math.trunc(ns / 1e6) + 0
}

/** A range or a step: a literal must be positive; arithmetic is only known when the query runs. */
export function parsePositiveDuration(stream: TokenStream): Duration {
  const expr = parseDurationExpr(stream, 1)
  // The token after is read first, so that its own error wins.
  stream.peek()
  if (expr.type === 'duration' && expr.seconds <= 0) {
    stream.fail(expr.position.start, 'duration must be greater than 0')
  }
  return toDuration(expr)
}

/**
 * After `offset` a signed literal or call is the whole duration, so that `foo offset 5m + 1` adds to the
 * vector; anything in parentheses goes on, so that `foo offset (5m) + 1` does not. A sign before
 * parentheses ends it again.
 */
export function parseOffsetDuration(stream: TokenStream): DurationExpr {
  const kind = stream.kind()
  if (kind === '(') return parseDurationExpr(stream, 1)
  if (kind !== '+' && kind !== '-') return parseAtom(stream)
  const op = stream.take()
  if (stream.kind() === '+' || stream.kind() === '-') {
    return parseOperators(
      stream,
      negate(stream, op, parseDurationExpr(stream, UNARY_PRECEDENCE + 1)),
      1,
    )
  }
  if (stream.kind() === 'number' || stream.kind() === 'duration') {
    return literal(stream, stream.take(), op)
  }
  const input = parseAtom(stream)
  if (input.type === 'duration-paren') return negate(stream, op, input)
  return {
    type: 'duration-unary',
    op: op.kind as '+' | '-',
    input,
    position: { start: op.start, end: input.position.end },
  }
}

function parseDurationExpr(stream: TokenStream, minPrecedence: number): DurationExpr {
  stream.descend()
  let left: DurationExpr
  if (stream.kind() === '+' || stream.kind() === '-') {
    const op = stream.take()
    left = negate(stream, op, parseDurationExpr(stream, UNARY_PRECEDENCE + 1))
  } else {
    left = parseAtom(stream)
  }
  const expr = parseOperators(stream, left, minPrecedence)
  stream.ascend()
  return expr
}

function parseOperators(
  stream: TokenStream,
  first: DurationExpr,
  minPrecedence: number,
): DurationExpr {
  let left = first
  let chain = 0
  for (;;) {
    const precedence = PRECEDENCE[stream.kind()]
    if (precedence === undefined || precedence < minPrecedence) break
    const op = stream.take()
    // A chain nests to the left, one level for each operator.
    stream.descend()
    chain++
    const right = parseDurationExpr(stream, op.kind === '^' ? precedence : precedence + 1)
    if (right.type === 'duration' && right.seconds === 0) {
      stream.peek()
      if (op.kind === '/') stream.fail(op.start, 'division by zero')
      if (op.kind === '%') stream.fail(op.start, 'modulo by zero')
    }
    left = binary(op.kind as DurationOp, left, right, left.position.start, right.position.end)
  }
  while (chain-- > 0) stream.ascend()
  return left
}

function binary(
  op: DurationOp,
  left: DurationExpr,
  right: DurationExpr,
  start: number,
  end: number,
): DurationExpr {
  return { type: 'duration-binary', op, left, right, position: { start, end } }
}

function parseAtom(stream: TokenStream): DurationExpr {
  const token = stream.peek()
  switch (token.kind) {
    case 'number':
    case 'duration':
      stream.take()
      return literal(stream, token)
    case 'step':
    case 'range': {
      stream.take()
      stream.expect('(')
      const { end } = stream.expect(')')
      return { type: 'duration-call', func: token.kind, position: { start: token.start, end } }
    }
    case 'min_of':
    case 'max_of': {
      stream.take()
      stream.expect('(')
      const left = parseDurationExpr(stream, 1)
      stream.expect(',')
      const right = parseDurationExpr(stream, 1)
      return binary(token.kind, left, right, token.start, stream.expect(')').end)
    }
    case '(': {
      stream.take()
      const input = parseDurationExpr(stream, 1)
      const { end } = stream.expect(')')
      // Prometheus only remembers that there were parentheses, not how many.
      if (input.type === 'duration-paren') return input
      return { type: 'duration-paren', input, position: { start: token.start, end } }
    }
    default:
      return stream.unexpected()
  }
}

function literal(stream: TokenStream, token: Token, sign?: Token): DurationLiteral {
  const size = literalSeconds(stream, token)
  const seconds = sign?.kind === '-' ? -size : size
  const { start } = sign ?? token
  checkRange(stream, start, seconds)
  return {
    type: 'duration',
    ms: seconds * 1000,
    seconds,
    duration: token.kind === 'duration',
    position: { start, end: token.end },
  }
}

/** The value of a number or duration token. */
export function literalSeconds(stream: TokenStream, token: Token): number {
  if (token.kind === 'number') {
    const value = parseNumber(token.text)
    return typeof value === 'number' ? value : stream.fail(token.start, value.error)
  }
  const ms = parseDurationText(token.text)
  return typeof ms === 'number'
    ? Math.floor(ms / 1000) + (ms % 1000) / 1000
    : stream.fail(token.start, ms.error)
}

function checkRange(stream: TokenStream, position: number, seconds: number): void {
  if (Math.abs(seconds) > MAX_SECONDS) stream.fail(position, 'duration out of range')
}

/** A sign becomes part of a literal; before anything else a plus is dropped. */
function negate(stream: TokenStream, op: Token, input: DurationExpr): DurationExpr {
  if (input.type === 'duration') {
    const seconds = op.kind === '-' ? -input.seconds : input.seconds
    checkRange(stream, op.start, seconds)
    const position = { start: op.start, end: input.position.end }
    return { ...input, seconds, ms: seconds * 1000, position }
  }
  if (op.kind === '+') return input
  const position = { start: op.start, end: input.position.end }
  return { type: 'duration-unary', op: '-', input, position }
}
