/** The samples of one series ready for sliding windows: stale markers out, floats and histograms apart. */
import type { FloatHistogram } from '#lib/model/histogram.ts'
import { isStale, type SampleColumns } from '#lib/model/samples.ts'
import { histogramWeight } from '../histogram/weight.ts'

export interface FloatPoints {
  readonly count: number
  readonly times: Float64Array
  readonly values: Float64Array
  readonly starts: Float64Array | undefined
}

export interface HistogramPoints {
  readonly count: number
  readonly times: Float64Array
  readonly values: readonly FloatHistogram[]
  readonly starts: Float64Array | undefined
  readonly weight: number
}

export interface RangeSamples {
  readonly floats: FloatPoints
  readonly histograms: HistogramPoints
}

const NO_TIMES = new Float64Array(0)
const NO_HISTOGRAMS: HistogramPoints = {
  count: 0,
  times: NO_TIMES,
  values: [],
  starts: undefined,
  weight: 0,
}

/** Shares the arrays of `columns` where there is nothing to take out. */
export function rangeSamples(columns: SampleColumns): RangeSamples {
  const { length, timestamps, values, histograms, startTimestamps } = columns
  let clean = !histograms
  for (let i = 0; clean && i < length; i++) {
    const value = values[i]!
    if (value !== value && isStale(values, i)) clean = false
  }
  if (clean) {
    const floats = { count: length, times: timestamps, values, starts: startTimestamps }
    return { floats, histograms: NO_HISTOGRAMS }
  }
  const floatTimes = new Float64Array(length)
  const floatValues = new Float64Array(length)
  const floatStarts = startTimestamps && new Float64Array(length)
  const histogramTimes = new Float64Array(histograms ? length : 0)
  const histogramStarts = startTimestamps && new Float64Array(histograms ? length : 0)
  const histogramValues: FloatHistogram[] = []
  let floatCount = 0
  let weight = 0
  for (let i = 0; i < length; i++) {
    if (isStale(values, i)) continue
    const histogram = histograms?.[i]
    if (histogram) {
      const at = histogramValues.length
      histogramTimes[at] = timestamps[i]!
      if (histogramStarts) histogramStarts[at] = startTimestamps[i]!
      histogramValues.push(histogram)
      weight += histogramWeight(histogram)
    } else {
      floatTimes[floatCount] = timestamps[i]!
      floatValues[floatCount] = values[i]!
      if (floatStarts) floatStarts[floatCount] = startTimestamps[i]!
      floatCount++
    }
  }
  return {
    floats: { count: floatCount, times: floatTimes, values: floatValues, starts: floatStarts },
    histograms: {
      count: histogramValues.length,
      times: histogramTimes,
      values: histogramValues,
      starts: histogramStarts,
      weight,
    },
  }
}
