/** Computes all columns of an operator, for consumers that need them more than once or in another order. */
import { copyColumn, isEmpty, storedColumns, type Column, type VectorOperator } from './column.ts'
import type { EvalGrid, Evaluation } from './evaluation.ts'

/** Keeps every series, so that indexes stay what they are. */
export async function materialize(
  evaluation: Evaluation,
  operator: VectorOperator,
  grid: EvalGrid,
): Promise<VectorOperator> {
  const columns: Column[] = []
  for (let index = 0; index < operator.heads.length; index++) {
    if (evaluation.due(grid.stepCount)) await evaluation.pause()
    const column = operator.column(index)
    if (!isEmpty(column)) evaluation.hold(grid.stepCount)
    columns.push(copyColumn(column))
  }
  return storedColumns(operator.heads, columns)
}
