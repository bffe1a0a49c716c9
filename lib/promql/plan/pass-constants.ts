/** Pass: arithmetic of numbers is done once, with the very functions that would do it at every step. */
import { maximum, minimum } from '../function/float-math.ts'
import { scalarFunction } from '../execute/binary-operation.ts'
import type { Expr, NumberLiteral } from '../parse/ast.ts'
import { mapExpr } from '../parse/walk.ts'
import { unwrapParens } from './expr-facts.ts'

/** The number stands where the arithmetic stood, so that annotations point at the same place. */
export function foldConstants(expr: Expr): Expr {
  return mapExpr(expr, (node) => {
    const value = constantValue(node)
    return value === undefined ? node : numberAt(node, value)
  })
}

function constantValue(node: Expr): number | undefined {
  switch (node.type) {
    case 'unary': {
      const value = numberOf(node.input)
      return value === undefined || node.op === '+' ? value : -value
    }
    case 'binary':
      return ofBoth(node.left, node.right, scalarFunctionOf(node.op))
    case 'call': {
      const [first, second] = node.args
      if (node.func === 'pi') return Math.PI
      if (node.func === 'max_of') return ofBoth(first, second, maximum)
      if (node.func === 'min_of') return ofBoth(first, second, minimum)
      return undefined
    }
    case 'number':
    case 'string':
    case 'vector':
    case 'matrix':
    case 'subquery':
    case 'aggregation':
    case 'paren':
      return undefined
    default:
      return node satisfies never
  }
}

type Op = Parameters<typeof scalarFunction>[0]
type OfTwo = (a: number, b: number) => number

/** Undefined for what no number can be given to. */
function scalarFunctionOf(op: Op): OfTwo | undefined {
  switch (op) {
    case 'and':
    case 'or':
    case 'unless':
    case '</':
    case '>/':
      return undefined
    default:
      return scalarFunction(op)
  }
}

function ofBoth(
  left: Expr | undefined,
  right: Expr | undefined,
  apply: OfTwo | undefined,
): number | undefined {
  const a = left && numberOf(left)
  const b = right && numberOf(right)
  return a === undefined || b === undefined ? undefined : apply?.(a, b)
}

function numberOf(expr: Expr): number | undefined {
  const inner = unwrapParens(expr)
  return inner.type === 'number' ? inner.value : undefined
}

function numberAt({ position }: Expr, value: number): NumberLiteral {
  return { type: 'number', value, duration: false, position }
}
