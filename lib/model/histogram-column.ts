/** Native histograms in columns: a row for each, the buckets of all rows in one array, layouts shared between rows. */
import type { CounterResetHint, FloatHistogram, Span } from './histogram.ts'
import { EMPTY_LAYOUT, rowLayout, sameLayout, type RowLayout } from './row-layout.ts'

/** A hint in `hints` is its place in here. */
export const HINTS: readonly CounterResetHint[] = ['unknown', 'reset', 'not-reset', 'gauge']
export const HINT_UNKNOWN = 0
export const HINT_RESET = 1
export const HINT_NOT_RESET = 2
export const HINT_GAUGE = 3

const NO_NUMBERS = new Float64Array(0)

/**
 * Rows may be written in any order and again; room in `buckets` is only given back by `clear`.
 * The arrays may be longer than there are rows.
 */
export class HistogramColumn {
  /** Undefined where the row has no histogram. Rows in a run share the object wherever they can. */
  layouts: (RowLayout | undefined)[]
  hints: Uint8Array
  counts: Float64Array
  zeroCounts: Float64Array
  sums: Float64Array
  /** Where in `buckets` the row begins: first its positive buckets, ascending, then its negative ones. */
  starts: Uint32Array
  /** 1 where empty buckets are in the row for the sake of a shared layout, and not part of the histogram. */
  padded: Uint8Array
  buckets: Float64Array
  /** So much of `buckets` is taken. */
  #used = 0
  #lastSet: RowLayout = EMPTY_LAYOUT

  constructor(rows: number) {
    // Array.from is ten times slower.
    this.layouts = []
    for (let i = 0; i < rows; i++) this.layouts.push(undefined)
    this.hints = new Uint8Array(rows)
    this.counts = new Float64Array(rows)
    this.zeroCounts = new Float64Array(rows)
    this.sums = new Float64Array(rows)
    this.starts = new Uint32Array(rows)
    this.padded = new Uint8Array(rows)
    this.buckets = NO_NUMBERS
  }

  static of(histograms: readonly (FloatHistogram | undefined)[]): HistogramColumn {
    const column = new HistogramColumn(histograms.length)
    for (let i = 0; i < histograms.length; i++) {
      if (histograms[i]) column.set(i, histograms[i]!)
    }
    return column
  }

  /** Makes room for so many rows. */
  reserve(rows: number): void {
    const had = this.hints.length
    if (rows <= had) return
    const capacity = Math.max(rows, had * 2)
    for (let i = had; i < capacity; i++) this.layouts.push(undefined)
    this.hints = grown(this.hints, new Uint8Array(capacity))
    this.counts = grown(this.counts, new Float64Array(capacity))
    this.zeroCounts = grown(this.zeroCounts, new Float64Array(capacity))
    this.sums = grown(this.sums, new Float64Array(capacity))
    this.starts = grown(this.starts, new Uint32Array(capacity))
    this.padded = grown(this.padded, new Uint8Array(capacity))
  }

  /** Room for so many buckets: where it begins in `buckets`, which may be another array afterwards. */
  take(size: number): number {
    const start = this.#used
    this.#used = start + size
    if (this.#used > this.buckets.length) {
      const capacity = Math.max(this.#used, this.buckets.length * 2, 256)
      this.buckets = grown(this.buckets, new Float64Array(capacity))
    }
    return start
  }

  /** The layout of the newest row that was set, where it is the same. */
  shared(layout: RowLayout): RowLayout {
    const last = this.#lastSet
    if (
      layout.positives !== last.positives ||
      layout.size !== last.size ||
      !sameLayout(layout, last)
    ) {
      this.#lastSet = layout
    }
    return this.#lastSet
  }

  /** No row has a histogram any more. */
  clear(): void {
    this.layouts.fill(undefined)
    this.#used = 0
  }

  /** A new row; the caller fills in its buckets at what this gives. */
  open(
    row: number,
    layout: RowLayout,
    hint: number,
    count: number,
    zeroCount: number,
    sum: number,
  ): number {
    const start = this.take(layout.size)
    this.layouts[row] = layout
    this.hints[row] = hint
    this.counts[row] = count
    this.zeroCounts[row] = zeroCount
    this.sums[row] = sum
    this.starts[row] = start
    this.padded[row] = 0
    return start
  }

  set(row: number, histogram: FloatHistogram): void {
    const { positiveBuckets, negativeBuckets, counterResetHint } = histogram
    let layout = this.#lastSet
    if (!isLaidOut(histogram, layout)) layout = this.#lastSet = layoutOf(histogram)
    const { count, zeroCount, sum } = histogram
    const start = this.open(row, layout, HINTS.indexOf(counterResetHint), count, zeroCount, sum)
    this.buckets.set(positiveBuckets, start)
    this.buckets.set(negativeBuckets, start + positiveBuckets.length)
  }

  /** It is not known whether the row is lower than the one before: a gauge stays one. */
  forgetHint(row: number): void {
    if (this.hints[row] !== HINT_GAUGE) this.hints[row] = HINT_UNKNOWN
  }

  /** Row `from` of `source` becomes row `row`, or the row has no histogram any more. */
  copyRow(row: number, source: HistogramColumn, from: number): void {
    const layout = source.layouts[from]
    if (!layout) {
      this.layouts[row] = undefined
      return
    }
    const { hints, counts, zeroCounts, sums, starts, padded } = source
    const start = this.open(
      row,
      layout,
      hints[from]!,
      counts[from]!,
      zeroCounts[from]!,
      sums[from]!,
    )
    this.padded[row] = padded[from]!
    const { buckets } = this
    const rest = source.buckets
    for (let i = 0, at = starts[from]!; i < layout.size; i++) buckets[start + i] = rest[at + i]!
  }

  /** The histogram of a row, independent of this column. */
  at(row: number): FloatHistogram | undefined {
    const layout = this.layouts[row]
    if (!layout) return undefined
    const start = this.starts[row]!
    const middle = start + layout.positives
    const end = start + layout.size
    let { positiveSpans, negativeSpans } = layout
    let positiveBuckets: Float64Array
    let negativeBuckets: Float64Array
    if (this.padded[row] === 1) {
      ;[positiveSpans, positiveBuckets] = populated(positiveSpans, this.buckets, start, middle)
      ;[negativeSpans, negativeBuckets] = populated(negativeSpans, this.buckets, middle, end)
    } else {
      positiveBuckets = middle === start ? NO_NUMBERS : this.buckets.slice(start, middle)
      negativeBuckets = end === middle ? NO_NUMBERS : this.buckets.slice(middle, end)
    }
    return {
      schema: layout.schema,
      zeroThreshold: layout.zeroThreshold,
      zeroCount: this.zeroCounts[row]!,
      count: this.counts[row]!,
      sum: this.sums[row]!,
      positiveSpans,
      negativeSpans,
      positiveBuckets,
      negativeBuckets,
      customValues: layout.customValues,
      counterResetHint: HINTS[this.hints[row]!]!,
    }
  }

  /** All of the first `length` rows, each as `at` gives it. */
  list(length: number): (FloatHistogram | undefined)[] {
    return Array.from({ length }, (_, row) => this.at(row))
  }

  /** Rows [from, to); shares memory. */
  slice(from: number, to: number): HistogramColumn {
    const part = new HistogramColumn(0)
    part.layouts = this.layouts.slice(from, to)
    part.hints = this.hints.subarray(from, to)
    part.counts = this.counts.subarray(from, to)
    part.zeroCounts = this.zeroCounts.subarray(from, to)
    part.sums = this.sums.subarray(from, to)
    part.starts = this.starts.subarray(from, to)
    part.padded = this.padded.subarray(from, to)
    part.buckets = this.buckets
    part.#used = this.#used
    return part
  }

  /** An independent column of these rows, in this order. */
  gather(rows: readonly number[]): HistogramColumn {
    const column = new HistogramColumn(rows.length)
    for (let i = 0; i < rows.length; i++) column.copyRow(i, this, rows[i]!)
    return column
  }

  /** The first `length` of `rows`, in that order; shares the buckets. */
  pick(rows: ArrayLike<number>, length: number): HistogramColumn {
    const part = new HistogramColumn(length)
    for (let i = 0; i < length; i++) {
      const row = rows[i]!
      part.layouts[i] = this.layouts[row]
      part.hints[i] = this.hints[row]!
      part.counts[i] = this.counts[row]!
      part.zeroCounts[i] = this.zeroCounts[row]!
      part.sums[i] = this.sums[row]!
      part.starts[i] = this.starts[row]!
      part.padded[i] = this.padded[row]!
    }
    part.buckets = this.buckets
    part.#used = this.#used
    return part
  }

  /** An independent copy of the first `length` rows. */
  copy(length: number): HistogramColumn {
    const copy = new HistogramColumn(0)
    copy.layouts = this.layouts.slice(0, length)
    copy.hints = this.hints.slice(0, length)
    copy.counts = this.counts.slice(0, length)
    copy.zeroCounts = this.zeroCounts.slice(0, length)
    copy.sums = this.sums.slice(0, length)
    copy.starts = this.starts.slice(0, length)
    copy.padded = this.padded.slice(0, length)
    copy.buckets = this.buckets.slice(0, this.#used)
    copy.#used = this.#used
    return copy
  }

  /** Row `from` becomes row `to`, and shares its buckets. */
  move(from: number, to: number): void {
    this.layouts[to] = this.layouts[from]
    this.hints[to] = this.hints[from]!
    this.counts[to] = this.counts[from]!
    this.zeroCounts[to] = this.zeroCounts[from]!
    this.sums[to] = this.sums[from]!
    this.starts[to] = this.starts[from]!
    this.padded[to] = this.padded[from]!
  }

  /** Divides all counts of a row, in place; `divisor` is positive. */
  divide(row: number, divisor: number): void {
    this.counts[row]! /= divisor
    this.zeroCounts[row]! /= divisor
    this.sums[row]! /= divisor
    const start = this.starts[row]!
    const end = start + this.layouts[row]!.size
    for (let i = start; i < end; i++) this.buckets[i]! /= divisor
  }

  /** Takes rows [from, to) out; those behind move up. */
  remove(from: number, to: number): void {
    this.layouts.copyWithin(from, to)
    this.layouts.fill(undefined, this.layouts.length - (to - from))
    this.hints.copyWithin(from, to)
    this.counts.copyWithin(from, to)
    this.zeroCounts.copyWithin(from, to)
    this.sums.copyWithin(from, to)
    this.starts.copyWithin(from, to)
    this.padded.copyWithin(from, to)
  }
}

function grown<T extends Float64Array | Uint8Array | Uint32Array>(array: T, bigger: T): T {
  bigger.set(array)
  return bigger
}

function layoutOf(histogram: FloatHistogram): RowLayout {
  const positives = histogram.positiveBuckets.length
  return { ...rowLayout(histogram), positives, size: positives + histogram.negativeBuckets.length }
}

function isLaidOut(histogram: FloatHistogram, layout: RowLayout): boolean {
  return (
    histogram.positiveBuckets.length === layout.positives &&
    histogram.negativeBuckets.length === layout.size - layout.positives &&
    sameLayout(histogram, layout)
  )
}

/** Spans and counts of those in [from, to) that are not empty. */
function populated(
  spans: readonly Span[],
  buckets: Float64Array,
  from: number,
  to: number,
): [readonly Span[], Float64Array] {
  let empty = 0
  for (let i = from; i < to; i++) if (buckets[i] === 0) empty++
  if (empty === 0) return [spans, from === to ? NO_NUMBERS : buckets.slice(from, to)]
  const kept: { offset: number; length: number }[] = []
  const counts = new Float64Array(to - from - empty)
  let at = from
  let n = 0
  let index = 0
  /** Behind the last bucket kept. */
  let end = 0
  for (const { offset, length } of spans) {
    index += offset
    for (let i = 0; i < length; i++, index++, at++) {
      if (buckets[at] === 0) continue
      counts[n++] = buckets[at]!
      const last = kept[kept.length - 1]
      if (last && index === end) last.length++
      else kept.push({ offset: index - end, length: 1 })
      end = index + 1
    }
  }
  return [kept, counts]
}
