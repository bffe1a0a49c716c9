/** irate and idelta: the last two samples of the window. */
import { divideHistogram, GAUGE, type FloatHistogram } from '../histogram/working-histogram.ts'
import { setFloat, setHistogram } from '../execute/column.ts'
import { quotedName, type RangeFunction, type RangeWindow } from '../execute/range-function.ts'
import { detectReset } from '../histogram/reset.ts'
import { subtractReporting } from '../histogram/reporting.ts'
import { isStartReset } from './start-timestamps.ts'

interface Sample {
  time: number
  value: number
  histogram: FloatHistogram | undefined
  start: number
}

/** Newest first by type, then in time order; a float and a histogram at one time put the histogram first. */
function lastTwo(window: RangeWindow, starts: boolean): Sample[] {
  const { floats, histograms } = window.samples
  const found: Sample[] = []
  for (
    let i = Math.max(window.histogramFrom, window.histogramTo - 2);
    i < window.histogramTo;
    i++
  ) {
    found.push({
      time: histograms.times[i]!,
      value: 0,
      histogram: histograms.at(i),
      start: (starts ? histograms.starts?.[i] : 0) ?? 0,
    })
  }
  for (let i = Math.max(window.floatFrom, window.floatTo - 2); i < window.floatTo; i++) {
    found.push({
      time: floats.times[i]!,
      value: floats.values[i]!,
      histogram: undefined,
      start: (starts ? floats.starts?.[i] : 0) ?? 0,
    })
  }
  found.sort((a, b) => a.time - b.time)
  return found.slice(-2)
}

export function instantValueFunction(isRate: boolean): RangeFunction {
  return (call) => {
    const { annotations, useStartTimestamps } = call.evaluation
    return (window, out) => {
      const [before, last] = lastTwo(window, useStartTimestamps && isRate)
      if (!before || !last) return
      const interval = last.time - before.time
      if (interval === 0) return
      const seconds = interval / 1000
      const startReset = isStartReset(before.start, before.time, last.start, last.time)
      if (!before.histogram && !last.histogram) {
        let value = last.value
        if (!isRate || !(last.value < before.value || startReset)) value -= before.value
        setFloat(out, window.step, isRate ? value / seconds : value)
        return
      }
      if (!before.histogram || !last.histogram) {
        annotations.warn(
          `encountered a mix of histograms and floats for metric name ${quotedName(window)}`,
          call.position,
        )
        return
      }
      const gauges = [before, last].filter((s) => s.histogram?.counterResetHint === GAUGE).length
      if (isRate && gauges > 0) {
        annotations.warn(
          `this native histogram metric is not a counter: ${quotedName(window)}`,
          call.position,
        )
      }
      if (!isRate && gauges < 2) {
        annotations.warn(
          `this native histogram metric is not a gauge: ${quotedName(window)}`,
          call.position,
        )
      }
      let result: FloatHistogram | undefined = last.histogram
      if (!isRate || (!startReset && !detectReset(last.histogram, before.histogram))) {
        result = subtractReporting(last.histogram, before.histogram, window, call)
        if (!result) return
      }
      result = { ...result, counterResetHint: GAUGE }
      setHistogram(out, window.step, isRate ? divideHistogram(result, seconds) : result)
    }
  }
}
