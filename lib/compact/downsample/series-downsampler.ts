/** One series of a block: its chunks, whatever their order and encoding, become aggregate chunks. */
import { isStale } from '#lib/model/samples.ts'
import { AGGREGATE, decodeChunk, type ReadyChunk } from '#lib/tsdb/chunk/chunk.ts'
import { ColumnBuilder, type Interval } from '#lib/tsdb/chunk/columns.ts'
import { FrameList } from '#lib/tsdb/chunk/frame-list.ts'
import { ChunkMerger } from '../merge-chunks.ts'
import { downsampleAggregates } from './downsample-aggregates.ts'
import { downsampleRaw } from './downsample-raw.ts'
import { FIVE_MINUTES_MS } from './windows.ts'

/** Of a series of a block. */
export interface SeriesChunks {
  readonly frames: FrameList
  /** The same as objects. */
  readonly chunks: readonly ReadyChunk[]
  /** Of samples that don't count. */
  readonly deleted: readonly Interval[]
}

const merger = new ChunkMerger()
const builder = new ColumnBuilder()

/** Of a raw series, to windows of five minutes. Throws CorruptError; 'unsupported' where a chunk is of no known kind, or downsampled. */
export function downsampleRawSeries(series: SeriesChunks): ReadyChunk[] {
  const { frames, deleted } = series
  if (deleted.length > 0 || !isAscending(frames)) return downsampleChunks(merged(series))
  builder.reset()
  const { length, encodings, bytes, dataStarts, ends } = frames
  for (let i = 0; i < length; i++) {
    decodeChunk(encodings[i]!, bytes[i]!, builder, dataStarts[i], ends[i]! - 4)
  }
  return downsampleDecoded()
}

/** Of a series in windows of five minutes, to hours. Raw chunks, which old blocks have among them, are downsampled twice. */
export function downsampleAggregateSeries(series: SeriesChunks): ReadyChunk[] {
  const { frames, deleted } = series
  const all = areAggregates(frames) && isAscending(frames) ? frames : ordered(series)
  return downsampleAggregates(all, deleted)
}

function areAggregates({ length, encodings }: FrameList): boolean {
  for (let i = 0; i < length; i++) if (encodings[i] !== AGGREGATE) return false
  return true
}

function ordered({ chunks }: SeriesChunks): FrameList {
  const all = chunks.flatMap((chunk) =>
    chunk.encoding === AGGREGATE ? chunk : downsampleChunks([chunk]),
  )
  const frames = new FrameList()
  for (const chunk of all.sort(byTime)) frames.addChunk(chunk)
  return frames
}

function downsampleChunks(chunks: readonly ReadyChunk[]): ReadyChunk[] {
  builder.reset()
  for (const { encoding, data } of chunks) decodeChunk(encoding, data, builder)
  return downsampleDecoded()
}

function downsampleDecoded(): ReadyChunk[] {
  removeStale(builder)
  return downsampleRaw(builder.columns(), FIVE_MINUTES_MS)
}

/** Ascending and without what is deleted. */
function merged({ chunks, deleted }: SeriesChunks): readonly ReadyChunk[] {
  return merger.merge(
    chunks.map((chunk) => ({ chunk, deleted: deleted.filter((one) => touches(one, chunk)) })),
  )
}

function isAscending({ length, minTimes, maxTimes }: FrameList): boolean {
  for (let i = 1; i < length; i++) if (maxTimes[i - 1]! >= minTimes[i]!) return false
  return true
}

function byTime(a: ReadyChunk, b: ReadyChunk): number {
  return a.minTimeMs - b.minTimeMs || a.maxTimeMs - b.maxTimeMs
}

function touches({ minTimeMs, maxTimeMs }: Interval, chunk: ReadyChunk): boolean {
  return minTimeMs <= chunk.maxTimeMs && maxTimeMs >= chunk.minTimeMs
}

function removeStale(columns: ColumnBuilder): void {
  const { values, length } = columns
  let first = 0
  while (first < length && !isStale(values, first)) first++
  let kept = first
  for (let i = first; i < length; i++) {
    if (!isStale(values, i)) columns.move(i, kept++)
  }
  columns.remove(kept, length)
}
