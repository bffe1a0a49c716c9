/** One series' chunks out of several blocks: as they are where they follow each other, decoded and encoded anew where they must be. */
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
import { ColumnSink } from '#lib/storage/column-sink.ts'
import { foldByPenalty } from './fold-penalty.ts'
import { mergeWindows } from './merge-windows.ts'

/** A chunk, and what of it was deleted. */
export interface MergedChunk {
  readonly chunk: ReadyChunk
  readonly deleted: readonly Interval[]
  /** Whose it is: chunks of one source are parts of one series. */
  readonly source?: number | undefined
}

export interface MergeOptions {
  /** '': each sample once. 'penalty': of overlapping chunks those that Thanos's algorithm takes. */
  readonly func?: '' | 'penalty' | undefined
  /** Of downsampled chunks. */
  readonly resolutionMs?: number | undefined
}

/**
 * Ascending, without overlap, each sample once; of two of one time what they say decides (see `mergeColumns`). Chunks next to each other
 * that fit one chunk become one. Throws CorruptError.
 */
export class ChunkMerger {
  readonly #builder = new ColumnBuilder()
  readonly #func: '' | 'penalty'
  readonly #resolutionMs: number

  constructor({ func = '', resolutionMs = 0 }: MergeOptions = {}) {
    this.#func = func
    this.#resolutionMs = resolutionMs
  }

  /** `chunks` in any order; the answer may be views of them. */
  merge(chunks: readonly MergedChunk[]): readonly ReadyChunk[] {
    const sorted = inOrder(chunks)
    const merged: ReadyChunk[] = []
    for (let from = 0; from < sorted.length;) {
      const overlapEnd = endOfOverlap(sorted, from)
      const isOverlap = overlapEnd > from + 1
      const to = isOverlap ? overlapEnd : endOfSmall(sorted, from)
      const run = withoutRepeated(sorted.slice(from, to))
      if (run.length === 1 && run[0]!.deleted.length === 0) merged.push(run[0]!.chunk)
      else merged.push(...this.#encodeAnew(run, isOverlap))
      from = to
    }
    return merged
  }

  #encodeAnew(run: readonly MergedChunk[], isOverlap: boolean): readonly ReadyChunk[] {
    const func = isOverlap ? this.#func : ''
    if (run.some(({ chunk }) => chunk.encoding === AGGREGATE)) {
      return mergeWindows(run, { func, resolutionMs: this.#resolutionMs })
    }
    return encodeChunks(func === 'penalty' ? this.#byPenalty(run) : this.#chained(run))
  }

  #chained(run: readonly MergedChunk[]): SampleColumns {
    let merged: SampleColumns = NO_SAMPLES
    const builder = this.#builder
    builder.reset()
    for (const one of run) {
      if (builder.length > 0 && one.chunk.minTimeMs <= builder.timestamps[builder.length - 1]!) {
        merged = mergeColumns(merged, copyColumns(builder.columns()))
        builder.reset()
      }
      this.#decode(one)
    }
    return mergeColumns(merged, builder.columns())
  }

  #byPenalty(run: readonly MergedChunk[]): SampleColumns {
    const replicas = run.map((one) => {
      this.#builder.reset()
      this.#decode(one)
      return copyColumns(this.#builder.columns())
    })
    const { times, columns, rows } = foldByPenalty(replicas)
    const sink = new ColumnSink(replicas)
    for (let i = 0; i < times.length; i++) {
      sink.append(replicas[columns[i]!]!, rows[i]!)
      if (i > 0 && columns[i] !== columns[i - 1]) sink.forgetReset()
    }
    return sink.columns()
  }

  #decode({ chunk: { encoding, data }, deleted }: MergedChunk): void {
    const before = this.#builder.length
    decodeChunk(encoding, data, this.#builder)
    for (const interval of deleted) this.#builder.delete(interval, before)
  }
}

/** Of chunks that are equal to the one before them, one. */
function withoutRepeated(run: readonly MergedChunk[]): readonly MergedChunk[] {
  if (run.length === 1) return run
  return run.filter((one, i) => i === 0 || !isSame(run[i - 1]!, one))
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

/** Behind the chunks that overlap, one reaching to the next, from `from` on. */
function endOfOverlap(sorted: readonly MergedChunk[], from: number): number {
  let { maxTimeMs } = sorted[from]!.chunk
  let to = from + 1
  for (; to < sorted.length && sorted[to]!.chunk.minTimeMs <= maxTimeMs; to++) {
    maxTimeMs = Math.max(maxTimeMs, sorted[to]!.chunk.maxTimeMs)
  }
  return to
}

/** Behind those that follow each other and fit one chunk. */
function endOfSmall(sorted: readonly MergedChunk[], from: number): number {
  let samples = countOf(sorted[from]!)
  let to = from + 1
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

function isSame({ chunk: a, deleted }: MergedChunk, other: MergedChunk): boolean {
  const { chunk: b } = other
  return (
    deleted.length === 0 &&
    other.deleted.length === 0 &&
    a.encoding === b.encoding &&
    a.minTimeMs === b.minTimeMs &&
    a.maxTimeMs === b.maxTimeMs &&
    Buffer.compare(a.data, b.data) === 0
  )
}
