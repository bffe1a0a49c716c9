/** One series of a block: its chunks, whatever their order and encoding, become aggregate chunks. */
import { isStale } from '#lib/model/samples.ts'
import { AGGREGATE, decodeChunk, type ReadyChunk } from '#lib/tsdb/chunk/chunk.ts'
import { ColumnBuilder, type Interval } from '#lib/tsdb/chunk/columns.ts'
import { ChunkMerger } from '../merge-chunks.ts'
import { downsampleAggregates } from './downsample-aggregates.ts'
import { downsampleRaw } from './downsample-raw.ts'
import { FIVE_MINUTES_MS } from './windows.ts'

/** Of a series of a block. */
export interface SeriesChunks {
  readonly chunks: readonly ReadyChunk[]
  /** Of samples that don't count. */
  readonly deleted: readonly Interval[]
}

const merger = new ChunkMerger()
const builder = new ColumnBuilder()

/** Of a raw series, to windows of five minutes. Throws CorruptError; 'unsupported' where a chunk is of no known kind, or downsampled. */
export function downsampleRawSeries(series: SeriesChunks): ReadyChunk[] {
  return downsampleChunks(plain(series))
}

/** Of a series in windows of five minutes, to hours. Raw chunks, which old blocks have among them, are downsampled twice. */
export function downsampleAggregateSeries({ chunks, deleted }: SeriesChunks): ReadyChunk[] {
  const all = chunks.every(({ encoding }) => encoding === AGGREGATE)
    ? chunks
    : chunks.flatMap((chunk) => (chunk.encoding === AGGREGATE ? chunk : downsampleChunks([chunk])))
  return downsampleAggregates(isAscending(all) ? all : all.toSorted(byTime), deleted)
}

function downsampleChunks(chunks: readonly ReadyChunk[]): ReadyChunk[] {
  builder.reset()
  for (const { encoding, data } of chunks) decodeChunk(encoding, data, builder)
  removeStale(builder)
  return downsampleRaw(builder.columns(), FIVE_MINUTES_MS)
}

/** Ascending and without what is deleted; where it already is so, as it is. */
function plain({ chunks, deleted }: SeriesChunks): readonly ReadyChunk[] {
  if (deleted.length === 0 && isAscending(chunks)) return chunks
  return merger.merge(
    chunks.map((chunk) => ({ chunk, deleted: deleted.filter((one) => touches(one, chunk)) })),
  )
}

function isAscending(chunks: readonly ReadyChunk[]): boolean {
  return chunks.every((chunk, i) => i === 0 || chunks[i - 1]!.maxTimeMs < chunk.minTimeMs)
}

function byTime(a: ReadyChunk, b: ReadyChunk): number {
  return a.minTimeMs - b.minTimeMs || a.maxTimeMs - b.maxTimeMs
}

function touches({ minTimeMs, maxTimeMs }: Interval, chunk: ReadyChunk): boolean {
  return minTimeMs <= chunk.maxTimeMs && maxTimeMs >= chunk.minTimeMs
}

function removeStale(columns: ColumnBuilder): void {
  const { values, length } = columns
  let kept = 0
  for (let i = 0; i < length; i++) {
    const value = values[i]!
    if (value !== value && isStale(values, i)) continue
    if (kept < i) columns.move(i, kept)
    kept++
  }
  columns.remove(kept, length)
}
