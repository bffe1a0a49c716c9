/** A function over range vectors as a sliding window: one series in, one output column. */
import { labelValue, METRIC_NAME, quoteGo, type Labels } from '#lib/model/labels.ts'
import type { SampleColumns } from '#lib/model/samples.ts'
import type { MatrixSelector, Position, Subquery } from '../parse/ast.ts'
import {
  clearColumn,
  newColumn,
  type Column,
  type SeriesHead,
  type VectorOperator,
} from './column.ts'
import { gridTime, type EvalGrid, type Evaluation } from './evaluation.ts'
import { referenceTime } from './instant-selector.ts'
import { rangeSamples, type FloatPoints, type RangeSamples } from './range-samples.ts'

export type RangeExtension = 'none' | 'anchored' | 'smoothed'

/** The samples of one step: indexes [from, to) into the points of the series. Reused from step to step. */
export interface RangeWindow {
  samples: RangeSamples
  labels: Labels
  floatFrom: number
  floatTo: number
  histogramFrom: number
  histogramTo: number
  step: number
  timeMs: number
  /** The window is (startMs, endMs]; with anchored or smoothed the samples reach beyond. */
  startMs: number
  endMs: number
}

/** What a range function knows of its call. */
export interface RangeCall {
  readonly evaluation: Evaluation
  readonly rangeMs: number
  readonly extension: RangeExtension
  /** Of the first argument, where Prometheus points its annotations. */
  readonly position: Position
  readonly callPosition: Position
  /** Scalar arguments, one value per step each. */
  readonly params: readonly Float64Array[]
}

/** Writes at most one sample, at `window.step`, into `out`. The window has at least one sample. */
export type RangeKernel = (window: RangeWindow, out: Column, call: RangeCall) => void

/** A kernel may keep something per series: it is made anew for each. */
export interface RangeFunction {
  (call: RangeCall, samples: RangeSamples): RangeKernel
  /** Instead, where there are only floats and neither start timestamps, nor weights, nor an extension of the range. */
  readonly ofFloats?: FloatsFunction | undefined
}

/**
 * All windows of a series of floats at once, exactly as the kernel would do one by one: for the functions that most
 * queries spend their time in. Step i looks at (startMs + i·stepMs − range, startMs + i·stepMs].
 */
export type FloatsFunction = (
  call: RangeCall,
  floats: FloatPoints,
  reference: { readonly startMs: number; readonly stepMs: number },
  out: Column,
) => void

/** Where the points come from: a selector or the columns of a subquery. */
export interface RangeSource {
  readonly heads: readonly SeriesHead[]
  samples(index: number): SampleColumns
}

export function rangeFunctionOperator(options: {
  evaluation: Evaluation
  source: RangeSource
  heads: readonly SeriesHead[]
  arg: MatrixSelector | Subquery
  grid: EvalGrid
  call: RangeCall
  fn: RangeFunction
  /** After each series, with its labels and result. */
  after?: ((labels: Labels, out: Column) => void) | undefined
}): VectorOperator {
  const { evaluation, source, heads, arg, grid, call, fn, after } = options
  const reference = referenceTime(arg.type === 'matrix' ? arg.selector : arg, grid)
  const { lookbackMs } = evaluation.options
  const before = call.rangeMs + (call.extension === 'none' ? 0 : lookbackMs)
  const beyond = call.extension === 'smoothed' ? lookbackMs : 0
  // At most: many functions do less than look at every sample of every window.
  const windowsOfSample =
    grid.stepMs > 0 ? Math.max(1, Math.min(grid.stepCount, Math.ceil(before / grid.stepMs))) : 1
  const out = newColumn(grid.stepCount)
  const plain = call.extension === 'none' && !evaluation.useStartTimestamps
  return {
    heads,
    column(index) {
      clearColumn(out)
      const samples = rangeSamples(source.samples(index))
      const { floats, histograms } = samples
      const read = floats.count + histograms.weight
      evaluation.countRead(read)
      evaluation.countWork(read * (windowsOfSample - 1))
      if (fn.ofFloats && plain && histograms.count === 0 && !floats.weights) {
        fn.ofFloats(call, floats, reference, out)
        after?.(source.heads[index]!.labels, out)
        return out
      }
      const kernel = fn(call, samples)
      const window: RangeWindow = {
        samples,
        labels: source.heads[index]!.labels,
        floatFrom: 0,
        floatTo: 0,
        histogramFrom: 0,
        histogramTo: 0,
        step: 0,
        timeMs: 0,
        startMs: 0,
        endMs: 0,
      }
      const floatTimes = floats.times
      const histogramTimes = histograms.times
      let f0 = 0
      let f1 = 0
      let h0 = 0
      let h1 = 0
      for (let step = 0; step < grid.stepCount; step++) {
        const end = reference.startMs + step * reference.stepMs
        const first = end - before
        const last = end + beyond
        while (f1 < floats.count && floatTimes[f1]! <= last) f1++
        while (f0 < f1 && floatTimes[f0]! <= first) f0++
        if (histograms.count > 0) {
          while (h1 < histograms.count && histogramTimes[h1]! <= last) h1++
          while (h0 < h1 && histogramTimes[h0]! <= first) h0++
        }
        if (f0 === f1 && h0 === h1) continue
        window.floatFrom = f0
        window.floatTo = f1
        window.histogramFrom = h0
        window.histogramTo = h1
        window.step = step
        window.timeMs = gridTime(grid, step)
        window.startMs = end - call.rangeMs
        window.endMs = end
        kernel(window, out, call)
      }
      after?.(window.labels, out)
      return out
    },
  }
}

/** The metric name in quotes, for annotations. */
export function quotedName(window: RangeWindow): string {
  return quoteGo(labelValue(window.labels, METRIC_NAME))
}
