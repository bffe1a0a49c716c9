/** The buckets of a histogram in ascending order, with their bounds. */
import type { FloatHistogram } from '#lib/model/histogram.ts'
import { log2 } from '../function/float-math.ts'
import { bucketBound } from './bounds.ts'
import { bucketsOf, isCustom } from './working-histogram.ts'

export interface Bucket {
  lower: number
  upper: number
  readonly count: number
  /** 1 positive, −1 negative, 0 the zero bucket. */
  readonly sign: 1 | -1 | 0
}

/** Those that reach into the zero bucket end at its threshold. The zero bucket is there when populated. */
export function bucketList(histogram: FloatHistogram): Bucket[] {
  const buckets: Bucket[] = []
  const { schema, customValues, zeroThreshold, zeroCount } = histogram
  const negative = bucketsOf(histogram.negativeSpans, histogram.negativeBuckets)
  for (let i = negative.indexes.length - 1; i >= 0; i--) {
    const index = negative.indexes[i]!
    const inner = bucketBound(index - 1, schema, customValues)
    buckets.push({
      lower: -bucketBound(index, schema, customValues),
      upper: -(inner > 0 && inner < zeroThreshold ? zeroThreshold : inner),
      count: negative.counts[i]!,
      sign: -1,
    })
  }
  if (zeroCount > 0 && !isCustom(histogram)) {
    buckets.push({ lower: -zeroThreshold, upper: zeroThreshold, count: zeroCount, sign: 0 })
  }
  const positive = bucketsOf(histogram.positiveSpans, histogram.positiveBuckets)
  for (const [i, index] of positive.indexes.entries()) {
    const lower = bucketBound(index - 1, schema, customValues)
    buckets.push({
      lower: lower > 0 && lower < zeroThreshold ? zeroThreshold : lower,
      upper: bucketBound(index, schema, customValues),
      count: positive.counts[i]!,
      sign: 1,
    })
  }
  return buckets
}

/** Fraction of a finite bucket's width below `value`, which lies inside: on a linear or a logarithmic scale. */
export function fractionBelow(bucket: Bucket, value: number, linear: boolean): number {
  if (linear) return (value - bucket.lower) / (bucket.upper - bucket.lower)
  const lower = log2(Math.abs(bucket.lower))
  const upper = log2(Math.abs(bucket.upper))
  const at = log2(Math.abs(value))
  if (value > 0) return (at - lower) / (upper - lower)
  return 1 - (at - upper) / (lower - upper)
}
