/** One series' chunks out of several blocks: as they are where they follow each other, decoded and encoded anew where they must be. */
import { DomainError } from '#lib/model/errors.ts'
import { NO_SAMPLES, type SampleColumns } from '#lib/model/samples.ts'
import {
  chunkSampleCount,
  AGGREGATE,
  decodeChunk,
  FLOAT_HISTOGRAM,
  HISTOGRAM,
  type ReadyChunk,
  XOR,
} from '#lib/tsdb/chunk/chunk.ts'
import { ColumnBuilder, copyColumns, type Interval, mergeColumns } from '#lib/tsdb/chunk/columns.ts'
import { encodeChunks, SAMPLES_PER_CHUNK } from '#lib/tsdb/chunk/encode.ts'

/** A chunk, and what of it was deleted. */
export interface MergedChunk {
  readonly chunk: ReadyChunk
  readonly deleted: readonly Interval[]
  /** Whose it is: chunks of one source are parts of one series. */
  readonly source?: number | undefined
}

/**
 * Ascending, without overlap, each sample once, as `mergeColumns` chooses it where two have one of the same time. Chunks next to each other that fit one chunk become one. Rejects downsampled chunks that overlap: 'unsupported'.
 */
export class ChunkMerger {
  readonly #builder = new ColumnBuilder()

  /** `chunks` in any order; the answer may be views of them. */
  merge(chunks: readonly MergedChunk[]): readonly ReadyChunk[] {
    const sorted = inOrder(chunks)
    const merged: ReadyChunk[] = []
    for (let from = 0; from < sorted.length;) {
      const to = endOfRun(sorted, from)
      const run = sorted.slice(from, to)
      if (run.length === 1 && run[0]!.deleted.length === 0) merged.push(run[0]!.chunk)
      else merged.push(...this.#encodeAnew(run))
      from = to
    }
    return merged
  }

  #encodeAnew(run: readonly MergedChunk[]): ReadyChunk[] {
    const [first, ...others] = run
    if (others.every((other) => isSame(first!, other)) && first!.deleted.length === 0) {
      return [first!.chunk]
    }
    let merged: SampleColumns = NO_SAMPLES
    const builder = this.#builder
    builder.reset()
    for (const { chunk, deleted } of run) {
      const { encoding, data, minTimeMs } = chunk
      if (encoding === AGGREGATE) {
        throw new DomainError('unsupported', 'downsampled chunks overlap or have deletions')
      }
      if (builder.length > 0 && minTimeMs <= builder.timestamps[builder.length - 1]!) {
        merged = mergeColumns(merged, copyColumns(builder.columns()))
        builder.reset()
      }
      const before = builder.length
      decodeChunk(encoding, data, builder)
      for (const interval of deleted) builder.delete(interval, before)
    }
    return encodeChunks(mergeColumns(merged, builder.columns()))
  }
}

/** By time; those with equal times stay in the order in which they came. */
function inOrder(chunks: readonly MergedChunk[]): readonly MergedChunk[] {
  const isOrdered = chunks.every(
    ({ chunk }, i) => i === 0 || chunks[i - 1]!.chunk.maxTimeMs < chunk.minTimeMs,
  )
  if (isOrdered) return chunks
  return chunks.toSorted(
    ({ chunk: a }, { chunk: b }) => a.minTimeMs - b.minTimeMs || a.maxTimeMs - b.maxTimeMs,
  )
}

/** Behind the chunks that overlap, one reaching to the next, from `from` on; or behind those that fit one chunk. */
function endOfRun(sorted: readonly MergedChunk[], from: number): number {
  let { maxTimeMs } = sorted[from]!.chunk
  let to = from + 1
  for (; to < sorted.length && sorted[to]!.chunk.minTimeMs <= maxTimeMs; to++) {
    maxTimeMs = Math.max(maxTimeMs, sorted[to]!.chunk.maxTimeMs)
  }
  if (to > from + 1) return to
  let samples = countOf(sorted[from]!)
  for (; to < sorted.length; to++) {
    const { chunk } = sorted[to]!
    samples += countOf(sorted[to]!)
    const overlaps = chunk.maxTimeMs >= (sorted[to + 1]?.chunk.minTimeMs ?? Infinity)
    const isOther = chunk.encoding !== sorted[from]!.chunk.encoding
    if (samples > SAMPLES_PER_CHUNK || overlaps || isOther) break
  }
  return to
}

/** Those of which nothing is lost when they are encoded anew: the others have start timestamps, or are downsampled. */
export function isJoined(encoding: number): boolean {
  return encoding === XOR || encoding === HISTOGRAM || encoding === FLOAT_HISTOGRAM
}

/** Infinite where it is not joined. */
function countOf({ chunk: { encoding, data } }: MergedChunk): number {
  return isJoined(encoding) ? chunkSampleCount(encoding, data) : Infinity
}

function isSame({ chunk: a }: MergedChunk, { chunk: b, deleted }: MergedChunk): boolean {
  return (
    deleted.length === 0 &&
    a.encoding === b.encoding &&
    a.minTimeMs === b.minTimeMs &&
    a.maxTimeMs === b.maxTimeMs &&
    Buffer.compare(a.data, b.data) === 0
  )
}
