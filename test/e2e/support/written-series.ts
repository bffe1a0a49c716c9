/** Series for blocks that thaw writes: what a scrape can bring, stale markers and native histograms among it. */
import { CUSTOM_BUCKETS_SCHEMA, type FloatHistogram, type Span } from '#lib/model/histogram.ts'
import { HistogramColumn } from '#lib/model/histogram-column.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import { writeStale } from '#lib/model/samples.ts'
import type { TestSeries } from '#test/store/sample-block.ts'
import { noise, seedOf } from './noise.ts'

export const WRITTEN_START_MS = Date.UTC(2026, 2, 3)
export const WRITTEN_END_MS = WRITTEN_START_MS + 3 * 7_200_000
const STEP_MS = 30_000
/** No sample is on a whole second, so none is on the border of a range, unless it is to be. */
const PHASE_MS = 7_313

/** Of the k-th scrape; `undefined`: it found nothing. */
export type At = (k: number) => number | FloatHistogram | 'stale' | undefined

export const FLOAT_CASES: Readonly<Record<string, At>> = {
  level: (k) => Math.round(1000 * noise(1, k)) / 8 - 50,
  fresh_total: (k) => k * 2,
  requests_total: (k) => (k < 300 ? 5000 + k * 7 + Math.floor(5 * noise(2, k)) : (k - 300) * 3),
  precise_total: (k) => k * 0.1 + noise(3, k) / 10,
  constant: () => 42,
  hole: (k) => (k % 90 < 40 ? k : undefined),
  gone: (k) => (k < 200 ? k : k === 200 ? 'stale' : undefined),
  flapping: (k) => (k % 20 < 13 ? k % 7 : k % 20 === 13 ? 'stale' : undefined),
  late: (k) => (k > 450 ? k / 3 : undefined),
  special: (k) => [NaN, Infinity, -Infinity, -0, 0, 1e300, 5e-324, 0.1][k % 8],
  once: (k) => (k === 333 ? 1 : undefined),
}

export const HISTOGRAM_CASES: Readonly<Record<string, At>> = {
  whole_seconds: (k) => exponential(3, k, 1),
  reset_seconds: (k) => exponential(2, k < 260 ? k : k - 260, 1),
  fraction_seconds: (k) => exponential(1, k, 0.375),
  coarser_seconds: (k) => exponential(k < 400 ? 4 : 2, k, 1),
  gauge_seconds: (k) => ({ ...exponential(0, k % 50, 1), counterResetHint: 'gauge' }),
  gone_seconds: (k) => (k < 150 ? exponential(3, k, 1) : k === 150 ? 'stale' : undefined),
  mixed_seconds: (k) => (k % 100 < 60 ? exponential(3, k, 1) : k),
}

/** All series with samples in [startMs, endMs), cut to it. `aligned`: scraped at whole half minutes. */
export function floatSeries(startMs: number, endMs: number, aligned = false): TestSeries[] {
  return Object.entries(FLOAT_CASES).flatMap(([name, at]) =>
    ['a', 'b'].flatMap((job) => seriesOf({ __name__: name, job }, at, startMs, endMs, aligned)),
  )
}

export function histogramSeries(startMs: number, endMs: number, aligned = false): TestSeries[] {
  return Object.entries(HISTOGRAM_CASES).flatMap(([name, at]) =>
    ['a', 'b'].flatMap((job) => seriesOf({ __name__: name, job }, at, startMs, endMs, aligned)),
  )
}

export function customBucketSeries(startMs: number, endMs: number, aligned = false): TestSeries[] {
  return ['a', 'b'].flatMap((job) =>
    seriesOf({ __name__: 'custom_seconds', job }, customBuckets, startMs, endMs, aligned),
  )
}

function seriesOf(
  labels: Readonly<Record<string, string>>,
  at: At,
  startMs: number,
  endMs: number,
  aligned: boolean,
): TestSeries[] {
  const seed = seedOf(labels['job'] ?? '')
  const samples: { t: number; value: Exclude<ReturnType<At>, undefined> }[] = []
  for (let k = 0; ; k++) {
    const late = aligned ? 0 : PHASE_MS + Math.floor(20 * noise(seed, k))
    const t = WRITTEN_START_MS + k * STEP_MS + late
    if (t >= endMs) break
    const value = at(k)
    if (t >= startMs && value !== undefined) samples.push({ t, value })
  }
  if (samples.length === 0) return []
  const length = samples.length
  const values = new Float64Array(length)
  const histograms: (FloatHistogram | undefined)[] = []
  let some = false
  samples.forEach(({ value }, i) => {
    const histogram = typeof value === 'object' ? value : undefined
    // A series of histograms ends with a histogram too, whose sum is the stale marker.
    const ended = value === 'stale' && typeof at(0) === 'object' ? exponential(3, 0, 1) : undefined
    histograms.push(histogram ?? ended)
    some ||= histogram !== undefined
    if (value === 'stale') writeStale(values, i)
    else values[i] = typeof value === 'object' ? value.sum : value
  })
  const timestamps = Float64Array.from(samples, ({ t }) => t)
  const columns = {
    length,
    timestamps,
    values,
    histograms: some ? HistogramColumn.of(histograms) : undefined,
  }
  return [{ labels: labelsFrom(labels), samples: columns }]
}

/** What `k + 1` scrapes have added, `unit` for each observation; more buckets are in use from the 200th on. */
export function exponential(schema: number, k: number, unit: number): FloatHistogram {
  const wide = k >= 200
  const positiveSpans: Span[] = wide
    ? [
        { offset: -3, length: 5 },
        { offset: 2, length: 4 },
      ]
    : [
        { offset: -3, length: 4 },
        { offset: 4, length: 2 },
      ]
  const negativeSpans: Span[] = wide ? [{ offset: 0, length: 2 }] : []
  const grown = (bucket: number): number => Math.floor((k + 1) * (1 + noise(bucket, 0) * 5)) * unit
  const buckets = (count: number, first: number): Float64Array =>
    Float64Array.from({ length: count }, (_, i) => grown(first + i))
  // Buckets keep their number when the layout becomes wider.
  const positiveBuckets = wide
    ? Float64Array.from([0, 1, 2, 3, 9, 10, 11, 4, 5], grown)
    : buckets(6, 0)
  const negativeBuckets = buckets(wide ? 2 : 0, 20)
  const zeroCount = grown(30)
  let count = zeroCount
  for (const bucket of [...positiveBuckets, ...negativeBuckets]) count += bucket
  return {
    schema,
    zeroThreshold: 0.001,
    zeroCount,
    count,
    sum: (k + 1) * 2.7 * unit,
    positiveSpans,
    negativeSpans,
    positiveBuckets,
    negativeBuckets,
    customValues: new Float64Array(0),
    counterResetHint: 'unknown',
  }
}

export function customBuckets(k: number): FloatHistogram {
  const positiveBuckets = Float64Array.from({ length: 5 }, (_, i) =>
    Math.floor((k + 1) * (1 + noise(i, 7) * 4)),
  )
  return {
    schema: CUSTOM_BUCKETS_SCHEMA,
    zeroThreshold: 0,
    zeroCount: 0,
    count: positiveBuckets.reduce((sum, bucket) => sum + bucket, 0),
    sum: (k + 1) * 1.3,
    positiveSpans: [{ offset: 0, length: 5 }],
    negativeSpans: [],
    positiveBuckets,
    negativeBuckets: new Float64Array(0),
    customValues: Float64Array.from([0.1, 0.5, 1, 5]),
    counterResetHint: 'unknown',
  }
}
