/** Quantile, fraction and variance of a native histogram. */
import type { HistogramColumn } from '#lib/model/histogram-column.ts'
import { exp2, log2 } from '../function/float-math.ts'
import { KahanSum } from '../function/kahan.ts'
import { BucketWalk, fractionBelow } from './bucket-walk.ts'
import { isCustom } from './working-histogram.ts'

/** What NaN observations, which are counted but in no bucket, did to a result. */
export type NanEffect = 'none' | 'result-nan' | 'skewed' | 'excluded'

export interface Estimate {
  readonly value: number
  readonly nan: NanEffect
}

const plain = (value: number): Estimate => ({ value, nan: 'none' })

const walk = new BucketWalk()

/** Of the histogram in a row. */
export function nativeQuantile(q: number, rows: HistogramColumn, row: number): Estimate {
  if (q < 0) return plain(-Infinity)
  if (q > 1) return plain(Infinity)
  const observations = rows.counts[row]!
  if (observations === 0 || Number.isNaN(q)) return plain(NaN)
  const skewed = Number.isNaN(rows.sums[row])
  const custom = isCustom(rows.layouts[row]!)
  walk.load(rows, row)
  const { counts, length } = walk
  // NaN observations count as the highest, so with them only walking up gives the right rank.
  const upwards = skewed || q < 0.5
  const rank = (upwards ? q : 1 - q) * observations
  const end = upwards ? length : -1
  const turn = upwards ? 1 : -1
  let found = -1
  let count = 0
  let at = upwards ? 0 : length - 1
  for (; at !== end; at += turn) {
    found = at
    count += counts[at]!
    if (counts[at] !== 0 && count >= rank) break
  }
  let lower = found < 0 ? 0 : walk.lower(found)
  let upper = found < 0 ? 0 : walk.upper(found)
  let width = found < 0 ? 0 : counts[found]!
  if (!custom && lower < 0 && upper > 0) {
    if (walk.negatives === 0 && walk.positives > 0) lower = 0
    else if (walk.positives === 0 && walk.negatives > 0) upper = 0
  } else if (custom) {
    if (lower === -Infinity) {
      if (upper <= 0) return plain(upper)
      lower = 0
    } else if (upper === Infinity) return plain(lower)
  }
  // Rounding may have summed up more than there is.
  if (count > observations) count = observations
  if (count < rank) return skewed ? { value: NaN, nan: 'result-nan' } : plain(upper)
  const within = upwards ? rank - (count - width) : count - rank
  let nan: NanEffect = 'none'
  if (skewed) {
    for (at++; at < length; at++) {
      count += counts[at]!
      // Prometheus goes on with the last bucket it looked at.
      lower = walk.lower(at)
      upper = walk.upper(at)
      width = counts[at]!
    }
    if (count < observations) nan = 'skewed'
  }
  const fraction = within / width
  if (custom || (lower <= 0 && upper >= 0)) {
    return { value: lower + (upper - lower) * fraction, nan }
  }
  const low = log2(Math.abs(lower))
  const high = log2(Math.abs(upper))
  const value =
    lower > 0 ? exp2(low + (high - low) * fraction) : -exp2(high + (low - high) * (1 - fraction))
  return { value, nan }
}

/** The share of observations between two values. */
export function nativeFraction(
  from: number,
  to: number,
  rows: HistogramColumn,
  row: number,
): Estimate {
  const observations = rows.counts[row]!
  if (observations === 0 || Number.isNaN(from) || Number.isNaN(to)) return plain(NaN)
  if (from >= to) return plain(0)
  const custom = isCustom(rows.layouts[row]!)
  walk.load(rows, row)
  const { counts, length, negatives, positives } = walk
  let rank = 0
  let count = 0
  let lowerRank: number | undefined
  let upperRank: number | undefined
  let at = 0
  for (; at < length; at++) {
    count += counts[at]!
    let lower = walk.lower(at)
    let upper = walk.upper(at)
    const zero = lower <= 0 && upper >= 0
    if (zero && negatives === 0 && positives > 0) lower = 0
    else if (zero && positives === 0 && negatives > 0) upper = 0
    const linear = custom || zero
    lowerRank ??= rankIn(lower, upper, counts[at]!, from, rank, linear)
    upperRank ??= rankIn(lower, upper, counts[at]!, to, rank, linear)
    if (lowerRank !== undefined && upperRank !== undefined) break
    rank += counts[at]!
  }
  let nan: NanEffect = 'none'
  if (Number.isNaN(rows.sums[row])) {
    for (at++; at < length; at++) count += counts[at]!
    if (count < observations) nan = 'excluded'
  } else count = observations
  const low = lowerRank === undefined || lowerRank > count ? count : lowerRank
  const high = upperRank === undefined || upperRank > count ? count : upperRank
  return { value: (high - low) / observations, nan }
}

/** Observations up to `value`, when it is at the bucket's lower end or inside; `before` are in lower buckets. */
function rankIn(
  lower: number,
  upper: number,
  count: number,
  value: number,
  before: number,
  linear: boolean,
): number | undefined {
  if (lower >= value) return before
  if (upper <= value) return undefined
  // Nothing can be said of the inside of an infinitely wide bucket: all of it is below.
  if (linear && lower === -Infinity) return count
  return before + count * fractionBelow(lower, upper, value, linear)
}

export function nativeVariance(rows: HistogramColumn, row: number): number {
  const observations = rows.counts[row]!
  const mean = rows.sums[row]! / observations
  const custom = isCustom(rows.layouts[row]!)
  walk.load(rows, row)
  const total = new KahanSum()
  for (let at = 0; at < walk.length; at++) {
    const count = walk.counts[at]!
    if (count === 0) continue
    const lower = walk.lower(at)
    const upper = walk.upper(at)
    let middle = 0
    if (custom) middle = (upper + lower) / 2
    else if (!(lower <= 0 && upper >= 0)) {
      middle = Math.sqrt(upper * lower)
      if (upper < 0) middle = -middle
    }
    const delta = middle - mean
    total.add(count * delta * delta)
  }
  return total.total / observations
}
