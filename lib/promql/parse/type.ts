/** The type of a parsed expression. */
import type { Expr, ValueType } from './ast.ts'
import { FUNCTIONS } from './functions.ts'

export function typeOf(expr: Expr): ValueType {
  switch (expr.type) {
    case 'number':
      return 'scalar'
    case 'string':
      return 'string'
    case 'vector':
    case 'aggregation':
      return 'vector'
    case 'matrix':
    case 'subquery':
      return 'matrix'
    case 'call':
      return FUNCTIONS.get(expr.func)!.returnType
    case 'paren':
    case 'unary':
      return typeOf(expr.input)
    case 'binary':
      // The right side first: of a long chain it is the short one.
      return expr.matching === undefined &&
        typeOf(expr.right) === 'scalar' &&
        typeOf(expr.left) === 'scalar'
        ? 'scalar'
        : 'vector'
    default:
      return expr satisfies never
  }
}
