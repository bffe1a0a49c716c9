/** Trees as `/api/v1/parse_query` answers them, for the tree view of Prometheus's UI. */
import type { Matcher } from '#lib/model/matcher.ts'
import type { AtModifier, Duration, DurationExpr, Expr, VectorMatching } from './ast.ts'
import { FUNCTIONS } from './functions.ts'
import { formatDecimal } from './literals.ts'

export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [key: string]: Json }

export function astToJson(expr: Expr): Json {
  switch (expr.type) {
    case 'number':
      return { type: 'numberLiteral', val: formatDecimal(expr.value) }
    case 'string':
      return { type: 'stringLiteral', val: expr.value.toWellFormed() }
    case 'vector': {
      const { name, offset, matchers, at, anchored, smoothed } = expr
      return {
        type: 'vectorSelector',
        name,
        ...withOffset(offset),
        matchers: matchers.map(matcherJson),
        ...withAt(at),
        anchored,
        smoothed,
      }
    }
    case 'matrix': {
      const { name, offset, matchers, at, anchored, smoothed } = expr.selector
      return {
        type: 'matrixSelector',
        name,
        range: expr.range.ms,
        rangeExpr: durationJson(expr.range.expr),
        ...withOffset(offset),
        matchers: matchers.map(matcherJson),
        ...withAt(at),
        anchored,
        smoothed,
      }
    }
    case 'subquery':
      return {
        type: 'subquery',
        expr: astToJson(expr.input),
        range: expr.range.ms,
        rangeExpr: durationJson(expr.range.expr),
        ...withOffset(expr.offset),
        step: expr.step?.ms ?? 0,
        stepExpr: durationJson(expr.step?.expr),
        ...withAt(expr.at),
      }
    case 'aggregation':
      return {
        type: 'aggregation',
        op: expr.op,
        expr: astToJson(expr.input),
        param: expr.param === undefined ? null : astToJson(expr.param),
        grouping: expr.grouping,
        without: expr.without,
      }
    case 'call': {
      const { name, argTypes, variadic, returnType } = FUNCTIONS.get(expr.func)!
      return {
        type: 'call',
        func: { name, argTypes, variadic, returnType },
        args: expr.args.map(astToJson),
      }
    }
    case 'binary':
      return {
        type: 'binaryExpr',
        op: expr.op,
        lhs: astToJson(expr.left),
        rhs: astToJson(expr.right),
        matching: matchingJson(expr.matching),
        bool: expr.returnBool,
      }
    case 'unary':
      return { type: 'unaryExpr', op: expr.op, expr: astToJson(expr.input) }
    case 'paren':
      return { type: 'parenExpr', expr: astToJson(expr.input) }
    default:
      return expr satisfies never
  }
}

function matcherJson({ name, value, type }: Matcher): Json {
  return { name: name.toWellFormed(), value: value.toWellFormed(), type }
}

function matchingJson(matching: VectorMatching | undefined): Json {
  if (matching === undefined) return null
  const { card, labels, on, include, fillLeft, fillRight } = matching
  const fillValues = { lhs: fillLeft ?? null, rhs: fillRight ?? null }
  return { card, labels, on, include, fillValues }
}

function withOffset({ ms, expr }: Duration): { offset: number; offsetExpr: Json } {
  return { offset: ms, offsetExpr: durationJson(expr) }
}

function withAt(at: AtModifier | undefined): { timestamp: Json; startOrEnd: Json } {
  if (at?.type === 'timestamp') return { timestamp: at.ms, startOrEnd: null }
  return { timestamp: null, startOrEnd: at?.type ?? null }
}

function durationJson(expr: DurationExpr | undefined, wrapped = false): Json {
  if (expr === undefined) return null
  const node = (op: string, lhs: Json, rhs: Json): Json => ({
    type: 'durationExpr',
    op,
    lhs,
    rhs,
    wrapped,
  })
  switch (expr.type) {
    case 'duration':
      // Prometheus holds a number in parentheses as a sum with nothing on its left.
      if (wrapped) return node('+', null, durationJson(expr))
      return { type: 'numberLiteral', val: formatDecimal(expr.seconds), duration: expr.duration }
    case 'duration-call':
      return node(expr.func, null, null)
    case 'duration-paren':
      return durationJson(expr.input, true)
    case 'duration-unary':
      return node(expr.op, null, durationJson(expr.input))
    case 'duration-binary':
      return node(expr.op, durationJson(expr.left), durationJson(expr.right))
    default:
      return expr satisfies never
  }
}
