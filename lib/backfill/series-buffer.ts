/** Samples of any series in any order, in memory until there are too many of them. */
import { compareLabels, type Labels, labelsKey } from '#lib/model/labels.ts'
import type { SampleColumns } from '#lib/model/samples.ts'
import { ChunkMerger } from '#lib/compact/merge-chunks.ts'
import type { ReadyChunk } from '#lib/tsdb/chunk/chunk.ts'
import { ColumnBuilder, copyColumns, mergeColumns } from '#lib/tsdb/chunk/columns.ts'
import { encodeChunks } from '#lib/tsdb/chunk/encode.ts'

/** Of one series in one window. */
export interface SeriesSamples {
  readonly labels: Labels
  readonly times: number[]
  readonly values: number[]
  readonly chunks: ReadyChunk[]
}

/** A sample, and a series beside its label texts, as V8 has them. */
const SAMPLE_BYTES = 16
const SERIES_BYTES = 400

export class SeriesBuffer {
  /** About what it takes in memory. */
  byteLength = 0
  /** By window start, then by labels. */
  readonly #windows = new Map<number, Map<string, SeriesSamples>>()
  /** By the identity of their labels: samples of one series often follow each other. */
  #last:
    | { readonly labels: Labels; readonly startMs: number; readonly series: SeriesSamples }
    | undefined

  addSample(startMs: number, labels: Labels, timeMs: number, value: number): void {
    const series = this.#series(startMs, labels)
    series.times.push(timeMs)
    series.values.push(value)
    this.byteLength += SAMPLE_BYTES
  }

  /** All samples of a chunk are of the window. Its bytes are kept. */
  addChunk(startMs: number, labels: Labels, chunk: ReadyChunk): void {
    this.#series(startMs, labels).chunks.push(chunk)
    this.byteLength += chunk.data.length + 100
  }

  /** Window by window, and forgets them: series in the order of blocks, without those that have no samples. */
  *take(): Generator<{ readonly startMs: number; readonly series: Iterable<BufferedSeries> }> {
    const windows = [...this.#windows].sort(([a], [b]) => a - b)
    this.#windows.clear()
    this.#last = undefined
    this.byteLength = 0
    for (const [startMs, series] of windows) {
      const sorted = [...series.values()].sort((a, b) => compareLabels(a.labels, b.labels))
      yield { startMs, series: bufferedSeries(sorted) }
    }
  }

  #series(startMs: number, labels: Labels): SeriesSamples {
    const last = this.#last
    if (last && last.labels === labels && last.startMs === startMs) return last.series
    let window = this.#windows.get(startMs)
    if (!window) this.#windows.set(startMs, (window = new Map()))
    const key = labelsKey(labels)
    let series = window.get(key)
    if (!series) {
      series = { labels, times: [], values: [], chunks: [] }
      window.set(key, series)
      this.byteLength += SERIES_BYTES + key.length * 2
    }
    this.#last = { labels, startMs, series }
    return series
  }
}

export interface BufferedSeries {
  readonly labels: Labels
  /** Ascending, each time once. */
  readonly chunks: readonly ReadyChunk[]
}

function* bufferedSeries(sorted: readonly SeriesSamples[]): Generator<BufferedSeries> {
  const merger = new ChunkMerger()
  for (const { labels, times, values, chunks } of sorted) {
    const encoded = times.length > 0 ? encodeChunks(columnsOf(times, values)) : []
    const all = [...chunks, ...encoded]
    const inOrder = all.every((chunk, i) => i === 0 || all[i - 1]!.maxTimeMs < chunk.minTimeMs)
    const merged = inOrder ? all : merger.merge(all.map((chunk) => ({ chunk, deleted: [] })))
    yield { labels, chunks: merged }
  }
}

/** The low half of the NaN that Prometheus's parsers give: 0x7ff8000000000001. */
const NAN_LOW = 1

function columnsOf(times: readonly number[], values: readonly number[]): SampleColumns {
  const columns = {
    length: times.length,
    timestamps: Float64Array.from(times),
    values: Float64Array.from(values),
  }
  const bits = new Uint32Array(columns.values.buffer)
  for (let i = 0; i < values.length; i++) if (Number.isNaN(values[i]!)) bits[i * 2] = NAN_LOW
  for (let i = 1; i < times.length; i++) if (times[i]! <= times[i - 1]!) return inOrder(columns)
  return columns
}

/** Merges the runs that ascend; which of two samples of one time counts, `mergeColumns` decides. */
function inOrder({ length, timestamps, values }: SampleColumns): SampleColumns {
  const runs: SampleColumns[] = []
  const builder = new ColumnBuilder()
  for (let i = 0; i < length; i++) {
    if (i > 0 && timestamps[i]! <= timestamps[i - 1]!) {
      runs.push(copyColumns(builder.columns()))
      builder.reset()
    }
    builder.append(timestamps[i]!, 0)
    // By bits: a NaN is to stay the one that it is.
    const from = new Int32Array(values.buffer, values.byteOffset + i * 8, 2)
    builder.valueBits.set(from, (builder.length - 1) * 2)
  }
  runs.push(copyColumns(builder.columns()))
  while (runs.length > 1) {
    const merged: SampleColumns[] = []
    for (let i = 0; i < runs.length; i += 2) {
      merged.push(i + 1 < runs.length ? mergeColumns(runs[i]!, runs[i + 1]!) : runs[i]!)
    }
    runs.splice(0, runs.length, ...merged)
  }
  return runs[0]!
}
