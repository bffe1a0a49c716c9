/** The samples of one series ready for sliding windows: stale markers out, floats and histograms apart. */
import type { FloatHistogram } from '#lib/model/histogram.ts'
import { HistogramColumn } from '#lib/model/histogram-column.ts'
import type { RowLayout } from '#lib/model/row-layout.ts'
import { isStale, type SampleColumns } from '#lib/model/samples.ts'
import { histogramWeight } from '../histogram/weight.ts'

export interface FloatPoints {
  readonly count: number
  readonly times: Float64Array
  readonly values: Float64Array
  readonly starts: Float64Array | undefined
  /** How many raw samples each is the sum of; absent where each is one. */
  readonly weights: Float64Array | undefined
}

export class HistogramPoints {
  readonly count: number
  readonly times: Float64Array
  /** A row for each. */
  readonly rows: HistogramColumn
  readonly starts: Float64Array | undefined
  readonly weights: Float64Array | undefined
  readonly weight: number
  readonly #made: (FloatHistogram | undefined)[] = []

  constructor(
    count: number,
    times: Float64Array,
    rows: HistogramColumn,
    { starts, weights }: Pick<FloatPoints, 'starts' | 'weights'>,
  ) {
    this.count = count
    this.times = times
    this.rows = rows
    this.starts = starts
    this.weights = weights
    let weight = 0
    let last: RowLayout | undefined
    let each = 0
    for (let i = 0; i < count; i++) {
      const layout = rows.layouts[i]!
      if (layout !== last) each = histogramWeight(layout)
      last = layout
      weight += each
    }
    this.weight = weight
  }

  /** As an object of its own, made once: for what can't be done with rows. */
  at(index: number): FloatHistogram {
    return (this.#made[index] ??= this.rows.at(index)!)
  }
}

export interface RangeSamples {
  readonly floats: FloatPoints
  readonly histograms: HistogramPoints
}

const NO_FLOATS: FloatPoints = {
  count: 0,
  times: new Float64Array(0),
  values: new Float64Array(0),
  starts: undefined,
  weights: undefined,
}
const NO_HISTOGRAMS = new HistogramPoints(0, new Float64Array(0), new HistogramColumn(0), NO_FLOATS)

/** Shares the arrays of `columns` where there is nothing to take out. */
export function rangeSamples(columns: SampleColumns): RangeSamples {
  const { length, timestamps, values, histograms, startTimestamps, weights } = columns
  const beside = { starts: startTimestamps, weights }
  let clean = !histograms
  for (let i = 0; clean && i < length; i++) {
    const value = values[i]!
    if (value !== value && isStale(values, i)) clean = false
  }
  if (clean) {
    const floats = { count: length, times: timestamps, values, ...beside }
    return { floats, histograms: NO_HISTOGRAMS }
  }
  if (histograms && areHistograms(columns)) {
    const points = new HistogramPoints(length, timestamps, histograms, beside)
    return { floats: NO_FLOATS, histograms: points }
  }
  const floatTimes = new Float64Array(length)
  const floatValues = new Float64Array(length)
  const floatStarts = startTimestamps && new Float64Array(length)
  const floatWeights = weights && new Float64Array(length)
  const histogramIndexes = new Int32Array(histograms ? length : 0)
  let floatCount = 0
  let histogramCount = 0
  for (let i = 0; i < length; i++) {
    const value = values[i]!
    if (value !== value && isStale(values, i)) continue
    if (histograms?.layouts[i]) histogramIndexes[histogramCount++] = i
    else {
      floatTimes[floatCount] = timestamps[i]!
      floatValues[floatCount] = value
      if (floatStarts) floatStarts[floatCount] = startTimestamps[i]!
      if (floatWeights) floatWeights[floatCount] = weights[i]!
      floatCount++
    }
  }
  const floats = {
    count: floatCount,
    times: floatTimes,
    values: floatValues,
    starts: floatStarts,
    weights: floatWeights,
  }
  return { floats, histograms: histogramPoints(columns, histogramIndexes, histogramCount) }
}

/** All of them, and none is stale. */
function areHistograms({ length, values, histograms }: SampleColumns): boolean {
  const { layouts } = histograms!
  for (let i = 0; i < length; i++) {
    const value = values[i]!
    if (!layouts[i] || (value !== value && isStale(values, i))) return false
  }
  return true
}

function histogramPoints(
  { timestamps, histograms, startTimestamps, weights: all }: SampleColumns,
  indexes: Int32Array,
  count: number,
): HistogramPoints {
  if (count === 0) return NO_HISTOGRAMS
  const times = new Float64Array(count)
  const starts = startTimestamps && new Float64Array(count)
  const weights = all && new Float64Array(count)
  for (let i = 0; i < count; i++) {
    times[i] = timestamps[indexes[i]!]!
    if (starts) starts[i] = startTimestamps[indexes[i]!]!
    if (weights) weights[i] = all[indexes[i]!]!
  }
  return new HistogramPoints(count, times, histograms!.pick(indexes, count), { starts, weights })
}
