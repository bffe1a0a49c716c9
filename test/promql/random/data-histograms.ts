/** Native histograms of the random queries' data: of exponential and of custom buckets, growing by the scrape. */
import { CUSTOM_BUCKETS_SCHEMA, type FloatHistogram, type Span } from '#lib/model/histogram.ts'
import { noise } from '#test/e2e/support/noise.ts'

export interface HistogramShape {
  readonly schema: number
  /** What one observation counts. */
  readonly unit: number
  readonly seed: number
  readonly zeroThreshold: number
  readonly gauge: boolean
}

const NARROW: readonly Span[] = [
  { offset: -3, length: 4 },
  { offset: 4, length: 2 },
]
const WIDE: readonly Span[] = [
  { offset: -3, length: 5 },
  { offset: 2, length: 4 },
]
/** Which of the counts each bucket shows: it keeps its own when the layout becomes wider. */
const NARROW_BUCKETS = [0, 1, 2, 3, 4, 5]
const WIDE_BUCKETS = [0, 1, 2, 3, 9, 10, 11, 4, 5]

/** What `k + 1` scrapes have added. More buckets are in use from the 200th on, among them negative ones. */
export function grownHistogram(shape: HistogramShape, k: number): FloatHistogram {
  const { schema, unit, seed, zeroThreshold, gauge } = shape
  const wide = k >= 200
  const grown = (bucket: number): number =>
    Math.floor((k + 1) * (0.5 + noise(bucket + seed * 40, 0) * 5)) * unit
  const positiveBuckets = Float64Array.from(wide ? WIDE_BUCKETS : NARROW_BUCKETS, grown)
  const negativeBuckets = Float64Array.from(wide ? [20, 21] : [], grown)
  const zeroCount = grown(30)
  return {
    schema,
    zeroThreshold,
    zeroCount,
    count: total(zeroCount, positiveBuckets, negativeBuckets),
    sum: (k + 1) * 2.7 * unit - (wide ? 33 : 0),
    positiveSpans: wide ? WIDE : NARROW,
    negativeSpans: wide ? [{ offset: 0, length: 2 }] : [],
    positiveBuckets,
    negativeBuckets,
    customValues: new Float64Array(0),
    counterResetHint: gauge ? 'gauge' : 'unknown',
  }
}

/** `bounds` has one bucket less than the histogram: the last ends at infinity. */
export function customHistogram(
  seed: number,
  k: number,
  bounds: readonly number[],
): FloatHistogram {
  const positiveBuckets = Float64Array.from({ length: bounds.length + 1 }, (_, bucket) =>
    Math.floor((k + 1) * (1 + noise(bucket + seed * 11, 7) * 4)),
  )
  return {
    schema: CUSTOM_BUCKETS_SCHEMA,
    zeroThreshold: 0,
    zeroCount: 0,
    count: total(0, positiveBuckets),
    sum: (k + 1) * 1.3,
    positiveSpans: [{ offset: 0, length: bounds.length + 1 }],
    negativeSpans: [],
    positiveBuckets,
    negativeBuckets: new Float64Array(0),
    customValues: Float64Array.from(bounds),
    counterResetHint: 'unknown',
  }
}

function total(zeroCount: number, ...sides: readonly Float64Array[]): number {
  let count = zeroCount
  for (const buckets of sides) for (const bucket of buckets) count += bucket
  return count
}
