/** quantile_over_time over all windows of a series of floats: the values of a window are kept in order from step to step. */
import { FLOAT } from '../result.ts'
import type { FloatsFunction } from '../execute/range-function.ts'
import { windowsOf } from './float-windows.ts'
import { orderedQuantile, quantileOf } from './quantile.ts'

/** Where more samples than this come or go in a step, ordering each window for itself is less work. */
const FEW = 64

/** `q` of a step may be anything. */
export function quantileOfWindows(
  qOf: (call: Parameters<FloatsFunction>[0], step: number) => number,
): FloatsFunction {
  return (call, { times, values, count }, reference, out) => {
    const stepCount = out.values.length
    const { from, to } = windowsOf(times, count, call.rangeMs, reference, stepCount)
    // Zeros of either sign are equal, but not to whoever reads the answer; what order NaN has is not that of numbers.
    const orderly = isOrderly(values, count)
    const ordered = new OrderedWindow()
    for (let step = 0; step < stepCount; step++) {
      const first = from[step]!
      const end = to[step]!
      if (first === end) continue
      const q = qOf(call, step)
      const next = step + 1
      const slidesOn =
        orderly &&
        next < stepCount &&
        from[next]! < end &&
        from[next]! - first <= FEW &&
        to[next]! - end <= FEW
      if (ordered.moveTo(values, first, end) || slidesOn) {
        if (!ordered.holds(first, end)) ordered.fill(values, first, end)
        out.values[step] = orderedQuantile(q, ordered.values, ordered.size)
      } else out.values[step] = quantileOf(q, values.slice(first, end))
      out.presence[step] = FLOAT
    }
  }
}

function isOrderly(values: Float64Array, count: number): boolean {
  for (let i = 0; i < count; i++) {
    const value = values[i]!
    if (value !== value || (value === 0 && 1 / value < 0)) return false
  }
  return true
}

/** The samples [from, to) of a series in ascending order. */
class OrderedWindow {
  values = new Float64Array(0)
  #spare = new Float64Array(0)
  readonly #coming = new Float64Array(FEW + 1)
  readonly #leaving = new Float64Array(FEW + 1)
  #from = 0
  #to = 0

  get size(): number {
    return this.#to - this.#from
  }

  holds(from: number, to: number): boolean {
    return from === this.#from && to === this.#to
  }

  fill(samples: Float64Array, from: number, to: number): void {
    this.#reserve(to - from)
    this.values.set(samples.subarray(from, to))
    this.values.subarray(0, to - from).sort()
    this.#from = from
    this.#to = to
  }

  /** From a window not far before; false, and nothing done, where it is too far. */
  moveTo(samples: Float64Array, from: number, to: number): boolean {
    const out = from - this.#from
    const more = to - this.#to
    if (from >= this.#to || out > FEW || more > FEW) return false
    const leaving = this.#leaving
    const coming = this.#coming
    sortInto(leaving, samples, this.#from, from)
    sortInto(coming, samples, this.#to, to)
    // Nothing is equal to the one, nothing above the other.
    leaving[out] = NaN
    coming[more] = Infinity
    const size = this.size
    this.#reserve(size + more)
    const old = this.values
    const merged = this.#spare
    let leave = leaving[0]!
    let come = coming[0]!
    let o = 0
    let m = 0
    let at = 0
    for (let i = 0; i < size; i++) {
      const value = old[i]!
      if (value === leave) {
        leave = leaving[++o]!
        continue
      }
      while (come < value) {
        merged[at++] = come
        come = coming[++m]!
      }
      merged[at++] = value
    }
    while (m < more) merged[at++] = coming[m++]!
    this.values = merged
    this.#spare = old
    this.#from = from
    this.#to = to
    return true
  }

  #reserve(size: number): void {
    if (size <= this.values.length && size <= this.#spare.length) return
    const bigger = new Float64Array(2 * size)
    bigger.set(this.values.subarray(0, this.size))
    this.values = bigger
    this.#spare = new Float64Array(2 * size)
  }
}

/** By insertion. */
function sortInto(target: Float64Array, samples: Float64Array, from: number, to: number): void {
  for (let i = from; i < to; i++) {
    const value = samples[i]!
    let at = i - from
    for (; at > 0 && target[at - 1]! > value; at--) target[at] = target[at - 1]!
    target[at] = value
  }
}
