/** Whether a counter histogram began anew between two samples. */
import type { FloatHistogram } from '#lib/model/histogram.ts'
import { HINT_NOT_RESET, HINT_RESET, type HistogramColumn } from '#lib/model/histogram-column.ts'
import { hasBucketsInZero } from './union.ts'
import { bucketBound, coarserIndex, exponentialBound, isExponentialSchema } from './bounds.ts'
import {
  bucketsOf,
  commonBounds,
  equalBounds,
  isCustom,
  widenZeroBucket,
  WorkingHistogram,
  type Buckets,
} from './working-histogram.ts'

/** An explicit hint decides; otherwise any count that went down, or a finer layout, is a reset. */
export function detectReset(current: FloatHistogram, previous: FloatHistogram): boolean {
  if (current.counterResetHint === 'reset') return true
  if (current.counterResetHint === 'not-reset') return false
  if (current.count < previous.count) return true
  if (isCustom(current)) {
    if (!isCustom(previous)) return true
    if (!equalBounds(current.customValues, previous.customValues)) {
      return commonBucketDecreased(current, previous)
    }
  }
  if (current.schema > previous.schema) return true
  if (current.zeroThreshold < previous.zeroThreshold) return true
  const widened = zeroBucketOf(previous, current.zeroThreshold)
  // The new threshold cuts through a populated bucket.
  if (widened.threshold !== current.zeroThreshold) return true
  if (current.zeroCount < widened.count) return true
  return (
    bucketDecreased(
      bucketsOf(current.positiveSpans, current.positiveBuckets),
      bucketsOf(previous.positiveSpans, previous.positiveBuckets),
      current,
      previous.schema,
    ) ||
    bucketDecreased(
      bucketsOf(current.negativeSpans, current.negativeBuckets),
      bucketsOf(previous.negativeSpans, previous.negativeBuckets),
      current,
      previous.schema,
    )
  )
}

/** The same of two rows. */
export function detectRowReset(rows: HistogramColumn, current: number, previous: number): boolean {
  const hint = rows.hints[current]!
  if (hint === HINT_RESET || hint === HINT_NOT_RESET) return hint === HINT_RESET
  if (rows.counts[current]! < rows.counts[previous]!) return true
  const layout = rows.layouts[current]!
  if (layout !== rows.layouts[previous] || hasBucketsInZero(layout)) {
    return detectReset(rows.at(current)!, rows.at(previous)!)
  }
  if (rows.zeroCounts[current]! < rows.zeroCounts[previous]!) return true
  const { buckets, starts } = rows
  const now = starts[current]!
  const before = starts[previous]!
  for (let b = 0; b < layout.size; b++) if (buckets[now + b]! < buckets[before + b]!) return true
  return false
}

function zeroBucketOf(previous: FloatHistogram, threshold: number) {
  if (previous.zeroThreshold === threshold) return { count: previous.zeroCount, threshold }
  return widenZeroBucket(new WorkingHistogram(previous), threshold, false)
}

function bucketDecreased(
  now: Buckets,
  before: Buckets,
  current: FloatHistogram,
  previousSchema: number,
): boolean {
  const { schema, zeroThreshold } = current
  let n = 0
  let b = 0
  while (b < before.indexes.length) {
    const index = targetIndex(before.indexes[b]!, previousSchema, schema)
    let count = 0
    while (
      b < before.indexes.length &&
      targetIndex(before.indexes[b]!, previousSchema, schema) === index
    ) {
      count += before.counts[b++]!
    }
    if (
      zeroThreshold > 0 &&
      isExponentialSchema(schema) &&
      exponentialBound(index, schema) <= zeroThreshold
    ) {
      continue
    }
    while (n < now.indexes.length && now.indexes[n]! < index) n++
    if (n < now.indexes.length && now.indexes[n] === index) {
      if (now.counts[n]! < count) return true
    } else if (count !== 0) return true
  }
  return false
}

function targetIndex(index: number, schema: number, target: number): number {
  return schema === target ? index : coarserIndex(index, schema, target)
}

/** Compared over the bounds that both have. */
function commonBucketDecreased(current: FloatHistogram, previous: FloatHistogram): boolean {
  const common = commonBounds(current.customValues, previous.customValues)
  const now = rolledUp(current, common)
  const before = rolledUp(previous, common)
  return now.some((count, i) => count < before[i]!)
}

function rolledUp(histogram: FloatHistogram, bounds: Float64Array): number[] {
  const { indexes, counts } = bucketsOf(histogram.positiveSpans, histogram.positiveBuckets)
  const result = Array.from({ length: bounds.length + 1 }, () => 0)
  for (const [i, index] of indexes.entries()) {
    const upper = bucketBound(index, histogram.schema, histogram.customValues)
    let target = 0
    while (target < bounds.length && bounds[target]! < upper) target++
    result[target]! += counts[i]!
  }
  return result
}
