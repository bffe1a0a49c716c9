/** An instant selector with `smoothed`: between two samples, a point on the line through them. */
import type { FloatHistogram } from '#lib/model/histogram.ts'
import { labelValue, METRIC_NAME, quoteGo } from '#lib/model/labels.ts'
import type { VectorSelector } from '../parse/ast.ts'
import { interpolate, interpolateHistograms } from '../function/extended-rate.ts'
import { addHistograms, subtractHistograms, type Combined } from '../histogram/arithmetic.ts'
import { isCustom } from '../histogram/working-histogram.ts'
import { clearColumn, newColumn, setFloat, setHistogram, type VectorOperator } from './column.ts'
import type { EvalGrid, Evaluation } from './evaluation.ts'
import { referenceTime } from './instant-selector.ts'
import { rangeSamples } from './range-samples.ts'

export function smoothedSelector(
  evaluation: Evaluation,
  selector: VectorSelector,
  grid: EvalGrid,
): VectorOperator {
  const set = evaluation.seriesOf(selector)
  const out = newColumn(grid.stepCount)
  const reference = referenceTime(selector, grid)
  const { lookbackMs } = evaluation.options
  const { annotations } = evaluation
  return {
    heads: set.labels.map((labels) => ({ labels, dropName: false })),
    column(index) {
      clearColumn(out)
      const { floats, histograms } = rangeSamples(set.samples(index))
      evaluation.countRead(floats.count + histograms.weight)
      const name = quoteGo(labelValue(set.labels[index]!, METRIC_NAME))
      for (let step = 0; step < grid.stepCount; step++) {
        const time = reference.startMs + step * reference.stepMs
        const f = around(floats.times, floats.count, time, lookbackMs)
        const h = around(histograms.times, histograms.count, time, lookbackMs)
        if (f.any && h.any) {
          annotations.warn(
            `encountered a mix of histograms and floats for metric name ${name}`,
            selector.position,
          )
        } else if (h.any && h.before >= 0) {
          const result = histogramAt(h.before, h.after, time, name)
          if (result) setHistogram(out, step, result)
        } else if (f.before >= 0) {
          setFloat(out, step, floatAt(f.before, f.after, time))
        }
      }
      return out

      function floatAt(before: number, after: number, time: number): number {
        const { times, values } = floats
        if (after < 0 || times[before] === time) return values[before]!
        return interpolate(
          times[before]!,
          values[before]!,
          times[after]!,
          values[after]!,
          time,
          false,
        )
      }

      function histogramAt(
        before: number,
        after: number,
        time: number,
        quoted: string,
      ): FloatHistogram | undefined {
        const { times } = histograms
        const previous = histograms.at(before)
        if (times[before] === time) return previous
        // Carried forward, it says nothing about its neighbours.
        if (after < 0) return { ...previous, counterResetHint: 'unknown' }
        const next = histograms.at(after)
        const mixed = () => {
          annotations.warn(
            `vector contains a mix of histograms with exponential and custom buckets schemas for metric name ${quoted}`,
            selector.position,
          )
        }
        if (isCustom(previous) !== isCustom(next)) {
          mixed()
          return undefined
        }
        const isCounter = previous.counterResetHint !== 'gauge' || next.counterResetHint !== 'gauge'
        const report = (combined: Combined | undefined, operation: string) => {
          if (!combined) mixed()
          else if (combined.boundsReconciled) {
            annotations.info(
              `mismatched custom buckets were reconciled during ${operation}`,
              selector.position,
            )
          }
          return combined?.histogram
        }
        return interpolateHistograms(
          times[before]!,
          previous,
          times[after]!,
          next,
          time,
          isCounter,
          {
            add: (a, b) => report(addHistograms(a, b), 'addition'),
            subtract: (a, b) => report(subtractHistograms(a, b), 'subtraction'),
          },
        )
      }
    },
  }
}

/** The last point at or before `time` and the first after it, within the lookback either way; −1 for none. */
function around(
  times: Float64Array,
  count: number,
  time: number,
  lookbackMs: number,
): { any: boolean; before: number; after: number } {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (times[middle]! <= time) low = middle + 1
    else high = middle
  }
  const before = low > 0 && times[low - 1]! > time - lookbackMs ? low - 1 : -1
  const after = low < count && times[low]! <= time + lookbackMs ? low : -1
  return { any: before >= 0 || after >= 0, before, after }
}
