/** Windows of native histograms: their sums, and the counter since the batch began, all on one layout. */
import { bucketIndexes, spansOf, uniteIndexes } from '#lib/model/bucket-indexes.ts'
import type { FloatHistogram, Span } from '#lib/model/histogram.ts'
import type { HistogramColumn } from '#lib/model/histogram-column.ts'
import { rowLayout, sameLayout, type RowLayout } from '#lib/model/row-layout.ts'
import { type EncodedChunk, FLOAT_HISTOGRAM } from '#lib/tsdb/chunk/chunk.ts'
import { encodeHistograms } from '#lib/tsdb/chunk/histogram.ts'
import { windowEnd } from './windows.ts'

/** Rows of a column that go together: same zero bucket and custom bounds, all counters or all gauges. */
export interface HistogramBatch {
  readonly rows: HistogramColumn
  readonly timestamps: Float64Array
  /** Of rows and timestamps, ascending. */
  readonly picks: readonly number[]
  /** 1 for each pick that begins anew. */
  readonly resets: Uint8Array
}

/** Places of a row as numbers; its buckets follow. */
const COUNT = 0
const ZERO_COUNT = 1
const SUM = 2
const BUCKETS = 3

export class HistogramWindows {
  readonly length: number
  readonly times: Float64Array
  /** Of rows. */
  readonly counts: Float64Array
  readonly #layout: RowLayout
  readonly #width: number
  /** Window after window. */
  readonly #sums: Float64Array
  readonly #counters: Float64Array

  constructor({ rows, timestamps, picks, resets }: HistogramBatch, resolutionMs: number) {
    const spread = new Spread(rows, picks)
    const { width } = spread
    const firstMs = timestamps[picks[0]!]!
    const lastMs = timestamps[picks.at(-1)!]!
    const most = Math.min(picks.length, Math.floor((lastMs - firstMs) / resolutionMs) + 2)
    const times = new Float64Array(most)
    const counts = new Float64Array(most)
    const sums = new Float64Array(most * width)
    const counters = new Float64Array(most * width)
    let now = new Float64Array(width)
    let before = new Float64Array(width)
    const counter = new Float64Array(width)
    let window = -1
    let endMs = -Infinity
    for (let i = 0; i < picks.length; i++) {
      const timeMs = timestamps[picks[i]!]!
      spread.read(picks[i]!, now)
      if (timeMs > endMs) {
        if (i > 0) counters.set(counter, window * width)
        endMs = Math.min(windowEnd(timeMs, resolutionMs), lastMs)
        times[++window] = endMs
      }
      counts[window]!++
      const anew = i === 0 || resets[i] === 1
      const at = window * width
      for (let f = 0; f < width; f++) {
        counter[f]! += anew ? now[f]! : now[f]! - before[f]!
        sums[at + f]! += now[f]!
      }
      ;[now, before] = [before, now]
    }
    counters.set(counter, window * width)
    this.length = window + 1
    this.times = times.subarray(0, this.length)
    this.counts = counts
    this.#layout = spread.layout
    this.#width = width
    this.#sums = sums
    this.#counters = counters
  }

  /** `header` is one of `CounterResetHeader`. */
  encodeSums(header: number): EncodedChunk {
    return this.#encode(this.#sums, header)
  }

  encodeCounters(header: number): EncodedChunk {
    return this.#encode(this.#counters, header)
  }

  #encode(numbers: Float64Array, header: number): EncodedChunk {
    const layout = this.#layout
    const histograms: FloatHistogram[] = []
    const sums = new Float64Array(this.length)
    for (let window = 0; window < this.length; window++) {
      const at = window * this.#width
      const middle = at + BUCKETS + layout.positives
      sums[window] = numbers[at + SUM]!
      histograms.push({
        ...layout,
        count: numbers[at + COUNT]!,
        zeroCount: numbers[at + ZERO_COUNT]!,
        sum: sums[window]!,
        positiveBuckets: numbers.subarray(at + BUCKETS, middle),
        negativeBuckets: numbers.subarray(middle, at + this.#width),
        counterResetHint: 'unknown',
      })
    }
    const data = encodeHistograms('float', header, layout, this.times, sums, histograms)
    return { encoding: FLOAT_HISTOGRAM, data }
  }
}

/** Puts rows of several layouts onto one, which has the coarsest schema and all buckets. */
class Spread {
  readonly layout: RowLayout
  readonly width: number
  readonly #rows: HistogramColumn
  /** Where on the common layout each bucket of another goes. */
  readonly #places = new Map<RowLayout, Int32Array>()

  constructor(rows: HistogramColumn, picks: readonly number[]) {
    this.#rows = rows
    const layouts = new Set<RowLayout>()
    for (const pick of picks) layouts.add(rows.layouts[pick]!)
    this.layout = commonLayout([...layouts])
    this.width = BUCKETS + this.layout.size
    for (const layout of layouts) this.#places.set(layout, placesOn(this.layout, layout))
  }

  read(row: number, into: Float64Array): void {
    const { layouts, counts, zeroCounts, sums, starts, buckets } = this.#rows
    into.fill(0)
    into[COUNT] = counts[row]!
    into[ZERO_COUNT] = zeroCounts[row]!
    into[SUM] = sums[row]!
    const places = this.#places.get(layouts[row]!)!
    const start = starts[row]!
    for (let b = 0; b < places.length; b++) into[BUCKETS + places[b]!]! += buckets[start + b]!
  }
}

function commonLayout(layouts: readonly RowLayout[]): RowLayout {
  const [first, ...others] = layouts as [RowLayout, ...RowLayout[]]
  if (others.every((layout) => sameLayout(layout, first))) return first
  const schema = Math.min(...layouts.map((layout) => layout.schema))
  const united = (spans: (layout: RowLayout) => readonly Span[]): Span[] => {
    let all: Int32Array = new Int32Array(0)
    for (const layout of layouts) {
      const indexes = coarser(bucketIndexes(spans(layout)), layout.schema - schema)
      all = uniteIndexes(all, Int32Array.from(new Set(indexes)))
    }
    return spansOf(all)
  }
  return rowLayout({
    schema,
    zeroThreshold: first.zeroThreshold,
    positiveSpans: united(({ positiveSpans }) => positiveSpans),
    negativeSpans: united(({ negativeSpans }) => negativeSpans),
    customValues: first.customValues,
  })
}

function placesOn(common: RowLayout, layout: RowLayout): Int32Array {
  const places = new Int32Array(layout.size)
  const shift = layout.schema - common.schema
  const put = (from: readonly Span[], onto: readonly Span[], at: number, first: number): void => {
    const targets = bucketIndexes(onto)
    let target = 0
    for (const [i, index] of coarser(bucketIndexes(from), shift).entries()) {
      while (targets[target]! < index) target++
      places[at + i] = first + target
    }
  }
  put(layout.positiveSpans, common.positiveSpans, 0, 0)
  put(layout.negativeSpans, common.negativeSpans, layout.positives, common.positives)
  return places
}

/** Indexes in a schema that is `shift` lower: 2^shift neighbours become one. */
function coarser(indexes: Int32Array, shift: number): Int32Array {
  if (shift === 0) return indexes
  return indexes.map((index) => ((index - 1) >> Math.min(shift, 31)) + 1)
}
