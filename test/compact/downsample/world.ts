/** Raw series to be downsampled: all that a scrape can bring, over eleven days. Every run gives the same bytes. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { bucketIndexes } from '#lib/model/bucket-indexes.ts'
import { CUSTOM_BUCKETS_SCHEMA, type FloatHistogram } from '#lib/model/histogram.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import { reduceResolution } from '#lib/tsdb/chunk/histogram-buckets.ts'
import { noise, seedOf } from '#test/e2e/support/noise.ts'
import { scrapedSamples, type ScrapedValue } from '#test/store/scraped.ts'
import { putBlock, testId, type TestSeries } from '#test/store/sample-block.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
export const START_MS = Date.UTC(2026, 2, 3)
/** Long enough for hours. */
export const END_MS = START_MS + 264 * HOUR_MS

interface Target {
  readonly fromHour?: number
  readonly hours: number
  readonly everyMs: number
  /** Of `everyMs`, either way. */
  readonly jitter?: number
  /** `k` counts scrapes. */
  readonly shows: (k: number, hour: number) => ScrapedValue
}

/** What Thanos makes of these is right, and ours is the same. */
const AGREED: Readonly<Record<string, Target>> = {
  level: { hours: 90, everyMs: 240_000, shows: (k) => Math.round(400 * noise(1, k)) / 8 - 20 },
  requests_total: {
    hours: 60,
    everyMs: MINUTE_MS,
    jitter: 0.01,
    // Begins anew every seven hours, and at the borders of chunks.
    shows: (k) => 1000 + (k % 421) * 7 + Math.floor(5 * noise(2, k)) + (k > 1800 ? 0 : 90_000),
  },
  restless_total: { hours: 15, everyMs: 30_000, shows: (k) => (k % 11) * 3 + noise(3, k) },
  precise_total: { hours: 26, everyMs: 15_000, shows: (k) => k * 0.1234 + noise(4, k) / 10 },
  gaps: {
    hours: 200,
    everyMs: 2 * MINUTE_MS,
    jitter: 0.2,
    shows: (k, hour) => (hour % 8 < 3 ? k % 17 : undefined),
  },
  sparse: { hours: 260, everyMs: 37 * MINUTE_MS, jitter: 0.9, shows: (k) => k * 1.5 },
  irregular: {
    hours: 70,
    everyMs: 10 * MINUTE_MS,
    jitter: 0.99,
    shows: (k) => (noise(5, k) < 0.2 ? undefined : Math.floor(100 * noise(6, k))),
  },
  late: { fromHour: 230, hours: 14, everyMs: 30_000, shows: (k) => k / 3 },
  flapping: {
    hours: 20,
    everyMs: MINUTE_MS,
    shows: (k) => (k % 50 < 33 ? k % 7 : k % 50 === 33 ? 'stale' : undefined),
  },
  special: {
    hours: 20,
    everyMs: MINUTE_MS,
    shows: (k) => [NaN, 3, NaN, -0, 0, 1e300, 5e-324, 0.1, -1e300][k % 9],
  },
  mostly_nan: {
    hours: 80,
    everyMs: 2 * MINUTE_MS,
    shows: (k) => (k % 1000 > 40 ? NaN : k),
  },
  once: { fromHour: 33, hours: 0.01, everyMs: MINUTE_MS, shows: () => 1 },
  twice: { fromHour: 33.08, hours: 0.03, everyMs: MINUTE_MS, shows: (k) => 5 - k },
  constant: { hours: 264, everyMs: 5 * MINUTE_MS, shows: () => 42 },
  whole_seconds: { hours: 30, everyMs: MINUTE_MS, shows: (k) => exponential(3, k, 1) },
  fraction_seconds: { hours: 30, everyMs: 2 * MINUTE_MS, shows: (k) => exponential(1, k, 0.375) },
  gauge_seconds: {
    hours: 30,
    everyMs: 2 * MINUTE_MS,
    shows: (k) => ({ ...exponential(0, (k * 7) % 250, 1), counterResetHint: 'gauge' }),
  },
  gone_seconds: {
    hours: 30,
    everyMs: 2 * MINUTE_MS,
    shows: (k) => (k < 500 ? exponential(3, k, 1) : k === 500 ? 'stale' : undefined),
  },
  mixed_seconds: {
    hours: 40,
    everyMs: 2 * MINUTE_MS,
    shows: (k) => (k % 400 < 260 ? exponential(3, k, 1) : k),
  },
  custom_seconds: { hours: 30, everyMs: 2 * MINUTE_MS, shows: (k) => custom(k, [0.1, 0.5, 1, 5]) },
}

/** Thanos is wrong about these, or dies of them. */
const OURS: Readonly<Record<string, Target>> = {
  endless: {
    hours: 10,
    everyMs: MINUTE_MS,
    shows: (k) => (k % 60 < 20 ? (k % 120 < 60 ? Infinity : -Infinity) : k),
  },
  reset_seconds: {
    hours: 60,
    everyMs: MINUTE_MS,
    shows: (k) => exponential(2, k < 1000 ? k : k < 1100 ? k - 1000 : k - 1100, 1),
  },
  restless_seconds: { hours: 30, everyMs: MINUTE_MS, shows: (k) => exponential(1, k % 13, 1) },
  coarser_seconds: {
    hours: 30,
    everyMs: MINUTE_MS,
    shows: (k) => exponential(k < 900 ? 4 : 2, k, 1),
  },
  coarsened_seconds: {
    hours: 30,
    everyMs: MINUTE_MS,
    shows: (k) => (k < 900 ? exponential(4, k, 1) : reduceResolution(exponential(4, k, 1), 2)),
  },
  zero_seconds: {
    hours: 30,
    everyMs: 2 * MINUTE_MS,
    shows: (k) => ({ ...exponential(2, k, 1), zeroThreshold: k < 300 ? 2 ** -128 : 2 ** -100 }),
  },
  rebound_seconds: {
    hours: 30,
    everyMs: 2 * MINUTE_MS,
    shows: (k) => custom(k, k < 300 ? [0.1, 0.5, 1, 5] : [0.1, 1, 5, 20]),
  },
  turned_seconds: {
    hours: 30,
    everyMs: 2 * MINUTE_MS,
    shows: (k) => ({ ...exponential(1, k, 1), counterResetHint: k < 300 ? 'unknown' : 'gauge' }),
  },
  both_seconds: {
    hours: 30,
    everyMs: 2 * MINUTE_MS,
    shows: (k) => (k % 500 < 250 ? custom(k, [0.1, 0.5]) : exponential(1, k, 1)),
  },
}

/** What `k + 1` scrapes have added, `unit` for each observation; more buckets come up on the way. */
function exponential(schema: number, k: number, unit: number): FloatHistogram {
  const stage = Math.min(3, Math.floor(k / 130))
  const positiveSpans = [
    [{ offset: -3, length: 4 }],
    [
      { offset: -3, length: 4 },
      { offset: 2, length: 2 },
    ],
    [
      { offset: -5, length: 6 },
      { offset: 2, length: 3 },
    ],
    [{ offset: -5, length: 11 }],
  ][stage]!
  const negativeSpans = stage < 2 ? [] : [{ offset: 0, length: 2 }]
  const grown = (index: number): number =>
    Math.floor((k + 1) * (1 + noise(index + 50, 0) * 5)) * unit
  const positiveBuckets = Float64Array.from(bucketIndexes(positiveSpans), grown)
  const negativeBuckets = Float64Array.from(bucketIndexes(negativeSpans), (i) => grown(30 + i))
  const zeroCount = grown(40)
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

function custom(k: number, bounds: readonly number[]): FloatHistogram {
  const buckets = Float64Array.from({ length: bounds.length + 1 }, (_, i) => (k + 1) * (i + 1))
  return {
    schema: CUSTOM_BUCKETS_SCHEMA,
    zeroThreshold: 0,
    zeroCount: 0,
    count: buckets.reduce((sum, bucket) => sum + bucket, 0),
    sum: (k + 1) * 2.5,
    positiveSpans: [{ offset: 0, length: buckets.length }],
    negativeSpans: [],
    positiveBuckets: buckets,
    negativeBuckets: new Float64Array(0),
    customValues: Float64Array.from(bounds),
    counterResetHint: 'unknown',
  }
}

function seriesOf(name: string, target: Target): TestSeries {
  const { fromHour = 0, hours, everyMs, jitter = 0, shows } = target
  const fromMs = START_MS + fromHour * HOUR_MS
  const times: number[] = []
  for (let k = 0; k * everyMs < hours * HOUR_MS; k++) {
    times.push(fromMs + k * everyMs + Math.floor(jitter * everyMs * noise(seedOf(name), k)))
  }
  const samples = scrapedSamples(times, (k) => shows(k, (times[k]! - fromMs) / HOUR_MS))
  if (!samples) throw new Error(`no samples of ${name}`)
  return { labels: labelsFrom({ __name__: name, job: 'made' }), samples }
}

const made = (targets: Readonly<Record<string, Target>>): TestSeries[] =>
  Object.entries(targets).map(([name, target]) => seriesOf(name, target))

export const agreedSeries = (): TestSeries[] => made(AGREED)
export const ourSeries = (): TestSeries[] => made(OURS)

/** The block of eleven days. */
export const RAW_ID = testId(1)

export async function putRaw(bucket: Bucket, series: readonly TestSeries[]): Promise<void> {
  await putBlock(bucket, {
    id: RAW_ID,
    minTimeMs: START_MS,
    maxTimeMs: END_MS,
    externalLabels: { cluster: 'made' },
    series,
  })
}
