/** Computes all columns of an operator, for consumers that need them more than once or in another order. */
import { copyColumn, isEmpty, storedColumns, type Column, type VectorOperator } from './column.ts'
import type { EvalGrid, Evaluation } from './evaluation.ts'

/** Computes series nobody needs: what they warn of and where they fail is part of the answer. */
export async function drain(
  evaluation: Evaluation,
  operator: VectorOperator,
  indexes: Iterable<number>,
  grid: EvalGrid,
): Promise<void> {
  for (const index of indexes) {
    if (evaluation.due(grid.stepCount)) await evaluation.pause()
    operator.column(index)
  }
}

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
