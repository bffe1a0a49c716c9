/**
 * A Prometheus in simulated time: a block every two hours, real blocks of a few series, and the real planner and jobs over a bucket in
 * memory. `onDay` hears at the end of each day what is in the bucket, and what was done.
 */
import { BucketIndexReader } from '#lib/blocks/bucket-index.ts'
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { type BucketCounts, countingBucket } from '#lib/bucket/counting-bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { type HereEvent, runHere } from '#lib/compact/run-here.ts'
import { blockBytes } from '#lib/compact/plan/estimate.ts'
import { type CompactSettings, DEFAULT_COMPACT_SETTINGS } from '#lib/compact/plan/settings.ts'
import type { JobType } from '#lib/compact/jobs/job.ts'
import type { SampleColumns } from '#lib/model/samples.ts'
import { RandomSource } from '#test/promql/random/random-source.ts'
import { labels, putBlock, type TestSeries } from '#test/store/sample-block.ts'
import { encodeTime } from 'ulid'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const BLOCK_MS = 2 * HOUR_MS
const SCRAPE_MS = 15_000
/** Prometheus cuts a block an hour after its end, and it is left alone for half an hour. */
const PLANNED_AFTER_MS = HOUR_MS + 31 * 60_000
/** A border of all ranges of compaction: 2022-01-06, a multiple of 14 days after 1970. */
const START_MS = 14 * DAY_MS * 1357

export const YEAR_SETTINGS: CompactSettings = {
  ...DEFAULT_COMPACT_SETTINGS,
  retentionMs: { raw: 30 * DAY_MS, fiveMinutes: 90 * DAY_MS, oneHour: 365 * DAY_MS },
}

export interface YearOptions {
  readonly days: number
  readonly series: number
  readonly onDay: (day: YearDay) => void
}

export interface YearDay {
  /** Of blocks that stay, by resolution in ms; those marked for deletion are in `going`. */
  readonly blocks: Readonly<Record<string, Held>>
  readonly going: Held
  /** The index of blocks, the backlog, lookups, leases. */
  readonly ownBytes: number
  /** Of all blocks that came since the beginning. */
  readonly uploadedBytes: number
  /** What was done this day. */
  readonly jobs: readonly DoneWork[]
  /** Of a plan that finds nothing to do. */
  readonly idlePlan: BucketCounts
}

export interface Held {
  readonly count: number
  readonly bytes: number
}

export interface DoneWork {
  readonly type: JobType
  readonly counts: BucketCounts
}

export async function simulateYear({ days, series, onDay }: YearOptions): Promise<void> {
  let nowMs = START_MS
  const now = (): number => nowMs
  const counting = countingBucket(memoryBucket({ now }))
  const { bucket, counts } = counting
  const source = new SmallPrometheus(series)
  let made = 0
  let uploadedBytes = 0
  for (let day = 0; day < days; day++) {
    const jobs: DoneWork[] = []
    let idlePlan: BucketCounts = { ...counts }
    const onEvent = (event: HereEvent): void => {
      if (event.type === 'planned') idlePlan = { ...counts }
      if (event.type === 'ended') {
        if (event.outcome.status === 'failed') throw event.outcome.error
        jobs.push({ type: event.job.job.type, counts: { ...counts } })
      }
      if (event.type !== 'progress') counting.reset()
    }
    for (let hour = 0; hour < 24; hour += 2) {
      const minTimeMs = START_MS + day * DAY_MS + hour * HOUR_MS
      nowMs = minTimeMs + BLOCK_MS
      counting.reset()
      await putBlock(bucket, {
        id: ulidOf(nowMs, made++),
        minTimeMs,
        maxTimeMs: minTimeMs + BLOCK_MS,
        series: source.next(minTimeMs),
      })
      uploadedBytes += counts.bytesWritten
      nowMs = minTimeMs + BLOCK_MS + PLANNED_AFTER_MS
      counting.reset()
      await runHere({
        bucket,
        settings: YEAR_SETTINGS,
        now,
        newUlid: () => ulidOf(nowMs, made++),
        owner: 'year',
        concurrency: 1,
        onEvent,
      })
    }
    const index = new BucketIndexReader(bucket, { now, maxAgeMs: 0 })
    const { blocks } = await index.view(-Infinity, Infinity)
    const going = blocks.filter(({ marks }) => marks.deletion)
    const kept = Map.groupBy(
      blocks.filter(({ marks }) => !marks.deletion),
      ({ resolutionMs }) => String(resolutionMs),
    )
    let ownBytes = 0
    for await (const { objects } of bucket.list('thaw/')) {
      for (const { size } of objects) ownBytes += size
    }
    onDay({
      blocks: Object.fromEntries([...kept].map(([name, some]) => [name, held(some)])),
      going: held(going),
      ownBytes,
      uploadedBytes,
      jobs,
      idlePlan,
    })
  }
}

function held(blocks: readonly BlockRecord[]): Held {
  return {
    count: blocks.length,
    bytes: blocks.reduce((sum, block) => sum + blockBytes(block), 0),
  }
}

function ulidOf(timeMs: number, n: number): string {
  return encodeTime(timeMs) + String(n).padStart(16, '0')
}

/** As series are: most of them change seldom, some with each scrape, by whole numbers or to two digits behind the point. */
const CHANGES = [0, 0.02, 0.1, 0.3, 1]

class SmallPrometheus {
  readonly #random = new RandomSource(1)
  readonly #values: Float64Array

  constructor(series: number) {
    this.#values = new Float64Array(series)
  }

  next(minTimeMs: number): TestSeries[] {
    return Array.from(this.#values, (_, i) => ({
      labels: labels({
        __name__: i % 2 === 0 ? 'http_requests_total' : 'process_load',
        job: `job-${i % 7}`,
        instance: `10.0.${i >> 8}.${i & 255}:9100`,
      }),
      samples: this.#column(i, minTimeMs),
    }))
  }

  #column(i: number, minTimeMs: number): SampleColumns {
    const length = BLOCK_MS / SCRAPE_MS
    const timestamps = new Float64Array(length)
    const values = new Float64Array(length)
    let value = this.#values[i]!
    for (let k = 0; k < length; k++) {
      timestamps[k] = minTimeMs + k * SCRAPE_MS + (i % 15) * 1000
      if (this.#random.chance(CHANGES[i % CHANGES.length]!)) {
        if (i % 2 === 0) value += this.#random.below(40)
        else value = this.#random.below(10_000) / 100
      }
      values[k] = value
    }
    this.#values[i] = value
    return { length, timestamps, values }
  }
}
