/** A bucket whose blocks come, go and are compacted, as plan and compaction do it: what cached answers must keep up with. */
import { updateBucketIndex } from '#lib/blocks/bucket-index.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { HistogramColumn } from '#lib/model/histogram-column.ts'
import type { FloatHistogram } from '#lib/model/histogram.ts'
import type { SampleColumns } from '#lib/model/samples.ts'
import { labels, putBlock, testId, type TestSeries } from '#test/store/sample-block.ts'

export const HOUR = 3_600_000

interface Block {
  readonly id: string
  readonly cluster: string
  readonly replica: string
  readonly startMs: number
  readonly endMs: number
  readonly sources: readonly string[]
}

const CLUSTERS = ['a', 'b']
const REPLICAS = ['r0', 'r1']
const HOSTS = ['x', 'y']

export class ChangingBucket {
  readonly bucket: Bucket = memoryBucket()
  nowMs: number
  readonly #hours: number
  readonly #blocks: Block[] = []
  readonly #deleted: Block[] = []
  #lastId = 0

  /** Blocks of two hours from 0 on, for as many hours. */
  constructor(hours: number) {
    this.#hours = hours
    this.nowMs = hours * HOUR
  }

  async fill(): Promise<void> {
    for (let hour = 0; hour < this.#hours; hour += 2) {
      for (const cluster of CLUSTERS) {
        for (const replica of REPLICAS) {
          // The last block of a replica, and some of the others, come late.
          if (hour === this.#hours - 2 && replica === 'r1') continue
          if (hour % 10 === 4 && cluster === 'b') continue
          await this.#put({ cluster, replica, startMs: hour * HOUR, endMs: (hour + 2) * HOUR })
        }
      }
    }
    await this.#index()
  }

  /** A block of a window that has none, or one more of a new stream where all windows have theirs. */
  async lateBlock(pick: number): Promise<void> {
    const missing: Omit<Block, 'id' | 'sources'>[] = []
    for (let hour = 0; hour < this.#hours; hour += 2) {
      for (const cluster of [...CLUSTERS, 'late']) {
        for (const replica of REPLICAS) {
          const block = { cluster, replica, startMs: hour * HOUR, endMs: (hour + 2) * HOUR }
          if (!this.#blocks.some((other) => covers(other, block))) missing.push(block)
        }
      }
    }
    const block = missing[pick % missing.length]
    if (block) await this.#put(block)
    await this.#index()
  }

  /** Neighbours of one stream become one block, which names them as its sources; they are marked, as compaction does. */
  async compact(pick: number): Promise<void> {
    const pairs = this.#blocks.flatMap((first) =>
      this.#blocks
        .filter((second) => sameStream(first, second) && second.startMs === first.endMs)
        .map((second) => [first, second] as const),
    )
    const pair = pairs[pick % Math.max(1, pairs.length)]
    if (!pair) return
    const [first, second] = pair
    const { cluster, replica, startMs } = first
    const sources = [...first.sources, ...second.sources]
    await this.#put({ cluster, replica, startMs, endMs: second.endMs }, sources)
    for (const block of pair) await this.#mark(block, this.nowMs)
    await this.#index()
  }

  /** A block that was marked more than a day ago: nobody sees it any more. */
  async deleteBlock(pick: number): Promise<void> {
    const block = this.#blocks[pick % Math.max(1, this.#blocks.length)]
    if (!block) return
    await this.#mark(block, this.nowMs - 25 * HOUR)
    this.#deleted.push(block)
    await this.#index()
  }

  /** The mark of a deleted block is taken away again. */
  async restoreBlock(pick: number): Promise<void> {
    const [block] = this.#deleted.splice(pick % Math.max(1, this.#deleted.length), 1)
    if (!block) return
    await this.bucket.delete(`${block.id}/deletion-mark.json`)
    this.#blocks.push(block)
    await this.#index()
  }

  async #put(block: Omit<Block, 'id' | 'sources'>, sources?: readonly string[]): Promise<void> {
    const id = testId(this.#lastId++)
    const { cluster, replica, startMs, endMs } = block
    await putBlock(this.bucket, {
      id,
      minTimeMs: startMs,
      maxTimeMs: endMs,
      externalLabels: { cluster, replica },
      series: seriesOf(block),
      meta: (meta) => ({
        ...meta,
        compaction: { ...meta.compaction, level: sources ? 2 : 1, sources: [...(sources ?? [id])] },
      }),
    })
    this.#blocks.push({ ...block, id, sources: sources ?? [id] })
  }

  async #mark(block: Block, timeMs: number): Promise<void> {
    const json = { id: block.id, version: 1, deletion_time: timeMs / 1000, details: 'test' }
    const body = new TextEncoder().encode(JSON.stringify(json))
    await this.bucket.put(`${block.id}/deletion-mark.json`, body)
    this.#blocks.splice(this.#blocks.indexOf(block), 1)
  }

  async #index(): Promise<void> {
    await updateBucketIndex(this.bucket, { now: () => this.nowMs })
  }
}

function sameStream(a: Block, b: Block): boolean {
  return a.cluster === b.cluster && a.replica === b.replica
}

function covers(a: Block, b: Omit<Block, 'id' | 'sources'>): boolean {
  return (
    a.cluster === b.cluster &&
    a.replica === b.replica &&
    a.startMs <= b.startMs &&
    a.endMs >= b.endMs
  )
}

/** The same for the same times, whatever block they are in. */
function seriesOf({ replica, startMs, endMs }: Omit<Block, 'id' | 'sources'>): TestSeries[] {
  const r = REPLICAS.indexOf(replica)
  return HOSTS.flatMap((host, h) => {
    const times: number[] = []
    for (let t = startMs + r * 7000 + h * 13; t < endMs; t += 60_000) {
      // Each replica misses an hour now and then.
      if (Math.floor(t / HOUR) % 7 !== r * 3 + h) times.push(t)
    }
    const columns = (value: (t: number) => number): SampleColumns => ({
      length: times.length,
      timestamps: Float64Array.from(times),
      values: Float64Array.from(times, value),
    })
    const named = (name: string, samples: SampleColumns): TestSeries => ({
      labels: labels({ __name__: name, host }),
      samples,
    })
    const histograms = HistogramColumn.of(times.map((t) => histogramAt(t, h)))
    return [
      named(
        'load',
        columns((t) => Math.sin(t / 1e6 + h) * 5),
      ),
      named(
        'requests_total',
        columns((t) => Math.floor((t % (5 * HOUR)) / 700) + h),
      ),
      // Floats, histograms, floats again: some steps of a query have something to say about that, others have not.
      named('mixed', {
        ...columns((t) => (isMixedIn(t, h) ? histogramAt(t, h).sum : t / 1000)),
        histograms: HistogramColumn.of(
          times.map((t) => (isMixedIn(t, h) ? histogramAt(t, h) : undefined)),
        ),
      }),
      named('latency', { ...columns((t) => histogramAt(t, h).sum), histograms }),
    ]
  })
}

function isMixedIn(t: number, host: number): boolean {
  return Math.floor(t / (100 * 60_000) - host / 2) % 4 === 2
}

function histogramAt(t: number, host: number): FloatHistogram {
  const count = Math.floor(t / 1000) % 20_000
  return {
    schema: 0,
    zeroThreshold: 0.001,
    zeroCount: 0,
    count: count * 3,
    sum: count * (2 + host),
    positiveSpans: [{ offset: host, length: 2 }],
    negativeSpans: [],
    positiveBuckets: Float64Array.of(count * 2, count),
    negativeBuckets: new Float64Array(0),
    customValues: new Float64Array(0),
    counterResetHint: 'unknown',
  }
}
