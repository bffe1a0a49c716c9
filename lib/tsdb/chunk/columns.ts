/** Growable sample columns that chunk decoders fill; reused from series to series. */
import { HistogramColumn } from '#lib/model/histogram-column.ts'
import { indexAfter, NO_SAMPLES, type SampleColumns } from '#lib/model/samples.ts'
import { compareSamples } from './sample-order.ts'

/** A closed interval of milliseconds. */
export interface Interval {
  readonly minTimeMs: number
  readonly maxTimeMs: number
}

/**
 * Decoders call `reserve`, write behind `length`, then `commit`; a decoder that throws has added nothing.
 * What `columns` gives is the builder's own memory and valid until its next `reserve`, `reset` or `columns`.
 */
export class ColumnBuilder {
  length = 0
  /** The closed interval that is wanted. Decoders may leave out samples outside of it, so that nobody has to cut them off. */
  minTimeMs = -Infinity
  maxTimeMs = Infinity
  timestamps: Float64Array
  values: Float64Array
  /** The same memory as `values`: sample i is [2i] low, [2i + 1] high. Keeps NaN bits exact. */
  valueBits: Int32Array
  #histograms: HistogramColumn | undefined
  /** Whether any sample is a histogram: the column is kept from series to series. */
  #hasHistograms = false
  #startTimestamps: Float64Array | undefined
  #weights: Float64Array | undefined

  constructor(capacity = 1024) {
    this.timestamps = new Float64Array(capacity)
    this.values = new Float64Array(capacity)
    this.valueBits = new Int32Array(this.values.buffer)
  }

  reset(minTimeMs = -Infinity, maxTimeMs = Infinity): void {
    this.length = 0
    this.minTimeMs = minTimeMs
    this.maxTimeMs = maxTimeMs
    if (this.#hasHistograms) this.#histograms!.clear()
    this.#hasHistograms = false
    this.#startTimestamps = undefined
    this.#weights = undefined
  }

  /** Makes room for `count` more samples. */
  reserve(count: number): void {
    const needed = this.length + count
    if (needed <= this.timestamps.length) return
    const capacity = Math.max(needed, this.timestamps.length * 2)
    this.timestamps = grown(this.timestamps, capacity)
    this.values = grown(this.values, capacity)
    this.valueBits = new Int32Array(this.values.buffer)
    if (this.#startTimestamps) this.#startTimestamps = grown(this.#startTimestamps, capacity)
    if (this.#weights) {
      const had = this.#weights.length
      this.#weights = grown(this.#weights, capacity).fill(1, had)
    }
    if (this.#hasHistograms) this.#histograms!.reserve(capacity)
  }

  /** Takes over `count` samples written behind `length`. */
  commit(count: number): void {
    this.length += count
  }

  /** Where decoders of histograms write rows; layouts only just before they commit. Call after `reserve`. */
  histograms(): HistogramColumn {
    this.#histograms ??= new HistogramColumn(this.timestamps.length)
    this.#histograms.reserve(this.timestamps.length)
    this.#hasHistograms = true
    return this.#histograms
  }

  /** Where decoders that know start timestamps write them, zero until then. Call after `reserve`. */
  startTimestamps(): Float64Array {
    this.#startTimestamps ??= new Float64Array(this.timestamps.length)
    return this.#startTimestamps
  }

  /** Where decoders of windows write how many samples each is made of, one until then. Call after `reserve`. */
  weights(): Float64Array {
    this.#weights ??= new Float64Array(this.timestamps.length).fill(1)
    return this.#weights
  }

  /** One float sample. Batch decoders write the arrays themselves. */
  append(timestamp: number, value: number): void {
    this.reserve(1)
    this.timestamps[this.length] = timestamp
    this.values[this.length] = value
    if (this.#startTimestamps) this.#startTimestamps[this.length] = 0
    this.commit(1)
  }

  /** What is wanted, without the samples in `deleted`: the first `length` entries of the builder's arrays. */
  columns(deleted: readonly Interval[] = []): SampleColumns {
    for (const interval of deleted) this.delete(interval)
    const { timestamps, length } = this
    if (length > 0 && timestamps[length - 1]! > this.maxTimeMs) {
      this.remove(indexAfter(timestamps, length, this.maxTimeMs), length)
    }
    if (length > 0 && timestamps[0]! < this.minTimeMs) {
      this.remove(0, this.#firstAtOrAfter(this.minTimeMs))
    }
    if (this.length === 0) return NO_SAMPLES
    return {
      length: this.length,
      timestamps,
      values: this.values,
      histograms: this.#hasHistograms ? this.#histograms : undefined,
      startTimestamps: this.#startTimestamps,
      weights: this.#weights,
    }
  }

  #firstAtOrAfter(t: number, from = 0): number {
    const { timestamps } = this
    let low = from
    let high = this.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (timestamps[middle]! < t) low = middle + 1
      else high = middle
    }
    return low
  }

  /**
   * Takes out samples of the interval, of those at `start` and behind, which must ascend. What a histogram says of the one before it is
   * forgotten where that is gone: whether there was a reset is seen in what is left, as it is when this is written again.
   */
  delete({ minTimeMs, maxTimeMs }: Interval, start = 0): void {
    const from = this.#firstAtOrAfter(minTimeMs, start)
    const to = indexAfter(this.timestamps, this.length, maxTimeMs, from)
    if (from >= to) return
    this.remove(from, to)
    if (from < this.length && this.isHistogram(from)) this.#histograms!.forgetHint(from)
  }

  /** Takes out samples [from, to). */
  remove(from: number, to: number): void {
    if (from >= to) return
    this.timestamps.copyWithin(from, to, this.length)
    this.valueBits.copyWithin(from * 2, to * 2, this.length * 2)
    this.#startTimestamps?.copyWithin(from, to, this.length)
    this.#weights?.copyWithin(from, to, this.length)
    this.#weights?.fill(1, this.length - (to - from), this.length)
    if (this.#hasHistograms) this.#histograms!.remove(from, to)
    this.length -= to - from
  }

  isHistogram(index: number): boolean {
    return this.#hasHistograms && this.#histograms!.layouts[index] !== undefined
  }

  /** Divides sample `index`, float or histogram. */
  divide(index: number, divisor: number): void {
    this.values[index]! /= divisor
    if (this.isHistogram(index)) this.#histograms!.divide(index, divisor)
  }

  /** Moves sample `from` forward to `to`. */
  move(from: number, to: number): void {
    this.timestamps[to] = this.timestamps[from]!
    this.valueBits[to * 2] = this.valueBits[from * 2]!
    this.valueBits[to * 2 + 1] = this.valueBits[from * 2 + 1]!
    if (this.#startTimestamps) this.#startTimestamps[to] = this.#startTimestamps[from]!
    if (this.#weights) this.#weights[to] = this.#weights[from]!
    if (this.#hasHistograms) this.#histograms!.move(from, to)
  }
}

function grown(array: Float64Array, capacity: number): Float64Array<ArrayBuffer> {
  const bigger = new Float64Array(capacity)
  bigger.set(array)
  return bigger
}

/** An independent copy, exact in every NaN bit. */
export function copyColumns(columns: SampleColumns): SampleColumns {
  return {
    length: columns.length,
    timestamps: columns.timestamps.slice(0, columns.length),
    values: columns.values.slice(0, columns.length),
    ...(columns.histograms && { histograms: columns.histograms.copy(columns.length) }),
    ...(columns.startTimestamps && {
      startTimestamps: columns.startTimestamps.slice(0, columns.length),
    }),
  }
}

/**
 * The chained merge: every distinct timestamp once; where both have one, `compareSamples` decides. What a histogram says of the one before it in its own
 * columns is forgotten where another is before it now, as in Prometheus.
 */
export function mergeColumns(a: SampleColumns, b: SampleColumns): SampleColumns {
  if (b.length === 0) return a
  if (a.length === 0) return b
  const capacity = a.length + b.length
  const timestamps = new Float64Array(capacity)
  const values = new Float64Array(capacity)
  const bits = new Int32Array(values.buffer)
  const aBits = bitsOf(a)
  const bBits = bitsOf(b)
  const histograms = a.histograms || b.histograms ? new HistogramColumn(capacity) : undefined
  const starts = a.startTimestamps || b.startTimestamps ? new Float64Array(capacity) : undefined
  let i = 0
  let j = 0
  let n = 0
  let wasFromA = true
  while (i < a.length || j < b.length) {
    const ta = i < a.length ? a.timestamps[i]! : Infinity
    const tb = j < b.length ? b.timestamps[j]! : Infinity
    const fromA = ta < tb || (ta === tb && compareSamples(a, i, b, j) <= 0)
    const at = fromA ? i : j
    const from = fromA ? a : b
    const fromBits = fromA ? aBits : bBits
    const t = fromA ? ta : tb
    if (ta <= tb) i++
    if (tb <= ta) j++
    if (n > 0 && timestamps[n - 1] === t) continue
    timestamps[n] = t
    bits[n * 2] = fromBits[at * 2]!
    bits[n * 2 + 1] = fromBits[at * 2 + 1]!
    if (from.histograms) histograms!.copyRow(n, from.histograms, at)
    if (histograms && n > 0 && fromA !== wasFromA) histograms.forgetHint(n)
    wasFromA = fromA
    if (starts && from.startTimestamps) starts[n] = from.startTimestamps[at]!
    n++
  }
  return {
    length: n,
    timestamps: timestamps.subarray(0, n),
    values: values.subarray(0, n),
    ...(histograms && { histograms }),
    ...(starts && { startTimestamps: starts.subarray(0, n) }),
  }
}

function bitsOf(columns: SampleColumns): Int32Array {
  return new Int32Array(columns.values.buffer, columns.values.byteOffset, columns.length * 2)
}
