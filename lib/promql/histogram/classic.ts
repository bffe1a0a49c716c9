/** Quantile and fraction of a classic histogram: cumulative buckets with `le` labels. */

/** Where the counts went down with growing bounds and were levelled. */
export interface ForcedMonotonicity {
  minBucket: number
  maxBucket: number
  maxDiff: number
}

/** Relative difference of counts that is taken for rounding error. */
const TOLERANCE = 1e-12

/** Cumulative buckets in ascending order, used again for one sample after the other. */
export class ClassicBuckets {
  length = 0
  /** Set by `classicQuantile`. */
  forced: ForcedMonotonicity | undefined
  readonly bounds: Float64Array
  readonly counts: Float64Array

  constructor(capacity: number) {
    this.bounds = new Float64Array(capacity)
    this.counts = new Float64Array(capacity)
  }

  clear(): void {
    this.length = 0
    this.forced = undefined
  }

  /** No bound is below the one before; counts of equal ones add up. */
  push(bound: number, count: number): void {
    const last = this.length - 1
    if (last >= 0 && this.bounds[last] === bound) {
      this.counts[last]! += count
      return
    }
    this.bounds[this.length] = bound
    this.counts[this.length++] = count
  }

  /** Whether there is a bucket for everything. */
  get isWhole(): boolean {
    return this.bounds[this.length - 1] === Infinity
  }
}

/** Of buckets that are not empty. Levels their counts. */
export function classicQuantile(q: number, buckets: ClassicBuckets): number {
  if (Number.isNaN(q)) return NaN
  if (q < 0) return -Infinity
  if (q > 1) return Infinity
  if (!buckets.isWhole) return NaN
  makeMonotonic(buckets)
  const { bounds, counts } = buckets
  const last = buckets.length - 1
  const observations = counts[last]!
  if (last < 1 || observations === 0) return NaN
  let rank = q * observations
  let b = 0
  let high = last
  while (b < high) {
    const middle = (b + high) >>> 1
    if (counts[middle]! >= rank) high = middle
    else b = middle + 1
  }
  if (b === last) return bounds[last - 1]!
  const end = bounds[b]!
  if (b === 0 && end <= 0) return end
  let start = 0
  let count = counts[b]!
  if (b > 0) {
    start = bounds[b - 1]!
    count -= counts[b - 1]!
    rank -= counts[b - 1]!
  }
  return start + (end - start) * (rank / count)
}

/** Of buckets that are not empty. */
export function classicFraction(lower: number, upper: number, buckets: ClassicBuckets): number {
  if (!buckets.isWhole) return NaN
  const { bounds, counts, length } = buckets
  const total = counts[length - 1]!
  if (total === 0 || Number.isNaN(lower) || Number.isNaN(upper)) return NaN
  if (lower >= upper) return 0
  let rank = 0
  let low: number | undefined
  let high: number | undefined
  // Without a bucket at or below zero, the first is taken to begin at zero.
  let lowerBound = bounds[0]! <= 0 ? -Infinity : 0
  for (let b = 0; b < length; b++) {
    const upperBound = bounds[b]!
    const count = counts[b]!
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

function makeMonotonic(buckets: ClassicBuckets): void {
  const { bounds, counts, length } = buckets
  let previous = counts[0]!
  for (let b = 1; b < length; b++) {
    const count = counts[b]!
    if (count === previous) continue
    if (almostEqual(previous, count)) counts[b] = previous
    else if (count < previous) {
      counts[b] = previous
      const forced = (buckets.forced ??= {
        minBucket: Infinity,
        maxBucket: -Infinity,
        maxDiff: 0,
      })
      forced.minBucket = Math.min(forced.minBucket, bounds[b]!)
      forced.maxBucket = Math.max(forced.maxBucket, bounds[b]!)
      forced.maxDiff = Math.max(forced.maxDiff, previous - count)
    } else previous = count
  }
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
