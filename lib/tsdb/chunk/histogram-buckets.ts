/** Buckets of histograms that go into chunks: comparing, spreading and coarsening them. */
import { bucketIndexes, spansOf } from '#lib/model/bucket-indexes.ts'
import type { FloatHistogram, Span } from '#lib/model/histogram.ts'

/** Whether some bucket holds less in `next` than in `before`; a missing bucket holds 0. */
export function someBucketDropped(
  beforeIndices: Int32Array,
  before: Float64Array,
  nextIndices: Int32Array,
  next: Float64Array,
): boolean {
  let j = 0
  for (let i = 0; i < beforeIndices.length; i++) {
    while (j < nextIndices.length && nextIndices[j]! < beforeIndices[i]!) j++
    const count = nextIndices[j] === beforeIndices[i] ? next[j]! : 0
    if (count < before[i]!) return true
  }
  return false
}

/** Counts of `from` laid out on `onto`, which has all of its indices. */
export function spreadBuckets(
  from: Int32Array,
  counts: Float64Array,
  onto: Int32Array,
): Float64Array {
  if (from.length === onto.length) return counts
  const out = new Float64Array(onto.length)
  let j = 0
  for (let i = 0; i < from.length; i++) {
    while (onto[j]! < from[i]!) j++
    out[j] = counts[i]!
  }
  return out
}

/** Merges 2^(from−to) neighbours into one bucket of the coarser schema. */
export function reduceResolution(histogram: FloatHistogram, schema: number): FloatHistogram {
  const shift = histogram.schema - schema
  const positive = coarser(histogram.positiveSpans, histogram.positiveBuckets, shift)
  const negative = coarser(histogram.negativeSpans, histogram.negativeBuckets, shift)
  return {
    ...histogram,
    schema,
    positiveSpans: positive.spans,
    positiveBuckets: positive.buckets,
    negativeSpans: negative.spans,
    negativeBuckets: negative.buckets,
  }
}

function coarser(
  spans: readonly Span[],
  buckets: Float64Array,
  shift: number,
): { spans: Span[]; buckets: Float64Array } {
  const fine = bucketIndexes(spans)
  const indices: number[] = []
  const counts: number[] = []
  for (let i = 0; i < fine.length; i++) {
    // Bucket i ends at base^i, so 1…2^shift become 1. Shifts above 31 leave the sign.
    const index = ((fine[i]! - 1) >> Math.min(shift, 31)) + 1
    if (indices.length > 0 && indices[indices.length - 1] === index) {
      counts[counts.length - 1]! += buckets[i]!
    } else {
      indices.push(index)
      counts.push(buckets[i]!)
    }
  }
  return { spans: spansOf(indices), buckets: Float64Array.from(counts) }
}
