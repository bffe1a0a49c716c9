/** rate, increase and delta of anchored and smoothed selectors: boundary values instead of extrapolation. */
import type { FloatHistogram } from '#lib/model/histogram.ts'
import { setFloat, setHistogram } from '../execute/column.ts'
import {
  quotedName,
  type RangeCall,
  type RangeFunction,
  type RangeWindow,
} from '../execute/range-function.ts'
import { addReporting, subtractReporting, warnMixedSchemas } from '../histogram/reporting.ts'
import { detectReset } from '../histogram/reset.ts'
import { divideHistogram, isCustom, scaleHistogram } from '../histogram/working-histogram.ts'
import { durationSeconds } from './float-math.ts'

export function extendedRate(isCounter: boolean, isRate: boolean): RangeFunction {
  return (rangeCall) => {
    const seconds = durationSeconds(rangeCall.rangeMs)
    const smoothed = rangeCall.extension === 'smoothed'
    return (window, out, call) => {
      const hasFloats = window.floatTo > window.floatFrom
      const hasHistograms = window.histogramTo > window.histogramFrom
      if (hasFloats && hasHistograms) {
        call.evaluation.annotations.warn(
          `encountered a mix of histograms and floats for metric name ${quotedName(window)}`,
          call.position,
        )
      } else if (hasHistograms) {
        const result = histogramIncrease(window, call, isCounter, smoothed)
        if (!result) return
        const gauge: FloatHistogram = { ...result, counterResetHint: 'gauge' }
        setHistogram(out, window.step, isRate ? divideHistogram(gauge, seconds) : gauge)
      } else {
        const result = floatIncrease(window, isCounter, smoothed)
        if (result !== undefined) setFloat(out, window.step, isRate ? result / seconds : result)
      }
    }
  }
}

/** First and last sample that matter: the newest at or before the start, and the last, or the first at or after the end. */
function edges(
  times: Float64Array,
  from: number,
  to: number,
  window: RangeWindow,
  smoothed: boolean,
): [first: number, last: number] | undefined {
  let first = from
  while (first + 1 < to - 1 && times[first + 1]! <= window.startMs) first++
  let last = to - 1
  if (smoothed) {
    last = from
    while (last < to - 1 && times[last]! < window.endMs) last++
  }
  if (times[last]! <= window.startMs) return undefined
  if (smoothed && times[first]! > window.endMs) return undefined
  return [first, last]
}

function floatIncrease(
  window: RangeWindow,
  isCounter: boolean,
  smoothed: boolean,
): number | undefined {
  const { times, values } = window.samples.floats
  const found = edges(times, window.floatFrom, window.floatTo, window, smoothed)
  if (!found) return undefined
  const [first, last] = found
  const between = (a: number, b: number, time: number) =>
    interpolate(times[a]!, values[a]!, times[b]!, values[b]!, time, isCounter)
  const left =
    smoothed && times[first]! < window.startMs
      ? between(first, first + 1, window.startMs)
      : values[first]!
  const right =
    smoothed && last > window.floatFrom && times[last]! > window.endMs
      ? between(last - 1, last, window.endMs)
      : values[last]!
  let result = right - left
  if (!isCounter) return result
  let correction = 0
  let previous = left
  const begin = times[first]! <= window.startMs ? first + 1 : first
  const end = times[last]! >= window.endMs ? last - 1 : last
  for (let i = begin; i <= end; i++) {
    if (values[i]! < previous) correction += previous
    previous = values[i]!
  }
  if (right < previous) correction += previous
  result += correction
  return result
}

/** A counter that went down is taken to have begun at zero. */
export function interpolate(
  time1: number,
  value1: number,
  time2: number,
  value2: number,
  time: number,
  isCounter: boolean,
): number {
  const from = isCounter && value2 < value1 ? 0 : value1
  return from + ((value2 - from) * (time - time1)) / (time2 - time1)
}

function histogramIncrease(
  window: RangeWindow,
  call: RangeCall,
  isCounter: boolean,
  smoothed: boolean,
): FloatHistogram | undefined {
  const { histograms } = window.samples
  const { times } = histograms
  const found = edges(times, window.histogramFrom, window.histogramTo, window, smoothed)
  if (!found) return undefined
  const [first, last] = found
  const { annotations } = call.evaluation
  const custom = isCustom(histograms.at(first))
  for (let i = first; i <= last; i++) {
    if (isCustom(histograms.at(i)) !== custom) {
      warnMixedSchemas(window, call)
      return undefined
    }
    if (isCounter && histograms.at(i).counterResetHint === 'gauge') {
      annotations.warn(
        `this native histogram metric is not a counter: ${quotedName(window)}`,
        call.position,
      )
    }
  }
  const between = (a: number, b: number, time: number) =>
    interpolateHistograms(
      times[a]!,
      histograms.at(a),
      times[b]!,
      histograms.at(b),
      time,
      isCounter,
      {
        add: (x, y) => addReporting(x, y, window, call),
        subtract: (x, y) => subtractReporting(x, y, window, call),
      },
    )
  const leftInside = smoothed && times[first]! < window.startMs
  const left = leftInside ? between(first, first + 1, window.startMs) : histograms.at(first)
  if (!left) return undefined
  const right =
    smoothed && last > window.histogramFrom && times[last]! > window.endMs
      ? between(last - 1, last, window.endMs)
      : histograms.at(last)
  if (!right) return undefined
  if (!isCounter && (left.counterResetHint !== 'gauge' || right.counterResetHint !== 'gauge')) {
    annotations.warn(
      `this native histogram metric is not a gauge: ${quotedName(window)}`,
      call.position,
    )
  }
  let result = subtractReporting(right, left, window, call)
  if (!isCounter || !result) return result
  let previous = left
  let begin = first + 1
  if (leftInside && detectReset(histograms.at(first + 1), histograms.at(first))) {
    // The interpolation on the left has this reset in it already.
    previous = histograms.at(first + 1)
    begin++
  }
  if (begin > last) return result
  let correction: FloatHistogram | undefined
  for (let i = begin; i <= last; i++) {
    const current = i === last ? right : histograms.at(i)
    if (detectReset(current, previous)) {
      correction = correction ? addReporting(correction, previous, window, call) : previous
      if (!correction) return undefined
    }
    previous = current
  }
  if (correction) result = addReporting(result, correction, window, call)
  return result
}

export interface HistogramAlgebra {
  add(a: FloatHistogram, b: FloatHistogram): FloatHistogram | undefined
  subtract(a: FloatHistogram, b: FloatHistogram): FloatHistogram | undefined
}

export function interpolateHistograms(
  time1: number,
  first: FloatHistogram,
  time2: number,
  second: FloatHistogram,
  time: number,
  isCounter: boolean,
  algebra: HistogramAlgebra,
): FloatHistogram | undefined {
  if (time === time1) return first
  if (time === time2) return second
  const fraction = (time - time1) / (time2 - time1)
  if (isCounter && detectReset(second, first)) return scaleHistogram(second, fraction)
  const difference = algebra.subtract(second, first)
  return difference && algebra.add(scaleHistogram(difference, fraction), first)
}
