/** rate, increase and delta, extrapolated to the ends of the window. */
import { FLOAT } from '../result.ts'
import { setHistogram } from '../execute/column.ts'
import {
  quotedName,
  type RangeCall,
  type RangeFunction,
  type RangeKernel,
} from '../execute/range-function.ts'
import type { FloatPoints, RangeSamples } from '../execute/range-samples.ts'
import { addReporting, histogramRate } from '../histogram/rate.ts'
import { PlainWindows, setIncrease } from '../histogram/row-rate.ts'
import { scaleHistogram } from '../histogram/working-histogram.ts'
import { extendedRate } from './extended-rate.ts'
import { durationSeconds } from './float-math.ts'
import { floatRates } from './float-rate.ts'
import { isStartReset, startsOverlap, startOverlapDetail } from './start-timestamps.ts'

export function rateFunction(isCounter: boolean, isRate: boolean): RangeFunction {
  const kernelOf = (call: RangeCall, samples: RangeSamples): RangeKernel => {
    const { annotations } = call.evaluation
    if (call.extension !== 'none') return extendedRate(isCounter, isRate)(call, samples)
    const useStarts = isCounter && call.evaluation.useStartTimestamps
    const { floats, histograms } = samples
    const { times, values } = floats
    const floatStarts = useStarts ? floats.starts : undefined
    const histogramStarts = useStarts ? histograms.starts : undefined
    const resets = isCounter ? resetIndexes(floats, floatStarts) : []
    const overlaps = floatStarts ? overlapIndexes(floats, floatStarts) : []
    const hasOverlaps = overlaps.length > 0
    const plainWindows =
      histograms.count > 1 && !histogramStarts ? new PlainWindows(histograms, isCounter) : undefined
    let nextReset = 0
    const rangeSeconds = durationSeconds(call.rangeMs)
    return (window, out) => {
      const { floatFrom, floatTo, histogramFrom, histogramTo } = window
      const floatCount = floatTo - floatFrom
      const histogramCount = histogramTo - histogramFrom
      if (floatCount > 0 && histogramCount > 0) {
        annotations.warn(
          `encountered a mix of histograms and floats for metric name ${quotedName(window)}`,
          call.position,
        )
        return
      }
      /** The increase of the float, or of the histogram's count. */
      let result = 0
      let histogram = undefined
      let plain = false
      let firstT: number
      let lastT: number
      let gaps: number
      let firstValue: number
      let starts: Float64Array | undefined
      let from: number
      if (histogramCount > 0) {
        gaps = histogramCount - 1
        from = histogramFrom
        firstT = histograms.times[from]!
        lastT = histograms.times[histogramTo - 1]!
        firstValue = histograms.rows.counts[from]!
        starts = histogramStarts
        if (histogramCount > 1) {
          plain = plainWindows !== undefined && plainWindows.has(from, histogramTo)
        }
        if (plain) result = histograms.rows.counts[histogramTo - 1]! - firstValue
        else if (histogramCount > 1) {
          histogram = histogramRate(window, call, isCounter, histogramStarts)
          if (!histogram) return
          result = histogram.count
        }
      } else {
        gaps = floatCount - 1
        from = floatFrom
        firstT = times[from]!
        lastT = times[floatTo - 1]!
        firstValue = values[from]!
        starts = floatStarts
        result = values[floatTo - 1]! - firstValue
        // Windows only move forward, so resets before this one are done with.
        while (nextReset < resets.length && resets[nextReset]! <= from) nextReset++
        for (let r = nextReset; r < resets.length && resets[r]! < floatTo; r++) {
          result += values[resets[r]! - 1]!
        }
        if (hasOverlaps && overlaps.some((at) => at > from && at < floatTo)) {
          const name = quotedName(window)
          annotations.warn(
            `sample has start time that overlaps with previous sample timestamp for metric ${name}`,
            call.position,
            startOverlapDetail(1),
          )
        }
      }
      let toStart = (firstT - window.startMs) / 1000
      let toEnd = (window.endMs - lastT) / 1000
      let sampled = (lastT - firstT) / 1000
      const average = gaps > 0 ? sampled / gaps : 0
      const threshold = average * 1.1
      const firstStart = starts ? starts[from]! : 0
      if (starts && firstStart !== 0 && firstStart > window.startMs && firstStart < firstT) {
        // The counter began inside the window: a zero at its start time, nothing to extrapolate there.
        toStart = 0
        sampled = (lastT - firstStart) / 1000
        if (floatCount > 0) result += firstValue
        else {
          const first = histograms.at(from)
          histogram = histogram ? addReporting(histogram, first, window, call) : first
          if (!histogram) return
        }
      } else if (gaps === 0) {
        return
      } else {
        if (toStart >= threshold) toStart = average / 2
        if (isCounter) {
          let toZero = toStart
          if (result > 0 && firstValue >= 0) toZero = sampled * (firstValue / result)
          if (toZero < toStart) toStart = toZero
        }
      }
      if (toEnd >= threshold) toEnd = average / 2
      let factor = 1
      if (sampled !== 0) factor = (sampled + toStart + toEnd) / sampled
      if (isRate) factor /= rangeSeconds
      if (plain) setIncrease(out, window.step, histograms.rows, from, histogramTo - 1, factor)
      else if (histogram) setHistogram(out, window.step, scaleHistogram(histogram, factor))
      else {
        out.values[window.step] = result * factor
        out.presence[window.step] = FLOAT
      }
    }
  }
  return Object.assign(kernelOf, { ofFloats: floatRates(isCounter, isRate) })
}

/** Indexes of samples that are lower than the one before, or start after it. */
function resetIndexes(floats: FloatPoints, starts: Float64Array | undefined): number[] {
  const { values, times, count } = floats
  const resets: number[] = []
  for (let i = 1; i < count; i++) {
    if (values[i]! < values[i - 1]!) resets.push(i)
    else if (starts && isStartReset(starts[i - 1]!, times[i - 1]!, starts[i]!, times[i]!)) {
      resets.push(i)
    }
  }
  return resets
}

function overlapIndexes(floats: FloatPoints, starts: Float64Array): number[] {
  const found: number[] = []
  for (let i = 1; i < floats.count; i++) {
    if (startsOverlap(starts[i - 1]!, floats.times[i - 1]!, starts[i]!)) found.push(i)
  }
  return found
}
