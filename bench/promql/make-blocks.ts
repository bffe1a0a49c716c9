/** The data the query bench asks about: blocks of a day, of 20,000 series and of a month, kept in `.cache/bench`. */
import { appendFileSync, mkdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { updateBucketIndex } from '#lib/blocks/bucket-index.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import type { FloatHistogram } from '#lib/model/histogram.ts'
import { HistogramColumn } from '#lib/model/histogram-column.ts'
import { compareLabels, labelsFrom, type Labels } from '#lib/model/labels.ts'
import type { SampleColumns } from '#lib/model/samples.ts'
import { BlockWriter } from '#lib/tsdb/block/block-writer.ts'
import { formatBlockMeta, META_FILE } from '#lib/tsdb/block/meta.ts'
import { noise, seedOf } from '#test/e2e/support/noise.ts'
import { madeOnce } from './made-once.ts'

/** Changes with the data, so that what an older version made is not used. */
export const DATA_NAME = 'promql-2'

const HOUR_MS = 3_600_000

/** Borders are multiples of the block lengths, as Prometheus cuts them. */
const MONTH_START_MS = Math.ceil(Date.UTC(2026, 0, 1) / (54 * HOUR_MS)) * 54 * HOUR_MS
const DAY_START_MS = Math.ceil(Date.UTC(2026, 2, 1) / (18 * HOUR_MS)) * 18 * HOUR_MS
const WIDE_START_MS = Math.ceil(Date.UTC(2026, 3, 1) / (2 * HOUR_MS)) * 2 * HOUR_MS

export interface Period {
  readonly startMs: number
  readonly endMs: number
}

interface DataSet extends Period {
  readonly blockHours: readonly number[]
  readonly stepMs: number
  readonly series: () => MadeSeries[]
}

type Shape = 'counter' | 'gauge' | 'constant' | 'histogram'

interface MadeSeries {
  readonly labels: Labels
  readonly shape: Shape
  readonly seed: number
  /** Increase for each step: about this much. */
  readonly speed: number
}

/** `http_requests_total` has 1,000 series; with the others of the block there are 2,100. */
export const DAY: Period = { startMs: DAY_START_MS, endMs: DAY_START_MS + 24 * HOUR_MS }
/** 20,000 series. */
export const WIDE: Period = { startMs: WIDE_START_MS, endMs: WIDE_START_MS + 4 * HOUR_MS }
/** 1,000 series, a sample a minute. */
export const MONTH: Period = { startMs: MONTH_START_MS, endMs: MONTH_START_MS + 720 * HOUR_MS }

const BOUNDS = ['0.005', '0.01', '0.025', '0.05', '0.1', '0.25', '0.5', '1', '2.5', '5', '10']
const LE = [...BOUNDS, '+Inf']

const DATA_SETS: readonly DataSet[] = [
  {
    ...MONTH,
    blockHours: [...Array.from({ length: 13 }, () => 54), 18],
    stepMs: 60_000,
    series: () => [
      ...pods(500).map((pod) => made('http_requests_total', pod, 'counter', 60)),
      ...pods(500).map((pod) => made('memory_bytes', pod, 'gauge', 1e8)),
    ],
  },
  {
    ...DAY,
    blockHours: [18, 2, 2, 2],
    stepMs: 15_000,
    series: () => [
      ...pods(250).flatMap((pod) =>
        ['200', '301', '404', '500'].map((code, i) =>
          made('http_requests_total', { ...pod, code }, 'counter', 40 / 4 ** i),
        ),
      ),
      ...pods(250).map((pod) => made('memory_bytes', pod, 'gauge', 1e8)),
      ...podInfo(250),
      ...latencies(45),
      ...pods(60).map((pod) => made('rpc_seconds', pod, 'histogram', 20)),
    ],
  },
  {
    ...WIDE,
    blockHours: [2, 2],
    stepMs: 15_000,
    series: () => [
      ...pods(2_000).flatMap((pod) =>
        ['200', '301', '404', '500'].map((code, i) =>
          made('http_requests_total', { ...pod, code }, 'counter', 40 / 4 ** i),
        ),
      ),
      ...pods(4_000).map((pod) => made('memory_bytes', pod, 'gauge', 1e8)),
      ...podInfo(2_000),
      ...latencies(500),
    ],
  },
]

type LabelRecord = Readonly<Record<string, string>>

function pods(count: number): LabelRecord[] {
  return Array.from({ length: count }, (_, i) => ({
    cluster: `eu-west-${i % 5}`,
    namespace: `team-${i % 13}`,
    pod: `app-${i % 13}-${(seedOf(`pod ${i}`) >>> 8).toString(36)}-${i}`,
    instance: `10.${i % 5}.${(i >>> 7) & 127}.${i & 127}:8080`,
    job: 'app',
  }))
}

function podInfo(count: number): MadeSeries[] {
  return pods(count).map(({ cluster, namespace, pod }, i) =>
    made(
      'pod_info',
      { cluster: cluster!, namespace: namespace!, pod: pod!, node: `node-${i % 40}`, job: 'ksm' },
      'constant',
      1,
    ),
  )
}

function latencies(count: number): MadeSeries[] {
  return pods(count).flatMap((pod) =>
    LE.map((le, i) => made('latency_seconds_bucket', { ...pod, le }, 'counter', 3 * (i + 1))),
  )
}

function made(name: string, labels: LabelRecord, shape: Shape, speed: number): MadeSeries {
  const sorted = labelsFrom({ __name__: name, ...labels })
  // The buckets of a histogram count the same observations.
  const { le: _, ...seeding } = labels
  return { labels: sorted, shape, seed: seedOf(JSON.stringify([name, seeding])), speed }
}

/** The directory with the blocks, made when it is not there: a bucket of thaw and blocks for a data directory of Prometheus. */
export function benchBlocks(): Promise<string> {
  return madeOnce(DATA_NAME, async (directory) => {
    let number = 0
    for (const set of DATA_SETS) {
      const all = set.series().sort((a, b) => compareLabels(a.labels, b.labels))
      const states = all.map(({ seed }) => ({ value: Math.floor(noise(seed, 0) * 1e6), step: 0 }))
      let startMs = set.startMs
      for (const hours of set.blockHours) {
        const endMs = startMs + hours * HOUR_MS
        await writeBlock(directory, ++number, { startMs, endMs }, set.stepMs, all, states)
        startMs = endMs
      }
    }
    await updateBucketIndex(fileBucket(directory), { now: Date.now })
  })
}

/** Where a series is after its last sample. */
interface State {
  value: number
  step: number
}

async function writeBlock(
  directory: string,
  number: number,
  { startMs, endMs }: Period,
  stepMs: number,
  all: readonly MadeSeries[],
  states: readonly State[],
): Promise<void> {
  const ulid = `01BENCH${String(number).padStart(19, '0')}`
  const writer = new BlockWriter({
    write(file, bytes) {
      const path = join(directory, ulid, file)
      mkdirSync(dirname(path), { recursive: true })
      appendFileSync(path, bytes)
    },
  })
  const count = (endMs - startMs) / stepMs
  for (const [i, series] of all.entries()) {
    writer.addSeries(series.labels, samplesOf(series, states[i]!, startMs, stepMs, count))
  }
  const { meta, indexStats } = writer.finish({ ulid, minTimeMs: startMs, maxTimeMs: endMs })
  const thanos = {
    labels: {},
    downsample: { resolution: 0 },
    source: 'bench',
    index_stats: indexStats,
  }
  await writeFile(join(directory, ulid, META_FILE), formatBlockMeta({ ...meta, thanos }))
  console.error(`${ulid}: ${all.length} series, ${count} samples each`)
}

/** Scrapes come at a phase of the target's own and, one in 20, some milliseconds late. */
function samplesOf(
  { shape, seed, speed }: MadeSeries,
  state: State,
  startMs: number,
  stepMs: number,
  count: number,
): SampleColumns {
  const timestamps = new Float64Array(count)
  const values = new Float64Array(count)
  const histograms: FloatHistogram[] | undefined = shape === 'histogram' ? [] : undefined
  const phase = 100 + Math.floor(noise(seed, 1) * (stepMs - 200))
  for (let i = 0; i < count; i++) {
    const k = ++state.step
    const late = noise(seed, k * 3) < 0.05 ? Math.floor(noise(seed, k * 3 + 1) * 30) : 0
    timestamps[i] = startMs + phase + i * stepMs + late
    const chance = noise(seed, k * 3 + 2)
    if (shape === 'gauge') state.value = Math.floor(speed * (1 + chance))
    else if (shape === 'constant') state.value = 1
    // A restart every few thousand scrapes.
    else if (chance < 0.0003) state.value = 0
    else state.value += Math.floor(speed * 2 * chance)
    values[i] = state.value
    if (!histograms) continue
    const histogram = histogramOf(state.value, seed)
    values[i] = histogram.sum
    histograms.push(histogram)
  }
  return {
    length: count,
    timestamps,
    values,
    histograms: histograms && HistogramColumn.of(histograms),
  }
}

const BUCKETS = 24

/** What `observations` give when they spread over the buckets by fixed shares. */
function histogramOf(observations: number, seed: number): FloatHistogram {
  const positiveBuckets = new Float64Array(BUCKETS)
  let count = 0
  for (let b = 0; b < BUCKETS; b++) {
    const share = 0.02 + noise(seed, b) / 12
    count += positiveBuckets[b] = Math.floor(observations * share)
  }
  return {
    schema: 2,
    zeroThreshold: 1e-9,
    zeroCount: 0,
    count,
    sum: observations / 7,
    positiveSpans: [{ offset: -16, length: BUCKETS }],
    negativeSpans: [],
    positiveBuckets,
    negativeBuckets: new Float64Array(0),
    customValues: new Float64Array(0),
    counterResetHint: 'unknown',
  }
}
