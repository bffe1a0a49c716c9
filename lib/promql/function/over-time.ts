/** The *_over_time functions over floats; those of histograms are in lib/promql/histogram/over-time.ts. */
import { setFloat, setRow, type Column } from '../execute/column.ts'
import {
  quotedName,
  type RangeCall,
  type RangeFunction,
  type RangeKernel,
  type RangeWindow,
} from '../execute/range-function.ts'
import { averageHistograms, sumHistograms } from '../histogram/over-time.ts'
import { formatGeneral } from './float-math.ts'
import { extremeOfWindows, ofEachWindow } from './float-windows.ts'
import { nextCompensation } from './kahan.ts'
import { quantileOf } from './quantile.ts'
import { quantileOfWindows } from './sliding-quantile.ts'

const MAX = Number.MAX_VALUE

function floatsIn(window: RangeWindow): number {
  return window.floatTo - window.floatFrom
}

function histogramsIn(window: RangeWindow): number {
  return window.histogramTo - window.histogramFrom
}

function plain(kernel: RangeKernel): RangeFunction {
  return () => kernel
}

/** Floats count; histograms beside them are mentioned, histograms alone give nothing. */
function overFloats(compute: (window: RangeWindow, call: RangeCall) => number): RangeFunction {
  return plain((window, out, call) => {
    if (floatsIn(window) === 0) return
    mentionIgnored(window, call)
    setFloat(out, window.step, compute(window, call))
  })
}

export function mentionIgnored(window: RangeWindow, call: RangeCall): void {
  if (histogramsIn(window) === 0) return
  call.evaluation.annotations.info(
    `ignored histograms in a range containing both floats and histograms for metric name ${quotedName(window)}`,
    call.position,
  )
}

type OfFloats = (values: Float64Array, from: number, to: number) => number

/** Floats or histograms, but not both. `ofWeighted` is of sums of several samples each. */
function eitherKind(
  ofFloats: OfFloats,
  ofHistograms: (window: RangeWindow, out: Column, call: RangeCall) => void,
  ofWeighted: (
    values: Float64Array,
    from: number,
    to: number,
    weights: Float64Array,
  ) => number = ofFloats,
): RangeFunction {
  const kernel: RangeKernel = (window, out, call) => {
    const { floatFrom, floatTo } = window
    if (histogramsIn(window) === 0) {
      const { values, weights } = window.samples.floats
      const value = weights
        ? ofWeighted(values, floatFrom, floatTo, weights)
        : ofFloats(values, floatFrom, floatTo)
      setFloat(out, window.step, value)
    } else if (floatsIn(window) === 0) ofHistograms(window, out, call)
    else {
      call.evaluation.annotations.warn(
        `encountered a mix of histograms and floats for metric name ${quotedName(window)}`,
        call.position,
      )
    }
  }
  return Object.assign(plain(kernel), { ofFloats: ofEachWindow(ofFloats) })
}

function sumFloats(values: Float64Array, from: number, to: number): number {
  let sum = 0
  let c = 0
  for (let i = from; i < to; i++) {
    const value = values[i]!
    const next = sum + value
    if (next > MAX || next < -MAX) c = 0
    else if (Math.abs(sum) >= Math.abs(value)) c += sum - next + value
    else c += value - next + sum
    sum = next
  }
  return sum > MAX || sum < -MAX ? sum : sum + c
}

/** The direct mean while the sum does not overflow, then the incremental one. */
function averageFloats(values: Float64Array, from: number, to: number): number {
  let sum = values[from]!
  let mean = 0
  let c = 0
  let count = 1
  let incremental = false
  for (let i = from + 1; i < to; i++) {
    const value = values[i]!
    count++
    if (!incremental) {
      const next = sum + value
      if (next <= MAX && next >= -MAX) {
        if (Math.abs(sum) >= Math.abs(value)) c += sum - next + value
        else c += value - next + sum
        sum = next
        continue
      }
      if (next !== next) {
        c = nextCompensation(sum, value, next, c)
        sum = next
        continue
      }
      incremental = true
      mean = sum / (count - 1)
      c /= count - 1
    }
    const q = (count - 1) / count
    const share = value / count
    const scaled = q * mean
    mean = scaled + share
    c = nextCompensation(scaled, share, mean, q * c)
  }
  return incremental ? mean + c : sum / count + c / count
}

/** Of sums of so many samples each. */
function averageSums(
  values: Float64Array,
  from: number,
  to: number,
  weights: Float64Array,
): number {
  const weight = sumFloats(weights, from, to)
  const sum = sumFloats(values, from, to)
  if (Number.isFinite(sum)) return sum / weight
  return sumFloats(
    values.subarray(from, to).map((value) => value / weight),
    0,
    to - from,
  )
}

/** How many raw samples are in the window. */
function countSamples(window: RangeWindow): number {
  const { floats, histograms } = window.samples
  return (
    countOf(floats.weights, window.floatFrom, window.floatTo) +
    countOf(histograms.weights, window.histogramFrom, window.histogramTo)
  )
}

function countOf(weights: Float64Array | undefined, from: number, to: number): number {
  return weights ? sumFloats(weights, from, to) : to - from
}

function variance(window: RangeWindow): number {
  const { values } = window.samples.floats
  let count = 0
  let mean = 0
  let meanC = 0
  let aux = 0
  let auxC = 0
  for (let i = window.floatFrom; i < window.floatTo; i++) {
    const value = values[i]!
    count++
    const delta = value - (mean + meanC)
    const meanStep = delta / count
    const nextMean = mean + meanStep
    meanC = nextCompensation(mean, meanStep, nextMean, meanC)
    mean = nextMean
    const auxStep = delta * (value - (mean + meanC))
    const nextAux = aux + auxStep
    auxC = nextCompensation(aux, auxStep, nextAux, auxC)
    aux = nextAux
  }
  return (aux + auxC) / count
}

/**
 * The extreme of the floats, or its time. NaN only wins when there is nothing else. Windows move forward, so it is enough
 * to keep the indexes of samples that no later one beats: the first of them that is in the window is the answer.
 */
function extreme(wins: (value: number, best: number) => boolean, giveTime: boolean): RangeFunction {
  return (_, { floats: { values, times, count } }) => {
    const unbeaten = new Int32Array(count)
    let first = 0
    let end = 0
    let next = 0
    return (window, out, call) => {
      const { floatFrom, floatTo } = window
      if (floatFrom === floatTo) return
      mentionIgnored(window, call)
      for (next = Math.max(next, floatFrom); next < floatTo; next++) {
        const value = values[next]!
        while (end > first) {
          const last = values[unbeaten[end - 1]!]!
          if (!wins(value, last) && last === last) break
          end--
        }
        unbeaten[end++] = next
      }
      while (unbeaten[first]! < floatFrom) first++
      const at = unbeaten[first]!
      setFloat(out, window.step, giveTime ? times[at]! / 1000 : values[at]!)
    }
  }
}

function edge(first: boolean, giveTime: boolean): RangeFunction {
  return plain((window, out) => {
    const { floats, histograms } = window.samples
    const none = first ? Infinity : -Infinity
    const f = first ? window.floatFrom : window.floatTo - 1
    const h = first ? window.histogramFrom : window.histogramTo - 1
    const floatTime = floatsIn(window) > 0 ? floats.times[f]! : none
    const histogramTime = histogramsIn(window) > 0 ? histograms.times[h]! : none
    const floatWins = first ? floatTime < histogramTime : floatTime > histogramTime
    if (giveTime) setFloat(out, window.step, (floatWins ? floatTime : histogramTime) / 1000)
    else if (floatWins) setFloat(out, window.step, floats.values[f]!)
    else setRow(out, window.step, histograms.rows, h)
  })
}

/** A copy. */
function valuesOf(window: RangeWindow): Float64Array {
  return window.samples.floats.values.slice(window.floatFrom, window.floatTo)
}

function medianDeviation(window: RangeWindow): number {
  const values = valuesOf(window)
  if (values.some((value) => Number.isNaN(value))) return NaN
  const median = quantileOf(0.5, values)
  return quantileOf(
    0.5,
    values.map((value) => Math.abs(value - median)),
  )
}

/** Parameter of the step, mentioned where it is none. */
function quantileAt(call: RangeCall, step: number): number {
  const q = call.params[0]![step]!
  if (!(q >= 0 && q <= 1)) {
    call.evaluation.annotations.warn(
      `quantile value should be between 0 and 1, got ${formatGeneral(q)}`,
      call.position,
    )
  }
  return q
}

export const OVER_TIME_FUNCTIONS: Readonly<Record<string, RangeFunction>> = {
  sum_over_time: eitherKind(sumFloats, sumHistograms),
  avg_over_time: eitherKind(averageFloats, averageHistograms, averageSums),
  min_over_time: Object.assign(
    extreme((value, best) => value < best, false),
    {
      ofFloats: extremeOfWindows(-1),
    },
  ),
  max_over_time: Object.assign(
    extreme((value, best) => value > best, false),
    {
      ofFloats: extremeOfWindows(1),
    },
  ),
  ts_of_min_over_time: extreme((value, best) => value <= best, true),
  ts_of_max_over_time: extreme((value, best) => value >= best, true),
  count_over_time: plain((window, out) => {
    setFloat(out, window.step, countSamples(window))
  }),
  present_over_time: plain((window, out) => {
    setFloat(out, window.step, 1)
  }),
  absent_over_time: plain((window, out) => {
    setFloat(out, window.step, 1)
  }),
  first_over_time: edge(true, false),
  last_over_time: edge(false, false),
  ts_of_first_over_time: edge(true, true),
  ts_of_last_over_time: edge(false, true),
  stddev_over_time: overFloats((window) => Math.sqrt(variance(window))),
  stdvar_over_time: overFloats(variance),
  mad_over_time: overFloats(medianDeviation),
  quantile_over_time: Object.assign(
    overFloats((window, call) => quantileOf(quantileAt(call, window.step), valuesOf(window))),
    { ofFloats: quantileOfWindows(quantileAt) },
  ),
}
