/** Bucket layouts: comparing, uniting and coarsening them. */
import type { FloatHistogram, Span } from '#lib/model/histogram.ts'

/** Bucket indices of the spans, in order. */
export function bucketIndices(spans: readonly Span[]): Int32Array {
  let count = 0
  for (const { length } of spans) count += length
  const indices = new Int32Array(count)
  let at = 0
  let index = 0
  for (const { offset, length } of spans) {
    index += offset
    for (let i = 0; i < length; i++) indices[at++] = index++
  }
  return indices
}

/** Spans for ascending bucket indices. */
export function spansOf(indices: ArrayLike<number>): Span[] {
  const spans: Span[] = []
  let end = 0
  for (let i = 0; i < indices.length;) {
    let length = 1
    while (i + length < indices.length && indices[i + length] === indices[i]! + length) length++
    spans.push({ offset: indices[i]! - end, length })
    end = indices[i]! + length
    i += length
  }
  return spans
}

export function sameSpans(a: readonly Span[], b: readonly Span[]): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  return a.every(({ offset, length }, i) => offset === b[i]!.offset && length === b[i]!.length)
}

/** Ascending, each once. */
export function uniteIndices(a: Int32Array, b: Int32Array): Int32Array {
  const out = new Int32Array(a.length + b.length)
  let i = 0
  let j = 0
  let n = 0
  while (i < a.length || j < b.length) {
    const x = i < a.length ? a[i]! : Infinity
    const y = j < b.length ? b[j]! : Infinity
    out[n++] = Math.min(x, y)
    if (x <= y) i++
    if (y <= x) j++
  }
  return out.subarray(0, n)
}

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
  const fine = bucketIndices(spans)
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
