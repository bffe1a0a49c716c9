/** Quantile, fraction and variance of a native histogram. */
import type { FloatHistogram } from '#lib/model/histogram.ts'
import { exp2, log2 } from '../function/float-math.ts'
import { KahanSum } from '../function/kahan.ts'
import { bucketList, fractionBelow, type Bucket } from './bucket-list.ts'
import { isCustom } from './working-histogram.ts'

/** What NaN observations, which are counted but in no bucket, did to a result. */
export type NanEffect = 'none' | 'result-nan' | 'skewed' | 'excluded'

export interface Estimate {
  readonly value: number
  readonly nan: NanEffect
}

const plain = (value: number): Estimate => ({ value, nan: 'none' })

export function nativeQuantile(q: number, histogram: FloatHistogram): Estimate {
  if (q < 0) return plain(-Infinity)
  if (q > 1) return plain(Infinity)
  if (histogram.count === 0 || Number.isNaN(q)) return plain(NaN)
  const buckets = bucketList(histogram)
  const custom = isCustom(histogram)
  // NaN observations count as the highest, so with them only walking up gives the right rank.
  const upwards = Number.isNaN(histogram.sum) || q < 0.5
  if (!upwards) buckets.reverse()
  const rank = (upwards ? q : 1 - q) * histogram.count
  let bucket: Bucket = { lower: 0, upper: 0, count: 0, sign: 0 }
  let count = 0
  let at = 0
  for (; at < buckets.length; at++) {
    bucket = buckets[at]!
    if (bucket.count === 0) continue
    count += bucket.count
    if (count >= rank) break
  }
  const found = { ...bucket }
  if (!custom && found.lower < 0 && found.upper > 0) {
    if (histogram.negativeBuckets.length === 0 && histogram.positiveBuckets.length > 0) {
      found.lower = 0
    } else if (histogram.positiveBuckets.length === 0 && histogram.negativeBuckets.length > 0) {
      found.upper = 0
    }
  } else if (custom) {
    if (found.lower === -Infinity) {
      if (found.upper <= 0) return plain(found.upper)
      found.lower = 0
    } else if (found.upper === Infinity) return plain(found.lower)
  }
  // Rounding may have summed up more than there is.
  if (count > histogram.count) count = histogram.count
  if (count < rank) {
    if (Number.isNaN(histogram.sum)) return { value: NaN, nan: 'result-nan' }
    return plain(found.upper)
  }
  const within = upwards ? rank - (count - found.count) : count - rank
  let nan: NanEffect = 'none'
  let width = found.count
  if (Number.isNaN(histogram.sum)) {
    for (at++; at < buckets.length; at++) {
      count += buckets[at]!.count
      // Prometheus goes on with the last bucket it looked at.
      Object.assign(found, buckets[at])
      width = found.count
    }
    if (count < histogram.count) nan = 'skewed'
  }
  const fraction = within / width
  if (custom || (found.lower <= 0 && found.upper >= 0)) {
    return { value: found.lower + (found.upper - found.lower) * fraction, nan }
  }
  const lower = log2(Math.abs(found.lower))
  const upper = log2(Math.abs(found.upper))
  const value =
    found.lower > 0
      ? exp2(lower + (upper - lower) * fraction)
      : -exp2(upper + (lower - upper) * (1 - fraction))
  return { value, nan }
}

/** The share of observations between two values. */
export function nativeFraction(lower: number, upper: number, histogram: FloatHistogram): Estimate {
  if (histogram.count === 0 || Number.isNaN(lower) || Number.isNaN(upper)) return plain(NaN)
  if (lower >= upper) return plain(0)
  const custom = isCustom(histogram)
  const buckets = bucketList(histogram)
  let rank = 0
  let count = 0
  let lowerRank: number | undefined
  let upperRank: number | undefined
  let at = 0
  for (; at < buckets.length; at++) {
    const bucket = buckets[at]!
    count += bucket.count
    const zero = bucket.lower <= 0 && bucket.upper >= 0
    if (zero && histogram.negativeBuckets.length === 0 && histogram.positiveBuckets.length > 0) {
      bucket.lower = 0
    } else if (
      zero &&
      histogram.positiveBuckets.length === 0 &&
      histogram.negativeBuckets.length > 0
    ) {
      bucket.upper = 0
    }
    lowerRank ??= rankIn(bucket, lower, rank, custom || zero)
    upperRank ??= rankIn(bucket, upper, rank, custom || zero)
    if (lowerRank !== undefined && upperRank !== undefined) break
    rank += bucket.count
  }
  let nan: NanEffect = 'none'
  if (Number.isNaN(histogram.sum)) {
    for (at++; at < buckets.length; at++) count += buckets[at]!.count
    if (count < histogram.count) nan = 'excluded'
  } else count = histogram.count
  const low = lowerRank === undefined || lowerRank > count ? count : lowerRank
  const high = upperRank === undefined || upperRank > count ? count : upperRank
  return { value: (high - low) / histogram.count, nan }
}

/** Observations up to `value`, when it is at the bucket's lower end or inside; `before` are in lower buckets. */
function rankIn(
  bucket: Bucket,
  value: number,
  before: number,
  linear: boolean,
): number | undefined {
  if (bucket.lower >= value) return before
  if (bucket.upper <= value) return undefined
  // Nothing can be said of the inside of an infinitely wide bucket: all of it is below.
  if (linear && bucket.lower === -Infinity) return bucket.count
  return before + bucket.count * fractionBelow(bucket, value, linear)
}

export function nativeVariance(histogram: FloatHistogram): number {
  const mean = histogram.sum / histogram.count
  const custom = isCustom(histogram)
  const total = new KahanSum()
  for (const { lower, upper, count } of bucketList(histogram)) {
    if (count === 0) continue
    let middle = 0
    if (custom) middle = (upper + lower) / 2
    else if (!(lower <= 0 && upper >= 0)) {
      middle = Math.sqrt(upper * lower)
      if (upper < 0) middle = -middle
    }
    const delta = middle - mean
    total.add(count * delta * delta)
  }
  return total.total / histogram.count
}
