/** The samples of one series as columns, and the stale marker. */
import type { HistogramColumn } from './histogram-column.ts'

/**
 * Sample i is (timestamps[i], values[i]), or (timestamps[i], row i of histograms) where there is one; then
 * values[i] is the histogram's sum (so that its staleness shows in the same column).
 * Timestamps are milliseconds, strictly ascending. Only the first `length` entries count.
 */
export interface SampleColumns {
  readonly length: number
  readonly timestamps: Float64Array
  readonly values: Float64Array
  /** Absent when the series has floats only. */
  readonly histograms?: HistogramColumn | undefined
  /** Start timestamps in ms, 0 where unknown. Absent when none is known. */
  readonly startTimestamps?: Float64Array | undefined
  /**
   * Of windows of downsampled blocks, for who asked for that: how many raw samples each is made of, of which values and histograms are the sums
   * then. Absent when each is one sample.
   */
  readonly weights?: Float64Array | undefined
}

export const NO_SAMPLES: SampleColumns = {
  length: 0,
  timestamps: new Float64Array(0),
  values: new Float64Array(0),
}

/** The bits of the stale marker, 0x7ff0000000000002, in two halves. */
export const STALE_HIGH = 0x7ff00000
export const STALE_LOW = 2

const scratch = new Float64Array(1)
const scratchBits = new Uint32Array(scratch.buffer)

/** A fresh stale marker. Keep it in typed arrays: arithmetic, JSON and structuredClone lose its bits. */
export function writeStale(values: Float64Array, index: number): void {
  const bits = new Uint32Array(values.buffer, values.byteOffset + index * 8, 2)
  bits[0] = STALE_LOW
  bits[1] = STALE_HIGH
}

/** Whether values[index] is the stale marker. Little-endian hosts only, as Node's all are. */
export function isStale(values: Float64Array, index: number): boolean {
  const value = values[index]!
  if (value === value) return false
  scratch[0] = value
  if (scratchBits[0] === STALE_LOW && scratchBits[1] === STALE_HIGH) return true
  return false
}

/** First index in [from, length) whose timestamp is > t (binary search). */
export function indexAfter(timestamps: Float64Array, length: number, t: number, from = 0): number {
  let low = from
  let high = length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (timestamps[middle]! <= t) low = middle + 1
    else high = middle
  }
  return low
}
