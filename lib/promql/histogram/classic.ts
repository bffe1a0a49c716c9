/** Quantile and fraction of a classic histogram: cumulative buckets with `le` labels. */

export interface ClassicBucket {
  readonly upperBound: number
  count: number
}

/** Where the counts went down with growing bounds and were levelled. */
export interface ForcedMonotonicity {
  minBucket: number
  maxBucket: number
  maxDiff: number
}

export interface ClassicQuantile {
  readonly value: number
  readonly forced: ForcedMonotonicity | undefined
}

/** Relative difference of counts that is taken for rounding error. */
const TOLERANCE = 1e-12

/** `buckets` are not empty; they are sorted and changed. */
export function classicQuantile(q: number, buckets: ClassicBucket[]): ClassicQuantile {
  const plain = (value: number): ClassicQuantile => ({ value, forced: undefined })
  if (Number.isNaN(q)) return plain(NaN)
  if (q < 0) return plain(-Infinity)
  if (q > 1) return plain(Infinity)
  const merged = mergedBuckets(buckets)
  if (!merged) return plain(NaN)
  const forced = makeMonotonic(merged)
  const last = merged.length - 1
  const observations = merged[last]!.count
  if (merged.length < 2 || observations === 0) return { value: NaN, forced }
  let rank = q * observations
  let b = 0
  let high = last
  while (b < high) {
    const middle = (b + high) >>> 1
    if (merged[middle]!.count >= rank) high = middle
    else b = middle + 1
  }
  if (b === last) return { value: merged[last - 1]!.upperBound, forced }
  const end = merged[b]!.upperBound
  if (b === 0 && end <= 0) return { value: end, forced }
  let start = 0
  let count = merged[b]!.count
  if (b > 0) {
    start = merged[b - 1]!.upperBound
    count -= merged[b - 1]!.count
    rank -= merged[b - 1]!.count
  }
  return { value: start + (end - start) * (rank / count), forced }
}

export function classicFraction(lower: number, upper: number, buckets: ClassicBucket[]): number {
  const merged = mergedBuckets(buckets)
  if (!merged) return NaN
  const total = merged.at(-1)!.count
  if (total === 0 || Number.isNaN(lower) || Number.isNaN(upper)) return NaN
  if (lower >= upper) return 0
  let rank = 0
  let low: number | undefined
  let high: number | undefined
  // Without a bucket at or below zero, the first is taken to begin at zero.
  let lowerBound = merged[0]!.upperBound <= 0 ? -Infinity : 0
  for (const { upperBound, count } of merged) {
    const rankAt = (value: number): number | undefined => {
      if (lowerBound >= value) return rank
      if (upperBound <= value) return undefined
      if (lowerBound === -Infinity) return count
      return rank + ((count - rank) * (value - lowerBound)) / (upperBound - lowerBound)
    }
    low ??= rankAt(lower)
    high ??= rankAt(upper)
    rank = count
    lowerBound = upperBound
  }
  const capped = (value: number | undefined) =>
    value === undefined || value > total ? total : value
  return (capped(high) - capped(low)) / total
}

/** Sorted, equal bounds added up; undefined without a bucket for everything. */
function mergedBuckets(buckets: ClassicBucket[]): ClassicBucket[] | undefined {
  buckets.sort((a, b) => (a.upperBound < b.upperBound ? -1 : a.upperBound > b.upperBound ? 1 : 0))
  if (buckets.at(-1)!.upperBound !== Infinity) return undefined
  const merged: ClassicBucket[] = []
  for (const { upperBound, count } of buckets) {
    const last = merged.at(-1)
    if (last?.upperBound === upperBound) last.count += count
    else merged.push({ upperBound, count })
  }
  return merged
}

function makeMonotonic(buckets: ClassicBucket[]): ForcedMonotonicity | undefined {
  let forced: ForcedMonotonicity | undefined
  let previous = buckets[0]!.count
  for (const bucket of buckets.slice(1)) {
    const { count, upperBound } = bucket
    if (count === previous) continue
    if (almostEqual(previous, count)) bucket.count = previous
    else if (count < previous) {
      bucket.count = previous
      forced ??= { minBucket: Infinity, maxBucket: -Infinity, maxDiff: 0 }
      forced.minBucket = Math.min(forced.minBucket, upperBound)
      forced.maxBucket = Math.max(forced.maxBucket, upperBound)
      forced.maxDiff = Math.max(forced.maxDiff, previous - count)
    } else previous = count
  }
  return forced
}

const SMALLEST_NORMAL = 2 ** -1022

function almostEqual(a: number, b: number): boolean {
  if (Number.isNaN(a) && Number.isNaN(b)) return true
  if (a === b) return true
  const sum = Math.abs(a) + Math.abs(b)
  const difference = Math.abs(a - b)
  if (a === 0 || b === 0 || sum < SMALLEST_NORMAL) return difference < TOLERANCE * SMALLEST_NORMAL
  return difference / Math.min(sum, Number.MAX_VALUE) < TOLERANCE
}
