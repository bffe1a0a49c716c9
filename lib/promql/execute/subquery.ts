/** A subquery: the columns of its inner expression become the samples of a range vector. */
import {
  HINT_NOT_RESET,
  HINT_RESET,
  HINT_UNKNOWN,
  HistogramColumn,
} from '#lib/model/histogram-column.ts'
import type { SampleColumns } from '#lib/model/samples.ts'
import { HISTOGRAM, ABSENT } from '../result.ts'
import type { VectorOperator } from './column.ts'
import { gridTime, type EvalGrid } from './evaluation.ts'
import type { RangeSource } from './range-function.ts'

export function subquerySource(input: VectorOperator, grid: EvalGrid): RangeSource {
  const { stepCount } = grid
  const timestamps = new Float64Array(stepCount)
  const values = new Float64Array(stepCount)
  return {
    heads: input.heads,
    samples(index): SampleColumns {
      const column = input.column(index)
      let histograms: HistogramColumn | undefined
      let length = 0
      for (let step = 0; step < stepCount; step++) {
        const kind = column.presence[step]
        if (kind === ABSENT) continue
        timestamps[length] = gridTime(grid, step)
        if (kind === HISTOGRAM) {
          histograms ??= new HistogramColumn(stepCount)
          histograms.copyRow(length, column.histograms!, step)
          histograms.hints[length] = withoutReset(histograms.hints[length]!)
          values[length] = histograms.sums[length]!
        } else values[length] = column.values[step]!
        length++
      }
      return { length, timestamps, values, histograms }
    },
  }
}

/** Hints speak about neighbours that a subquery may have skipped or repeated. */
function withoutReset(hint: number): number {
  return hint === HINT_RESET || hint === HINT_NOT_RESET ? HINT_UNKNOWN : hint
}
