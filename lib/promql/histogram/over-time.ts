/** sum_over_time and avg_over_time of histograms. */
import { setHistogram, type Column } from '../execute/column.ts'
import type { RangeCall, RangeWindow } from '../execute/range-function.ts'
import { HistogramMean, HistogramSum } from './running.ts'
import { warnMixedSchemas } from './reporting.ts'
import { divideHistogram } from './working-histogram.ts'

export function sumHistograms(window: RangeWindow, out: Column, call: RangeCall): void {
  run(new HistogramSum(), window, out, call)
}

export function averageHistograms(window: RangeWindow, out: Column, call: RangeCall): void {
  const { weights } = window.samples.histograms
  if (!weights) return run(new HistogramMean(), window, out, call)
  let count = 0
  for (let i = window.histogramFrom; i < window.histogramTo; i++) count += weights[i]!
  run(new HistogramSum(), window, out, call, count)
}

function run(
  running: HistogramSum | HistogramMean,
  window: RangeWindow,
  out: Column,
  call: RangeCall,
  divisor = 1,
): void {
  const { annotations } = call.evaluation
  let reconciled = false
  for (let i = window.histogramFrom; i < window.histogramTo; i++) {
    running.add(window.samples.histograms.at(i), {
      incompatible: () => warnMixedSchemas(window, call),
      reconciled: () => (reconciled = true),
    })
  }
  const result = running.finish()
  if (!result) return
  if (running.resetCollision) {
    annotations.warn('conflicting counter resets during histogram aggregation', call.position)
  }
  if (reconciled) {
    annotations.info('mismatched custom buckets were reconciled during aggregation', call.position)
  }
  setHistogram(out, window.step, divisor === 1 ? result : divideHistogram(result, divisor))
}
