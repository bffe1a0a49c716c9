/** changes and resets: comparing each sample of the window with the one before. */
import { setFloat } from '../execute/column.ts'
import type { RangeFunction, RangeWindow } from '../execute/range-function.ts'
import { detectRowReset } from '../histogram/reset.ts'
import { equalHistograms } from '../histogram/equal.ts'
import { isStartReset } from './start-timestamps.ts'

export const changes: RangeFunction = (call) => (window, out) => {
  const count = countPairs(window, call.extension === 'anchored', (pair) => {
    const { before, after, from, to } = pair
    if (before < 0 !== after < 0) return true
    const { histograms } = window.samples
    if (after >= 0) return !equalHistograms(histograms.at(after), histograms.at(before))
    return to !== from && !(Number.isNaN(to) && Number.isNaN(from))
  })
  if (count >= 0) setFloat(out, window.step, count)
}

export const resets: RangeFunction = (call) => {
  const { useStartTimestamps } = call.evaluation
  return (window, out) => {
    const count = countPairs(window, call.extension === 'anchored', (pair) => {
      const { before, after } = pair
      if (before < 0 !== after < 0) return true
      if (
        useStartTimestamps &&
        isStartReset(pair.fromStart, pair.fromTime, pair.toStart, pair.toTime)
      )
        return true
      if (after < 0) return pair.to < pair.from
      return detectRowReset(window.samples.histograms.rows, after, before)
    })
    if (count >= 0) setFloat(out, window.step, count)
  }
}

/** Two samples that follow each other; `before` and `after` are their places among the histograms, −1 where they are floats. */
interface Pair {
  from: number
  to: number
  before: number
  after: number
  fromTime: number
  toTime: number
  fromStart: number
  toStart: number
}

/** -1 when an anchored window has nothing after its start. */
function countPairs(
  window: RangeWindow,
  anchored: boolean,
  counts: (pair: Pair) => boolean,
): number {
  const { floats, histograms } = window.samples
  const { floatTo, histogramTo } = window
  let f = window.floatFrom
  let h = window.histogramFrom
  if (anchored) {
    // The newest sample at or before the start, of either kind, is the first; older ones don't count.
    let anchorF = -1
    let anchorH = -1
    for (; f < floatTo && floats.times[f]! <= window.startMs; f++) anchorF = f
    for (; h < histogramTo && histograms.times[h]! <= window.startMs; h++) anchorH = h
    if (f >= floatTo && h >= histogramTo) return -1
    if (anchorF >= 0 && (anchorH < 0 || floats.times[anchorF]! >= histograms.times[anchorH]!)) {
      f = anchorF
    } else if (anchorH >= 0) h = anchorH
  }
  const pair: Pair = {
    from: 0,
    to: 0,
    before: -1,
    after: -1,
    fromTime: 0,
    toTime: 0,
    fromStart: 0,
    toStart: 0,
  }
  let count = 0
  let first = true
  while (f < floatTo || h < histogramTo) {
    pair.from = pair.to
    pair.before = pair.after
    pair.fromTime = pair.toTime
    pair.fromStart = pair.toStart
    if (h >= histogramTo || (f < floatTo && floats.times[f]! < histograms.times[h]!)) {
      pair.to = floats.values[f]!
      pair.after = -1
      pair.toTime = floats.times[f]!
      pair.toStart = floats.starts?.[f] ?? 0
      f++
    } else {
      pair.to = 0
      pair.after = h
      pair.toTime = histograms.times[h]!
      pair.toStart = histograms.starts?.[h] ?? 0
      h++
    }
    if (!first && counts(pair)) count++
    first = false
  }
  return count
}
