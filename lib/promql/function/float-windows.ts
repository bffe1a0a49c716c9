/** Functions over all windows of a series of floats at once: what their kernels give, to the bit. */
import { FLOAT } from '../result.ts'
import type { FloatsFunction } from '../execute/range-function.ts'

/** The windows of a series: samples of step i are [from[i], to[i]). Both only move forward. */
interface Windows {
  from: Int32Array
  to: Int32Array
}

/** Used again for every series: nothing below keeps it. */
const windows: Windows = { from: new Int32Array(0), to: new Int32Array(0) }

/** Good until the next call. */
export function windowsOf(
  times: Float64Array,
  count: number,
  rangeMs: number,
  { startMs, stepMs }: { readonly startMs: number; readonly stepMs: number },
  stepCount: number,
): Windows {
  if (windows.from.length < stepCount) {
    windows.from = new Int32Array(stepCount)
    windows.to = new Int32Array(stepCount)
  }
  const { from, to } = windows
  slide(times, count, startMs, stepMs, stepCount, to)
  slide(times, count, startMs - rangeMs, stepMs, stepCount, from)
  return windows
}

/** For each step how many samples are not after it. */
function slide(
  times: Float64Array,
  count: number,
  startMs: number,
  stepMs: number,
  stepCount: number,
  out: Int32Array,
): void {
  let at = 0
  /** How far the last step went, and the next likely will. */
  let stride = 1
  for (let step = 0; step < stepCount; step++) {
    const time = startMs + step * stepMs
    const end = at + stride
    if (end < count && times[end]! > time && times[end - 1]! <= time) at = end
    else {
      const before = at
      while (at < count && times[at]! <= time) at++
      stride = Math.max(1, at - before)
    }
    out[step] = at
  }
}

/** A function of the values [from, to), of which there is at least one. */
export function ofEachWindow(
  compute: (values: Float64Array, from: number, to: number) => number,
): FloatsFunction {
  return ({ rangeMs }, { times, values, count }, reference, out) => {
    const stepCount = out.values.length
    const { from, to } = windowsOf(times, count, rangeMs, reference, stepCount)
    for (let step = 0; step < stepCount; step++) {
      if (from[step] === to[step]) continue
      out.values[step] = compute(values, from[step]!, to[step]!)
      out.presence[step] = FLOAT
    }
  }
}

/** Samples whose extreme is looked for together. */
const BLOCK = 32

/**
 * The first of the largest values (`sign` 1) or smallest (−1) of each window; NaN gives way to any number. Blocks of what comes in from step to step
 * wait in line with their best sample, as long as no later one beats it.
 */
export function extremeOfWindows(sign: 1 | -1): FloatsFunction {
  let bests = new Int32Array(0)
  let ends = new Int32Array(0)
  return ({ rangeMs }, { times, values, count }, reference, out) => {
    const stepCount = out.values.length
    const { from, to } = windowsOf(times, count, rangeMs, reference, stepCount)
    if (bests.length < count) {
      bests = new Int32Array(count)
      ends = new Int32Array(count)
    }
    let head = 0
    let tail = 0
    let next = 0
    for (let step = 0; step < stepCount; step++) {
      const first = from[step]!
      const end = to[step]!
      if (first === end) continue
      for (next = Math.max(next, first); next < end;) {
        const blockEnd = Math.min(end, next + BLOCK)
        const best = bestOf(values, next, blockEnd, sign)
        const value = sign * values[best]!
        while (tail > head && beats(value, sign * values[bests[tail - 1]!]!)) tail--
        bests[tail] = best
        ends[tail++] = blockEnd
        next = blockEnd
      }
      while (bests[head]! < first) {
        // The rest of a block whose best is gone may still hold the best.
        if (ends[head]! > first) {
          const best = bestOf(values, first, ends[head]!, sign)
          const beaten =
            head + 1 < tail && beats(sign * values[bests[head + 1]!]!, sign * values[best]!)
          if (!beaten) {
            bests[head] = best
            break
          }
        }
        head++
      }
      out.values[step] = values[bests[head]!]!
      out.presence[step] = FLOAT
    }
  }
}

function beats(value: number, best: number): boolean {
  return value > best || best !== best
}

function bestOf(values: Float64Array, from: number, to: number, sign: number): number {
  let at = from
  let best = sign * values[from]!
  for (let i = from + 1; i < to; i++) {
    const value = sign * values[i]!
    if (value > best || best !== best) {
      best = value
      at = i
    }
  }
  return at
}
