/**
 * Counters of downsampled chunks, put end to end: each sample becomes the first plus all increases since, so that the series never falls.
 *
 * A counter chunk begins with the raw value its first window began with and ends with the raw value its last window ended with, under the
 * time of the sample before: that is what the next chunk, or raw sample, goes on from.
 */
import type { ColumnBuilder } from './columns.ts'

/**
 * In place. Samples that are not later than those before them say only where the counter stands; NaN and stale markers are left out. Gives
 * where it stands at the end.
 */
export function toCounterTotals(builder: ColumnBuilder): number {
  const { timestamps, values, length } = builder
  let kept = 0
  let any = false
  let lastMs = -Infinity
  let last = 0
  let total = 0
  for (let i = 0; i < length; i++) {
    const timeMs = timestamps[i]!
    const value = values[i]!
    if (builder.isHistogram(i)) {
      if (timeMs > lastMs) builder.move(i, kept++)
      lastMs = Math.max(lastMs, timeMs)
      continue
    }
    if (Number.isNaN(value) || timeMs < lastMs) continue
    if (timeMs > lastMs || !any) {
      total += any && value >= last ? value - last : value
      builder.move(i, kept)
      values[kept++] = total
    }
    any = true
    lastMs = timeMs
    last = value
  }
  builder.remove(kept, length)
  return last
}
