/** Windows of floats: what is added up of each, in columns that are used again from chunk to chunk. */
import type { AggregateWriter } from '#lib/tsdb/chunk/aggregate.ts'
import { AGGREGATE, type ReadyChunk } from '#lib/tsdb/chunk/chunk.ts'
import { windowEnd } from './windows.ts'

/** `drop`: of raw samples. What was added up before keeps its NaN, so that all aggregates have the same windows. */
export type NanRule = 'drop' | 'keep'

/** Windows are 1 to `length`; place 0, and the place behind the last, are there for the counter's first and last raw value. */
export class FloatWindows {
  length = 0
  /** When each ends, or its batch. */
  times = new Float64Array(256)
  counts = new Float64Array(256)
  sums = new Float64Array(256)
  mins = new Float64Array(256)
  maxs = new Float64Array(256)
  /** What the first sample was, and all increases since; after a fall counts what is there. */
  counters = new Float64Array(256)

  /** Takes samples [from, to), which ascend. */
  fill(
    timestamps: Float64Array,
    values: Float64Array,
    from: number,
    to: number,
    resolutionMs: number,
    nan: NanRule,
  ): void {
    const drops = nan === 'drop'
    let first = from
    let last = to - 1
    if (drops) {
      while (first < to && Number.isNaN(values[first]!)) first++
      while (last > first && Number.isNaN(values[last]!)) last--
    }
    this.length = 0
    if (first === to) return
    const firstMs = timestamps[first]!
    const lastMs = timestamps[last]!
    this.#reserve(Math.min(last - first, Math.floor((lastMs - firstMs) / resolutionMs) + 1) + 3)
    const { times, counts, sums, mins, maxs, counters } = this
    let before = values[first]!
    let endMs = Math.min(windowEnd(firstMs, resolutionMs), lastMs)
    let window = 1
    let count = 1
    let sum = 0 + before
    let min = before
    let max = before
    let counter = before
    times[0] = firstMs
    counters[0] = before
    for (let i = first + 1; i <= last; i++) {
      const value = values[i]!
      if (drops && value !== value) continue
      if (timestamps[i]! > endMs) {
        times[window] = endMs
        counts[window] = count
        sums[window] = sum
        mins[window] = min
        maxs[window] = max
        counters[window] = counter
        window++
        endMs = Math.min(windowEnd(timestamps[i]!, resolutionMs), lastMs)
        count = 0
        sum = 0
        min = value
        max = value
      }
      counter += value < before ? value : value - before
      before = value
      sum += value
      count++
      if (value < min) min = value
      if (value > max) max = value
    }
    times[window] = endMs
    counts[window] = count
    sums[window] = sum
    mins[window] = min
    maxs[window] = max
    counters[window] = counter
    times[window + 1] = endMs
    counters[window + 1] = before
    this.length = window
  }

  /** One of the columns, of the windows. */
  write(values: Float64Array, out: AggregateWriter): void {
    out.floats(this.times, values, 1, this.length + 1)
  }

  /** The counter between its first and last raw value, by which a reader sees what became of it between two chunks. */
  writeCounter(out: AggregateWriter): void {
    out.floats(this.times, this.counters, 0, this.length + 2)
  }

  /** All five aggregates of what was filled in. */
  chunk(out: AggregateWriter): ReadyChunk {
    this.write(this.counts, out)
    this.write(this.sums, out)
    this.write(this.mins, out)
    this.write(this.maxs, out)
    this.writeCounter(out)
    const [minTimeMs, maxTimeMs] = [this.times[1]!, this.times[this.length]!]
    return { encoding: AGGREGATE, data: out.finish(), minTimeMs, maxTimeMs }
  }

  #reserve(needed: number): void {
    if (needed <= this.times.length) return
    const capacity = needed * 2
    this.times = new Float64Array(capacity)
    this.counts = new Float64Array(capacity)
    this.sums = new Float64Array(capacity)
    this.mins = new Float64Array(capacity)
    this.maxs = new Float64Array(capacity)
    this.counters = new Float64Array(capacity)
  }
}
