/** A binary operation on whole columns of floats: what `BinaryOperation` gives sample by sample. */
import type { Binary } from '../parse/ast.ts'
import { ABSENT } from '../result.ts'
import { isComparison, scalarFunction } from './binary-operation.ts'
import type { Column } from './column.ts'

/** The other side of each step: a column of floats, or scalars, which are always there. */
export interface OtherSide {
  readonly values: Float64Array
  readonly presence: Uint8Array | undefined
}

/** Puts the results into `column`, which has no histograms. Undefined for operations that are about these. */
export function floatOperation(
  expr: Binary,
  swapped: boolean,
): ((column: Column, other: OtherSide) => void) | undefined {
  if (expr.op === '</' || expr.op === '>/') return undefined
  const compute = scalarFunction(expr.op)
  const filter = isComparison(expr.op) && !expr.returnBool
  return ({ values, presence }, other) => {
    for (let step = 0; step < presence.length; step++) {
      if (presence[step] === ABSENT) continue
      if (other.presence && other.presence[step] === ABSENT) {
        presence[step] = ABSENT
        continue
      }
      const a = values[step]!
      const b = other.values[step]!
      const result = swapped ? compute(b, a) : compute(a, b)
      if (!filter) values[step] = result
      else if (result !== 1) presence[step] = ABSENT
      // What passes is the left side, or the vector where the other side is a scalar.
      else if (swapped && other.presence) values[step] = b
    }
  }
}
