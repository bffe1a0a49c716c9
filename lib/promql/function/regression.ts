/** deriv, predict_linear and double_exponential_smoothing. */
import { DomainError } from '#lib/model/errors.ts'
import { setFloat } from '../execute/column.ts'
import type { RangeFunction, RangeWindow, RangeCall } from '../execute/range-function.ts'
import { KahanSum } from './kahan.ts'
import { formatFixed } from './float-math.ts'
import { mentionIgnored } from './over-time.ts'

/** Least squares with x in seconds from `originMs`. Constant values have slope 0, constant infinities none. */
function fitLine(window: RangeWindow, originMs: number): { slope: number; intercept: number } {
  const { times, values } = window.samples.floats
  const first = values[window.floatFrom]!
  let constant = true
  let n = 0
  const x = new KahanSum()
  const y = new KahanSum()
  const xy = new KahanSum()
  const xx = new KahanSum()
  for (let i = window.floatFrom; i < window.floatTo; i++) {
    const value = values[i]!
    if (i > window.floatFrom && value !== first) constant = false
    n++
    const seconds = (times[i]! - originMs) / 1e3
    x.add(seconds)
    y.add(value)
    xy.add(seconds * value)
    xx.add(seconds * seconds)
  }
  if (constant) {
    if (first === Infinity || first === -Infinity) return { slope: NaN, intercept: NaN }
    return { slope: 0, intercept: first }
  }
  const sumX = x.total
  const sumY = y.total
  const covariance = xy.total - (sumX * sumY) / n
  const varianceX = xx.total - (sumX * sumX) / n
  const slope = covariance / varianceX
  return { slope, intercept: sumY / n - (slope * sumX) / n }
}

/** Two floats are needed; one beside histograms is worth a mention. */
function enoughFloats(window: RangeWindow, call: RangeCall): boolean {
  const count = window.floatTo - window.floatFrom
  if (count >= 1) mentionIgnored(window, call)
  return count >= 2
}

export const deriv: RangeFunction = () => (window, out, call) => {
  if (!enoughFloats(window, call)) return
  const origin = window.samples.floats.times[window.floatFrom]!
  setFloat(out, window.step, fitLine(window, origin).slope)
}

export const predictLinear: RangeFunction = () => (window, out, call) => {
  if (!enoughFloats(window, call)) return
  const { slope, intercept } = fitLine(window, window.timeMs)
  setFloat(out, window.step, slope * call.params[0]![window.step]! + intercept)
}

export const doubleExponentialSmoothing: RangeFunction = () => (window, out, call) => {
  const smoothing = call.params[0]![window.step]!
  const trend = call.params[1]![window.step]!
  checkFactor('smoothing', 'sf', smoothing)
  checkFactor('trend', 'tf', trend)
  if (!enoughFloats(window, call)) return
  const { values } = window.samples.floats
  const from = window.floatFrom
  let before = 0
  let level = values[from]!
  let slope = values[from + 1]! - values[from]!
  for (let i = from + 1; i < window.floatTo; i++) {
    const x = smoothing * values[i]!
    if (i > from + 1) slope = trend * (level - before) + (1 - trend) * slope
    const y = (1 - smoothing) * (level + slope)
    before = level
    level = x + y
  }
  setFloat(out, window.step, level)
}

function checkFactor(name: string, symbol: string, value: number): void {
  // Written so that NaN passes, as it does in Prometheus.
  if (!(value <= 0 || value >= 1)) return
  throw new DomainError(
    'execution',
    `invalid ${name} factor. Expected: 0 < ${symbol} < 1, got: ${formatFixed(value)}`,
  )
}
