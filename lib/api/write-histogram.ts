/** A native histogram as JSON: count, sum and its non-empty buckets with their bounds, ascending. */
import { CUSTOM_BUCKETS_SCHEMA, type FloatHistogram, type Span } from '#lib/model/histogram.ts'
import { bucketUpperBound } from '#lib/model/histogram-bounds.ts'
import { NUMBER_ROOM, type JsonBytes } from './json-bytes.ts'

/** First number of a bucket: which of its two bounds belong to it. */
const UPPER_CLOSED = 0
const LOWER_CLOSED = 1
const BOTH_CLOSED = 3

export function writeHistogram(out: JsonBytes, histogram: FloatHistogram): void {
  out.ascii('{"count":')
  writeFloat(out, histogram.count)
  out.ascii(',"sum":')
  writeFloat(out, histogram.sum)
  const { schema, customValues, zeroThreshold } = histogram
  const custom = schema === CUSTOM_BUCKETS_SCHEMA
  let written = 0
  const bucket = (rule: number, lower: number, upper: number, count: number): void => {
    if (count === 0) return
    out.ascii(written === 0 ? ',"buckets":[' : ',')
    written++
    out.ascii(`[${rule},`)
    writeFloat(out, lower)
    out.ascii(',')
    writeFloat(out, upper)
    out.ascii(',')
    writeFloat(out, count)
    out.ascii(']')
  }

  const negative = bucketIndexes(histogram.negativeSpans, histogram.negativeBuckets.length)
  for (let i = negative.length - 1; i >= 0; i--) {
    const index = negative[i]!
    const nearZero = -bucketUpperBound(index - 1, schema, customValues)
    const upper = nearZero > -zeroThreshold ? -zeroThreshold : nearZero
    const lower = -bucketUpperBound(index, schema, customValues)
    bucket(LOWER_CLOSED, lower, upper, histogram.negativeBuckets[i]!)
  }
  if (!custom && histogram.zeroCount > 0) {
    bucket(BOTH_CLOSED, -zeroThreshold, zeroThreshold, histogram.zeroCount)
  }
  const positive = bucketIndexes(histogram.positiveSpans, histogram.positiveBuckets.length)
  for (let i = 0; i < positive.length; i++) {
    const index = positive[i]!
    const nearZero = bucketUpperBound(index - 1, schema, customValues)
    const lower = nearZero > 0 && nearZero < zeroThreshold ? zeroThreshold : nearZero
    const upper = bucketUpperBound(index, schema, customValues)
    const rule = custom && index === 0 ? BOTH_CLOSED : UPPER_CLOSED
    bucket(rule, lower, upper, histogram.positiveBuckets[i]!)
  }
  out.ascii(written > 0 ? ']}' : '}')
}

function writeFloat(out: JsonBytes, value: number): void {
  out.reserve(NUMBER_ROOM)
  out.rawQuotedFloat(value)
}

/** The bucket index of each count. */
function bucketIndexes(spans: readonly Span[], bucketCount: number): Int32Array {
  const indexes = new Int32Array(bucketCount)
  let next = 0
  let index = 0
  for (const span of spans) {
    index += span.offset
    for (let i = 0; i < span.length && next < bucketCount; i++) indexes[next++] = index++
  }
  return indexes.subarray(0, next)
}
