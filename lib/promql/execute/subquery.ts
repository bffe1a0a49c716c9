/** A subquery: the columns of its inner expression become the samples of a range vector. */
import type { FloatHistogram } from '#lib/model/histogram.ts'
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
      let histograms: (FloatHistogram | undefined)[] | undefined
      let length = 0
      for (let step = 0; step < stepCount; step++) {
        const kind = column.presence[step]
        if (kind === ABSENT) continue
        timestamps[length] = gridTime(grid, step)
        if (kind === HISTOGRAM) {
          const histogram = column.histograms![step]!
          histograms ??= Array.from({ length: stepCount })
          histograms[length] = withoutResetHint(histogram)
          values[length] = histogram.sum
        } else values[length] = column.values[step]!
        length++
      }
      return { length, timestamps, values, histograms }
    },
  }
}

/** Hints speak about neighbours that a subquery may have skipped or repeated. */
function withoutResetHint(histogram: FloatHistogram): FloatHistogram {
  const hint = histogram.counterResetHint
  if (hint !== 'reset' && hint !== 'not-reset') return histogram
  return { ...histogram, counterResetHint: 'unknown' }
}
