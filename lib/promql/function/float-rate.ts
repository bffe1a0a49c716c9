/** rate, increase and delta where there are only floats, without start timestamps and extensions: all windows in one loop. */
import { FLOAT } from '../result.ts'
import type { FloatsFunction } from '../execute/range-function.ts'
import { durationSeconds } from './float-math.ts'

/**
 * What the kernel of lib/promql/function/rate.ts gives, to the bit. Scrapes mostly come at a regular pace, so that first and last sample lie in
 * one window as in the one before: then the extrapolation is the same and nothing needs to be divided.
 */
export function floatRates(isCounter: boolean, isRate: boolean): FloatsFunction {
  return ({ rangeMs }, { times, values, count }, reference, { values: results, presence }) => {
    const { startMs: firstMs, stepMs } = reference
    const seconds = isRate ? durationSeconds(rangeMs) : 1
    const resets = isCounter ? resetIndexes(values, count) : []
    let nextReset = 0
    let from = 0
    let to = 0
    /** How far both moved at the last step, and likely will again. */
    let stride = 1
    // Milliseconds from the start of the window to its first sample, on to the last one, and on to the end.
    let before = -1
    let span = -1
    let after = -1
    let gaps = -1
    let sampled = 0
    let toStart = 0
    let toEnd = 0
    let factor = 0
    for (let step = 0; step < results.length; step++) {
      const endMs = firstMs + step * stepMs
      const startMs = endMs - rangeMs
      const end = to + stride
      if (end < count && times[end]! > endMs && times[end - 1]! <= endMs) to = end
      else {
        while (to < count && times[to]! <= endMs) to++
        stride = Math.max(1, to - (end - stride))
      }
      const begin = from + stride
      if (begin < to && times[begin]! > startMs && times[begin - 1]! <= startMs) from = begin
      else while (from < to && times[from]! <= startMs) from++
      if (to - from < 2) continue
      const firstT = times[from]!
      const lastT = times[to - 1]!
      const firstValue = values[from]!
      let result = values[to - 1]! - firstValue
      // Windows only move forward, so resets before this one are done with.
      while (nextReset < resets.length && resets[nextReset]! <= from) nextReset++
      for (let r = nextReset; r < resets.length && resets[r]! < to; r++) {
        result += values[resets[r]! - 1]!
      }
      if (
        firstT - startMs !== before ||
        lastT - firstT !== span ||
        endMs - lastT !== after ||
        to - from - 1 !== gaps
      ) {
        before = firstT - startMs
        span = lastT - firstT
        after = endMs - lastT
        gaps = to - from - 1
        sampled = span / 1000
        const average = sampled / gaps
        const threshold = average * 1.1
        toStart = before / 1000
        toEnd = after / 1000
        if (toStart >= threshold) toStart = average / 2
        if (toEnd >= threshold) toEnd = average / 2
        factor = factorOf(sampled, toStart, toEnd) / seconds
      }
      presence[step] = FLOAT
      results[step] = result * factor
      // A counter is not extrapolated below zero. One that began higher than it grew is far from it.
      if (
        isCounter &&
        result > 0 &&
        firstValue >= 0 &&
        !(firstValue >= result && sampled >= toStart)
      ) {
        const toZero = sampled * (firstValue / result)
        if (toZero < toStart) results[step] = result * (factorOf(sampled, toZero, toEnd) / seconds)
      }
    }
  }
}

function factorOf(sampled: number, toStart: number, toEnd: number): number {
  return sampled === 0 ? 1 : (sampled + toStart + toEnd) / sampled
}

/** Indexes of samples that are lower than the one before. */
function resetIndexes(values: Float64Array, count: number): number[] {
  const resets: number[] = []
  for (let i = 1; i < count; i++) if (values[i]! < values[i - 1]!) resets.push(i)
  return resets
}
