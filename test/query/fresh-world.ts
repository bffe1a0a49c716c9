/** A bucket that fills as an agent fills it: packs every little while, several made one, blocks in their place, and all that they should hold. */
import { updateBucketIndex } from '#lib/blocks/bucket-index.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { type FreshKey, freshKey } from '#lib/fresh/fresh-key.ts'
import { mergePacks } from '#lib/fresh/merge-packs.ts'
import { type PackContent, type PackedSeries, writePack } from '#lib/fresh/pack-writer.ts'
import type { PackedDeletion } from '#lib/fresh/side-pages.ts'
import { HistogramColumn } from '#lib/model/histogram-column.ts'
import type { FloatHistogram } from '#lib/model/histogram.ts'
import { compareLabels, type Labels, labelsFrom, mergeLabels } from '#lib/model/labels.ts'
import type { SampleColumns } from '#lib/model/samples.ts'
import type { MemorySeries } from '#lib/storage/memory-storage.ts'
import { encodeChunks } from '#lib/tsdb/chunk/encode.ts'
import { putBlock, testId } from '#test/store/sample-block.ts'

export const MINUTE = 60_000
/** Blocks are as long as this. */
export const WINDOW = 20 * MINUTE
const SCRAPE = 15_000

const SERIES = ['x', 'y'].flatMap((host) =>
  ['latency', 'load', 'requests_total'].map((name) => labelsFrom({ __name__: name, host })),
)

interface Point {
  readonly series: number
  readonly timeMs: number
  /** What came in before it, of this writer. */
  readonly sequence: number
}

type Place = Pick<FreshKey, 'epoch' | 'from' | 'to'>

interface Pack extends Place {
  readonly key: string
  readonly bytes: Uint8Array
}

interface Writer {
  readonly external: Readonly<Record<string, string>>
  readonly phaseMs: number
  points: Point[]
  /** Of scrapes that will come in late. */
  late: Omit<Point, 'sequence'>[]
  deletions: PackedDeletion[]
  packs: Pack[]
  sequence: number
  epoch: string
  /** Ends of the windows that have their blocks, and what had come in by then. */
  readonly shipped: Map<number, number>
}

export class FreshWorld {
  readonly bucket: Bucket
  nowMs = 0
  readonly #writers: Writer[]
  readonly #random: () => number
  #blocks = 0

  /** `random` gives numbers in [0, 1). */
  constructor(bucket: Bucket, externals: readonly Writer['external'][], random: () => number) {
    this.bucket = bucket
    this.#random = random
    this.#writers = externals.map((external, i) => ({
      external,
      phaseMs: i * 1700,
      points: [],
      late: [],
      deletions: [],
      packs: [],
      sequence: 1,
      epoch: 'e10',
      shipped: new Map(),
    }))
  }

  /** All samples that came in and were not deleted. */
  series(): MemorySeries[] {
    return this.#writers.flatMap(({ external, points }) =>
      SERIES.flatMap((labels, series) => {
        const times = points.filter((point) => point.series === series).map((one) => one.timeMs)
        if (times.length === 0) return []
        const samples = columnsOf(series, Float64Array.from(new Set(times)).sort())
        return [{ labels: mergeLabels(labels, labelsFrom(external)), samples }]
      }),
    )
  }

  /** A bucket with the same samples, in one block of each writer. */
  async asBlocks(): Promise<Bucket> {
    const bucket = memoryBucket()
    const times = { minTimeMs: 0, maxTimeMs: this.nowMs }
    for (const [i, { points, external: externalLabels }] of this.#writers.entries()) {
      const series = seriesOfPoints(points)
      await putBlock(bucket, { id: testId(i), ...times, externalLabels, series })
    }
    await updateBucketIndex(bucket, { now: () => this.nowMs })
    return bucket
  }

  /** Time goes on, and each writer leaves a pack of what came in, unless nothing did. */
  async advance(ms: number): Promise<void> {
    const fromMs = this.nowMs
    this.nowMs += ms
    for (const writer of this.#writers) {
      const coming = this.#scrapes(writer, fromMs, this.nowMs)
      const held = coming.filter(() => this.#random() < 0.1)
      const came = [...coming.filter((point) => !held.includes(point)), ...writer.late]
      writer.late = held
      const from = writer.sequence
      const points = came.map((point) => ({ ...point, sequence: writer.sequence++ }))
      writer.points.push(...points)
      if (points.length === 0 && writer.deletions.length === 0) continue
      const to = (writer.sequence += 1)
      const { deletions } = writer
      writer.deletions = []
      const { epoch } = writer
      await this.#putPack(writer, { epoch, from, to }, { series: packedSeries(points), deletions })
    }
  }

  /** Deletes what there is of a series since the last block: the next pack says so. */
  deleteSome(pick: number): void {
    const writer = this.#writers[pick % this.#writers.length]!
    const series = pick % SERIES.length
    const minTimeMs = Math.max(0, ...writer.shipped.keys())
    const maxTimeMs = minTimeMs + (this.nowMs - minTimeMs) / 2
    // What is late and lies within would come to life again or not, by whether packs are merged.
    if (writer.late.some((point) => point.series === series)) return
    const isDeleted = (point: Point): boolean =>
      point.series === series && point.timeMs >= minTimeMs && point.timeMs <= maxTimeMs
    if (!writer.points.some(isDeleted)) return
    writer.points = writer.points.filter((point) => !isDeleted(point))
    writer.deletions.push({ labels: SERIES[series]!, minTimeMs, maxTimeMs })
  }

  /** A writer begins a new sequence, as an agent does that starts again. */
  restart(pick: number): void {
    const writer = this.#writers[pick % this.#writers.length]!
    writer.epoch = `e${Number(writer.epoch.slice(1)) + 1}`
  }

  /** Neighbouring packs of one sequence become one. Those it is made of stay, or not. */
  async merge(pick: number, count: number, keep: boolean): Promise<void> {
    const writer = this.#writers[pick % this.#writers.length]!
    const first = pick % Math.max(1, writer.packs.length)
    const epoch = writer.packs[first]?.epoch ?? ''
    const packs = writer.packs.slice(first, first + count).filter((pack) => pack.epoch === epoch)
    if (packs.length < 2) return
    const place = { epoch, from: packs[0]!.from, to: packs.at(-1)!.to }
    await this.#putPack(writer, place, mergePacks(packs.map(({ bytes }) => bytes)))
    writer.packs = writer.packs.filter((pack) => !packs.includes(pack))
    writer.packs.sort((a, b) => a.from - b.from)
    if (!keep) for (const { key } of packs) await this.bucket.delete(key)
  }

  /** Blocks of all windows that are over and have none. */
  async ship(): Promise<void> {
    for (const writer of this.#writers) {
      for (let endMs = WINDOW; endMs <= this.nowMs - MINUTE; endMs += WINDOW) {
        if (writer.shipped.has(endMs) || writer.deletions.length > 0) continue
        const startMs = endMs - WINDOW
        const points = writer.points.filter(({ timeMs }) => timeMs >= startMs && timeMs < endMs)
        const series = seriesOfPoints(points)
        const { external: externalLabels } = writer
        const times = { minTimeMs: startMs, maxTimeMs: endMs }
        await putBlock(this.bucket, {
          id: testId(++this.#blocks),
          ...times,
          externalLabels,
          series,
        })
        writer.shipped.set(endMs, writer.sequence)
      }
    }
    await updateBucketIndex(this.bucket, { now: () => this.nowMs })
  }

  /** Deletes the packs of which blocks have all. */
  async clean(): Promise<void> {
    for (const writer of this.#writers) {
      const isShipped = ({ from, to }: Pack): boolean =>
        writer.points
          .filter(({ sequence }) => sequence >= from && sequence < to)
          .every(({ timeMs }) => {
            const endMs = Math.floor(timeMs / WINDOW) * WINDOW + WINDOW
            return (writer.shipped.get(endMs) ?? 0) >= to
          })
      // In their order: one that deletes counts for those before it.
      while (writer.packs[0] && isShipped(writer.packs[0])) {
        await this.bucket.delete(writer.packs.shift()!.key)
      }
    }
  }

  #scrapes({ phaseMs }: Writer, fromMs: number, toMs: number): Omit<Point, 'sequence'>[] {
    const points: Omit<Point, 'sequence'>[] = []
    for (const series of SERIES.keys()) {
      const phase = phaseMs + series * 211
      for (let n = Math.ceil((fromMs - phase) / SCRAPE); n * SCRAPE + phase < toMs; n++) {
        const timeMs = n * SCRAPE + phase
        const isGap = Math.floor(timeMs / (7 * MINUTE)) % 5 === series % 5
        if (timeMs >= fromMs && !isGap) points.push({ series, timeMs })
      }
    }
    return points
  }

  async #putPack(writer: Writer, place: Place, content: PackContent): Promise<void> {
    const { bytes, directoryBytes, minTimeMs, maxTimeMs } = writePack(content)
    const labels = labelsFrom(writer.external)
    const times = { minTimeMs, maxTimeMs }
    const key = freshKey({ labels, ...place, ...times, directoryBytes })
    await this.bucket.put(key, bytes)
    writer.packs.push({ ...place, key, bytes })
  }
}

/** In the order in which they came in. */
function packedSeries(points: readonly Point[]): PackedSeries[] {
  const bySeries = Map.groupBy(points, ({ series }) => series)
  return [...bySeries]
    .map(([series, own]) => {
      const runs: number[][] = []
      for (const { timeMs } of own) {
        const run = runs.at(-1)
        if (run && run.at(-1)! < timeMs) run.push(timeMs)
        else runs.push([timeMs])
      }
      const chunks = runs.flatMap((times) =>
        encodeChunks(columnsOf(series, Float64Array.from(times))),
      )
      chunks.sort((a, b) => a.minTimeMs - b.minTimeMs)
      return { labels: SERIES[series]!, chunks }
    })
    .sort((a, b) => compareLabels(a.labels, b.labels))
}

function seriesOfPoints(points: readonly Point[]): { labels: Labels; samples: SampleColumns }[] {
  return [...Map.groupBy(points, ({ series }) => series)].map(([series, own]) => ({
    labels: SERIES[series]!,
    samples: columnsOf(series, Float64Array.from(own, ({ timeMs }) => timeMs).sort()),
  }))
}

function columnsOf(series: number, timestamps: Float64Array): SampleColumns {
  const { length } = timestamps
  if (series % 3 > 0) {
    const value = series % 3 === 1 ? loadAt : requestsAt
    return { length, timestamps, values: timestamps.map((t) => value(t, series)) }
  }
  const rows = Array.from(timestamps, (t) => histogramAt(t, series))
  return {
    length,
    timestamps,
    values: Float64Array.from(rows, ({ sum }) => sum),
    histograms: HistogramColumn.of(rows),
  }
}

function loadAt(t: number, series: number): number {
  return Math.sin(t / 1e5 + series) * 5
}

/** Starts again every fifty minutes. */
function requestsAt(t: number, series: number): number {
  return Math.floor((t % (50 * MINUTE)) / 700) + series
}

function histogramAt(t: number, series: number): FloatHistogram {
  const count = Math.floor((t % (40 * MINUTE)) / 1000)
  return {
    schema: 0,
    zeroThreshold: 0.001,
    zeroCount: 0,
    count: count * 3,
    sum: count * (2 + series),
    positiveSpans: [{ offset: series, length: 2 }],
    negativeSpans: [],
    positiveBuckets: Float64Array.of(count * 2, count),
    negativeBuckets: new Float64Array(0),
    customValues: new Float64Array(0),
    counterResetHint: 'unknown',
  }
}
