/** Functions from instant vector to instant vector that look at one series at a time. */
import type { HistogramColumn } from '#lib/model/histogram-column.ts'
import { METRIC_NAME } from '#lib/model/labels.ts'
import { ABSENT, FLOAT, HISTOGRAM } from '../result.ts'
import { setFloat, type VectorOperator } from './column.ts'
import { gridTime, type EvalGrid, type Evaluation } from './evaluation.ts'
import { dropNames, mergeEqualLabels } from './merge-series.ts'

const NAME_ONLY: ReadonlySet<string> = new Set([METRIC_NAME])

/** Histograms are left out. Undefined leaves the sample out. */
export function floatFunction(
  evaluation: Evaluation,
  input: VectorOperator,
  compute: (value: number, step: number) => number | undefined,
): VectorOperator {
  return mergeEqualLabels({
    heads: dropNames(input.heads, evaluation.delayedNameRemoval),
    column(index) {
      const column = input.column(index)
      const { values, presence } = column
      for (let step = 0; step < presence.length; step++) {
        if (presence[step] === ABSENT) continue
        const result = presence[step] === FLOAT ? compute(values[step]!, step) : undefined
        if (result === undefined) presence[step] = ABSENT
        else values[step] = result
      }
      return column
    },
  })
}

/** Floats are left out. */
export function histogramFunction(
  evaluation: Evaluation,
  input: VectorOperator,
  compute: (rows: HistogramColumn, row: number) => number,
): VectorOperator {
  return mergeEqualLabels({
    heads: dropNames(input.heads, evaluation.delayedNameRemoval, NAME_ONLY),
    column(index) {
      const column = input.column(index)
      const { presence } = column
      for (let step = 0; step < presence.length; step++) {
        if (presence[step] === HISTOGRAM) {
          setFloat(column, step, compute(column.histograms!, step))
        } else presence[step] = ABSENT
      }
      return column
    },
  })
}

/** timestamp() of anything but a selector: the evaluation time. */
export function evaluationTimes(
  evaluation: Evaluation,
  input: VectorOperator,
  grid: EvalGrid,
): VectorOperator {
  return mergeEqualLabels({
    heads: dropNames(input.heads, evaluation.delayedNameRemoval),
    column(index) {
      const column = input.column(index)
      for (let step = 0; step < column.presence.length; step++) {
        if (column.presence[step] !== ABSENT) setFloat(column, step, gridTime(grid, step) / 1000)
      }
      return column
    },
  })
}
