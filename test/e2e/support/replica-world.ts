/** One day of a few targets as two replicas scrape them: the same targets, each replica with hours it was not there. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { HistogramColumn } from '#lib/model/histogram-column.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import { putBlock, testId, type TestSeries } from '#test/store/sample-block.ts'
import { noise, seedOf } from './noise.ts'
import { exponential } from './written-series.ts'

export const DAY_START_MS = Date.UTC(2026, 2, 10)
export const DAY_HOURS = 24
const HOUR_MS = 3_600_000
const BLOCK_MS = 2 * HOUR_MS
export const SCRAPE_MS = 30_000

export interface Replica {
  readonly externalLabels: Readonly<Record<string, string>>
  /** Within the interval; not a whole second, so that no sample is on the border of a range. */
  readonly phaseMs: number
  /** Hours of the day it was not there. */
  readonly missing: readonly number[]
}

/** `t` in seconds since the day began: what a target shows does not depend on who asks, nor how often. */
type At = (t: number) => number

/** Closed forms: a counter has the same value for whoever scrapes it. */
function metrics(instance: string): Record<string, At> {
  const seed = seedOf(instance)
  const reset = 13.4 * 3600 + (seed % 500)
  const counted = (perSecond: number, t: number): number =>
    Math.floor(perSecond * t + 40 * perSecond * (1 + Math.sin(t / 400)))
  return {
    up: () => 1,
    load: (t) => Math.round(100 * (2 + Math.sin(t / 3000) + noise(seed, Math.floor(t / 30)))) / 100,
    requests_total: (t) => (t < reset ? 9000 + counted(7, t) : counted(7, t - reset)),
    bytes_total: (t) => 1e6 + counted(12_345, t),
    'latency_seconds_bucket{le="0.1"}': (t) => counted(3, t),
    'latency_seconds_bucket{le="1"}': (t) => counted(6, t),
    'latency_seconds_bucket{le="+Inf"}': (t) => counted(7, t),
  }
}

const INSTANCES = ['one', 'two', 'three']
const REPLICA_BLOCKS = 100

/** Ships nothing: puts the blocks that such a replica's agent would have put. `number` keeps ids apart. */
export async function putReplica(bucket: Bucket, number: number, replica: Replica): Promise<void> {
  for (let i = 0; i * BLOCK_MS < DAY_HOURS * HOUR_MS; i++) {
    const minTimeMs = DAY_START_MS + i * BLOCK_MS
    const times = scrapeTimes(replica, minTimeMs, minTimeMs + BLOCK_MS)
    if (times.length === 0) continue
    await putBlock(bucket, {
      id: testId(number * REPLICA_BLOCKS + i),
      minTimeMs,
      maxTimeMs: minTimeMs + BLOCK_MS,
      externalLabels: replica.externalLabels,
      series: INSTANCES.flatMap((instance) => seriesAt(instance, times)),
    })
  }
}

function scrapeTimes({ phaseMs, missing }: Replica, startMs: number, endMs: number): Float64Array {
  const times: number[] = []
  for (let t = startMs + phaseMs; t < endMs; t += SCRAPE_MS) {
    if (!missing.includes(Math.floor((t - DAY_START_MS) / HOUR_MS))) times.push(t)
  }
  return Float64Array.from(times)
}

function seriesAt(instance: string, timestamps: Float64Array): TestSeries[] {
  const length = timestamps.length
  const seconds = timestamps.map((t) => (t - DAY_START_MS) / 1000)
  const floats = Object.entries(metrics(instance)).map(([text, at]): TestSeries => {
    const [, name = '', le] = /^(\w+)(?:\{le="(.+)"\})?$/.exec(text) ?? []
    const labels = { __name__: name, instance, job: 'app', ...(le === undefined ? {} : { le }) }
    return { labels: labelsFrom(labels), samples: { length, timestamps, values: seconds.map(at) } }
  })
  const made = Array.from(seconds, (t) => exponential(2, Math.floor((t / SCRAPE_MS) * 1000), 1))
  const values = Float64Array.from(made, ({ sum }) => sum)
  const labels = labelsFrom({ __name__: 'size_bytes', instance, job: 'app' })
  const histograms = HistogramColumn.of(made)
  return [...floats, { labels, samples: { length, timestamps, values, histograms } }]
}
