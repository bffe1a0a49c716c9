/** Binary operations with a scalar on at least one side. */
import type { Binary } from '../parse/ast.ts'
import { ABSENT, HISTOGRAM } from '../result.ts'
import { floatOperation } from './binary-floats.ts'
import { BinaryOperation, changesMetric, isComparison, scalarFunction } from './binary-operation.ts'
import { setFloat, setHistogram, type VectorOperator } from './column.ts'
import type { Evaluation } from './evaluation.ts'
import { dropNames, mergeEqualLabels } from './merge-series.ts'

export function scalarBinary(
  op: Binary['op'],
  left: Float64Array,
  right: Float64Array,
): Float64Array {
  const apply = scalarFunction(op)
  return left.map((value, step) => apply(value, right[step]!))
}

export function vectorScalarBinary(
  evaluation: Evaluation,
  expr: Binary,
  vector: VectorOperator,
  scalar: Float64Array,
  scalarOnLeft: boolean,
): VectorOperator {
  const operation = new BinaryOperation(evaluation, expr)
  const { outcome } = operation
  const ofFloats = floatOperation(expr, scalarOnLeft)
  const drops = changesMetric(expr.op) || expr.returnBool
  // Where a filter has its scalar on the left, the vector's value is still what passes.
  const keepsRight = scalarOnLeft && isComparison(expr.op)
  const heads = drops ? dropNames(vector.heads, evaluation.delayedNameRemoval) : vector.heads
  const operator: VectorOperator = {
    heads,
    column(index) {
      const column = vector.column(index)
      const { values, presence } = column
      if (ofFloats && !column.histograms) {
        ofFloats(column, { values: scalar, presence: undefined })
        return column
      }
      for (let step = 0; step < presence.length; step++) {
        const kind = presence[step]
        if (kind === ABSENT) continue
        const value = values[step]!
        const histogram = kind === HISTOGRAM ? column.histograms!.at(step) : undefined
        operation.at(step, index)
        if (scalarOnLeft) operation.apply(scalar[step]!, value, undefined, histogram)
        else operation.apply(value, scalar[step]!, histogram, undefined)
        if (outcome.failed || (!outcome.keep && !expr.returnBool)) presence[step] = ABSENT
        else if (expr.returnBool) setFloat(column, step, outcome.keep ? 1 : 0)
        else if (keepsRight) continue
        else if (outcome.histogram) setHistogram(column, step, outcome.histogram)
        else setFloat(column, step, outcome.value)
      }
      return column
    },
  }
  return mergeEqualLabels(operator)
}
