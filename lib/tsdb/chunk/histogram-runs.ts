/** Which neighbouring histogram samples can share a chunk, under which layout. */
import { bucketIndexes, spansOf, uniteIndexes } from '#lib/model/bucket-indexes.ts'
import { CUSTOM_BUCKETS_SCHEMA, type FloatHistogram } from '#lib/model/histogram.ts'
import { EMPTY_LAYOUT, rowLayout, sameSpans, type RowLayout } from '#lib/model/row-layout.ts'
import { isStale, type SampleColumns } from '#lib/model/samples.ts'
import { someBucketDropped, spreadBuckets } from './histogram-buckets.ts'
import { CounterResetHeader } from './histogram-layout.ts'

/** Samples [from, to), spread onto one layout. */
export interface HistogramRun {
  readonly from: number
  readonly to: number
  readonly layout: RowLayout
  /** One of `CounterResetHeader`: what is known about the step from the run before. */
  readonly header: number
  readonly histograms: readonly FloatHistogram[]
}

/**
 * A counter's run ends where it is reset, where its shape changes and behind a stale marker; a gauge's only where its
 * shape changes and behind a stale marker. Buckets that come up on the way are added to the whole run.
 */
export class HistogramRuns implements Iterable<HistogramRun> {
  readonly #sums: Float64Array
  readonly #histograms: readonly (FloatHistogram | undefined)[]
  readonly #from: number
  readonly #to: number

  /** Samples [from, to) are histograms. `histograms` are all of the samples'. */
  constructor(
    samples: SampleColumns,
    histograms: readonly (FloatHistogram | undefined)[],
    from: number,
    to: number,
  ) {
    this.#sums = samples.values
    this.#histograms = histograms
    this.#from = from
    this.#to = to
  }

  *[Symbol.iterator](): IterableIterator<HistogramRun> {
    let header: number = firstHeader(this.#at(this.#from))
    let start = this.#from
    while (start < this.#to) {
      let end = start + 1
      let next: number | undefined
      while (end < this.#to) {
        next = this.#breakBefore(end)
        if (next !== undefined) break
        end++
      }
      yield this.#run(start, end, header)
      header = next ?? CounterResetHeader.unknown
      start = end
    }
  }

  #at(index: number): FloatHistogram {
    return this.#histograms[index]!
  }

  #isStale(index: number): boolean {
    return isStale(this.#sums, index)
  }

  /** The header of the run that begins at `index`; undefined when none has to begin there. */
  #breakBefore(index: number): number | undefined {
    const a = this.#at(index - 1)
    const b = this.#at(index)
    const gauge = b.counterResetHint === 'gauge'
    if (this.#isStale(index)) return undefined
    if (b.counterResetHint === 'reset') return CounterResetHeader.reset
    if (this.#isStale(index - 1)) return firstHeader(b)
    if (gauge !== (a.counterResetHint === 'gauge')) return firstHeader(b)
    if (gauge) return sameShape(a, b) ? undefined : CounterResetHeader.gauge
    if (b.count < a.count) return CounterResetHeader.reset
    if (b.schema !== a.schema || b.zeroThreshold !== a.zeroThreshold) {
      return CounterResetHeader.unknown
    }
    return !sameShape(a, b) || b.zeroCount < a.zeroCount || dropped(a, b)
      ? CounterResetHeader.reset
      : undefined
  }

  #run(from: number, to: number, header: number): HistogramRun {
    const first = this.#at(from)
    const histograms = this.#histograms.slice(from, to) as FloatHistogram[]
    if (this.#isStale(from)) {
      return { from, to, layout: EMPTY_LAYOUT, header, histograms }
    }
    const live = histograms.filter((_, i) => !this.#isStale(from + i))
    const positive = unite(live, (histogram) => histogram.positiveSpans)
    const negative = unite(live, (histogram) => histogram.negativeSpans)
    const { schema, zeroThreshold, customValues } = first
    const positiveSpans = positive ? spansOf(positive) : first.positiveSpans
    const negativeSpans = negative ? spansOf(negative) : first.negativeSpans
    const layout = rowLayout({
      schema,
      zeroThreshold,
      positiveSpans,
      negativeSpans,
      customValues,
    })
    if (!positive && !negative) return { from, to, layout, header, histograms }
    const spread = histograms.map((histogram, i) => {
      if (this.#isStale(from + i)) return histogram
      const { positiveBuckets, negativeBuckets } = histogram
      return {
        ...histogram,
        positiveSpans,
        negativeSpans,
        positiveBuckets: positive
          ? spreadBuckets(bucketIndexes(histogram.positiveSpans), positiveBuckets, positive)
          : positiveBuckets,
        negativeBuckets: negative
          ? spreadBuckets(bucketIndexes(histogram.negativeSpans), negativeBuckets, negative)
          : negativeBuckets,
      }
    })
    return { from, to, layout, header, histograms: spread }
  }
}

function firstHeader({ counterResetHint }: FloatHistogram): number {
  if (counterResetHint === 'gauge') return CounterResetHeader.gauge
  return counterResetHint === 'reset' ? CounterResetHeader.reset : CounterResetHeader.unknown
}

/** All bucket indices, undefined when the spans are the same throughout. */
function unite(
  histograms: readonly FloatHistogram[],
  spans: (histogram: FloatHistogram) => FloatHistogram['positiveSpans'],
): Int32Array | undefined {
  let last = spans(histograms[0]!)
  let all: Int32Array | undefined
  for (const histogram of histograms) {
    const next = spans(histogram)
    if (sameSpans(last, next)) continue
    all = uniteIndexes(all ?? bucketIndexes(last), bucketIndexes(next))
    last = next
  }
  return all
}

/** Whether buckets with one index mean the same. */
function sameShape(a: FloatHistogram, b: FloatHistogram): boolean {
  if (a.schema !== b.schema || a.zeroThreshold !== b.zeroThreshold) return false
  if (a.schema !== CUSTOM_BUCKETS_SCHEMA) return true
  return (
    a.customValues.length === b.customValues.length &&
    a.customValues.every((bound, i) => Object.is(bound, b.customValues[i]))
  )
}

function dropped(a: FloatHistogram, b: FloatHistogram): boolean {
  return (
    someBucketDropped(
      bucketIndexes(a.positiveSpans),
      a.positiveBuckets,
      bucketIndexes(b.positiveSpans),
      b.positiveBuckets,
    ) ||
    someBucketDropped(
      bucketIndexes(a.negativeSpans),
      a.negativeBuckets,
      bucketIndexes(b.negativeSpans),
      b.negativeBuckets,
    )
  )
}
