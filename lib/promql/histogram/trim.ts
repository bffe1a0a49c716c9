/** The trim operators: `h </ x` keeps what was observed below x, `h >/ x` what was above. */
import type { FloatHistogram } from '#lib/model/histogram.ts'
import { bucketBound } from './bounds.ts'
import { fractionBelow } from './bucket-walk.ts'
import { isCustom, WorkingHistogram, type Buckets } from './working-histogram.ts'

interface Bucket {
  readonly lower: number
  readonly upper: number
  readonly count: number
  readonly sign: 1 | -1
}

/** Count and estimated sum are only recomputed when something was cut off. */
export function trimHistogram(
  histogram: FloatHistogram,
  limit: number,
  keepBelow: boolean,
): FloatHistogram {
  const working = new WorkingHistogram(histogram)
  const custom = isCustom(histogram)
  let count = 0
  let sum = 0
  let trimmed = false
  const any = { positive: false, negative: false }

  const trimSide = (side: Buckets, sign: 1 | -1) => {
    for (const [i, index] of side.indexes.entries()) {
      const before = side.counts[i]!
      if (before === 0) continue
      if (sign > 0) any.positive = true
      else any.negative = true
      const inner = bucketBound(index - 1, working.schema, working.customValues)
      const outer = bucketBound(index, working.schema, working.customValues)
      const bucket: Bucket = {
        lower: sign > 0 ? inner : -outer,
        upper: sign > 0 ? outer : -inner,
        count: before,
        sign,
      }
      const whole = keepBelow ? bucket.upper <= limit : bucket.lower >= limit
      const cut = keepBelow ? bucket.lower < limit : bucket.upper > limit
      let kept = 0
      if (whole) {
        kept = before
        sum += midpoint(bucket.lower, bucket.upper, sign > 0, custom) * before
      } else if (cut) {
        const part = cutBucket(bucket, limit, keepBelow, custom)
        kept = part.count
        sum += part.middle * kept
      }
      count += kept
      if (kept !== before) {
        side.counts[i] = kept
        trimmed = true
      }
    }
  }
  trimSide(working.positive, 1)
  trimSide(working.negative, -1)
  if (working.zeroCount > 0) {
    const part = cutZeroBucket(histogram, limit, keepBelow, any.positive, any.negative)
    if (part.count !== working.zeroCount) {
      working.zeroCount = part.count
      trimmed = true
    }
    sum += part.middle * part.count
    count += part.count
  }
  if (!trimmed) return histogram
  working.count = count
  working.sum = sum
  return working.freeze()
}

interface Part {
  readonly count: number
  /** Where its observations are taken to be. */
  readonly middle: number
}

function cutBucket(bucket: Bucket, limit: number, keepBelow: boolean, custom: boolean): Part {
  const { lower, upper, count } = bucket
  if (lower === -Infinity || upper === Infinity) return cutInfinite(bucket, limit, keepBelow)
  const below = count * fractionBelow(lower, upper, limit, custom)
  const positive = bucket.sign > 0
  return keepBelow
    ? { count: below, middle: midpoint(lower, limit, positive, custom) }
    : { count: count - below, middle: midpoint(limit, upper, positive, custom) }
}

/** Nothing is known of the distribution in there, so it is kept or dropped as a whole where it can't be taken to begin at 0. */
function cutInfinite({ lower, upper, count }: Bucket, limit: number, keepBelow: boolean): Part {
  const finite = (value: number) => (Number.isFinite(value) ? value : 0)
  if (lower === -Infinity) {
    const fromZero = upper > 0 && upper !== Infinity
    if (keepBelow) {
      if (limit >= upper) return { count, middle: 0 }
      if (limit > 0 && fromZero) return { count: (count * limit) / upper, middle: limit / 2 }
      return upper <= 0 ? { count, middle: limit } : { count: 0, middle: finite(upper) }
    }
    if (limit <= lower) return { count, middle: 0 }
    if (limit >= 0 && upper > limit && upper !== Infinity) {
      return { count: count * (1 - limit / upper), middle: (limit + upper) / 2 }
    }
    return { count: 0, middle: finite(upper) }
  }
  if (!keepBelow && limit >= lower) return { count, middle: limit }
  return { count: 0, middle: finite(lower) }
}

function cutZeroBucket(
  { zeroThreshold, zeroCount }: FloatHistogram,
  limit: number,
  keepBelow: boolean,
  anyPositive: boolean,
  anyNegative: boolean,
): Part {
  // Observations of one sign only put the zero bucket on that side.
  const upper = anyNegative && !anyPositive ? 0 : zeroThreshold
  const lower = anyPositive && !anyNegative ? 0 : -zeroThreshold
  const all: Part = { count: zeroCount, middle: (lower + upper) / 2 }
  const none: Part = { count: 0, middle: 0 }
  if (limit <= lower) return keepBelow ? none : all
  if (limit >= upper) return keepBelow ? all : none
  return keepBelow
    ? { count: zeroCount * ((limit - lower) / (upper - lower)), middle: (lower + limit) / 2 }
    : { count: zeroCount * ((upper - limit) / (upper - lower)), middle: (limit + upper) / 2 }
}

/** Arithmetic for linear buckets, geometric for exponential ones. */
function midpoint(lower: number, upper: number, positive: boolean, linear: boolean): number {
  if (!Number.isFinite(lower)) {
    if (!Number.isFinite(upper)) return 0
    return upper > 0 ? upper / 2 : upper
  }
  if (!Number.isFinite(upper)) return lower
  if (linear) return (lower + upper) / 2
  const mean = Math.sqrt(Math.abs(lower * upper))
  return positive ? mean : -mean
}
