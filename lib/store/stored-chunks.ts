/** The chunks of series that several blocks have, as they are stored where that can be. */
import type { ClosedInterval } from '#lib/storage/storage.ts'
import { AGGREGATE, FLOAT_HISTOGRAM, type ReadyChunk } from '#lib/tsdb/chunk/chunk.ts'
import { ColumnBuilder } from '#lib/tsdb/chunk/columns.ts'
import { encodeChunks } from '#lib/tsdb/chunk/encode.ts'
import { type ChunkAt, mergeChunks, timesOf } from './chunk-layers.ts'
import { joinFresh } from './fresh-chunks.ts'
import type { MergedSeries } from './merged-series.ts'
import type { BlockPart } from './series-set.ts'

export class StoredChunks {
  readonly #parts: readonly BlockPart[]
  readonly #merged: MergedSeries
  readonly #interval: ClosedInterval

  constructor(parts: readonly BlockPart[], merged: MergedSeries, interval: ClosedInterval) {
    this.#parts = parts
    this.#merged = merged
    this.#interval = interval
  }

  /** By time. Of replicas that the merged series do not tell apart each has its own, but for those that are the same. */
  chunks(series: number): ReadyChunk[] {
    const { starts, replicas } = this.#merged
    const to = starts[series + 1]!
    const ready: ReadyChunk[] = []
    let from = starts[series]!
    for (let at = from + 1; at <= to; at++) {
      if (at < to && replicas[at] === replicas[from]) continue
      for (const chunk of joinFresh(this.#chunksOf(from, at), newBuilder)) addReady(chunk, ready)
      from = at
    }
    return inOrder(ready)
  }

  /** Of one replica: the parts [from, to). */
  #chunksOf(from: number, to: number): ChunkAt[] {
    const { lists, members } = this.#merged
    const { startMs, endMs } = this.#interval
    const found: ChunkAt[] = []
    for (let at = from; at < to; at++) {
      const part = this.#parts[lists[at]!]!
      const member = members[at]!
      if (part.wanted[member] === 0) continue
      const { chunks, tombstones, isFresh = false } = part
      const deleted = tombstones.get(part.found.ids[member]!) ?? []
      for (let row = part.found.from[member]!; row < part.found.to[member]!; row++) {
        if (chunks.table.isWithin(row, startMs, endMs))
          found.push({ chunks, row, deleted, isFresh })
      }
    }
    return found
  }
}

function newBuilder(): ColumnBuilder {
  const builder = new ColumnBuilder()
  builder.reset()
  return builder
}

/** As it is stored; anew where samples of it are deleted, or it is of an encoding that nobody else reads. */
function addReady(chunk: ChunkAt, into: ReadyChunk[]): void {
  const stored = chunk.chunks.chunk(chunk.row)
  const isAggregate = stored.encoding === AGGREGATE
  if (isAggregate || (stored.encoding <= FLOAT_HISTOGRAM && chunk.deleted.length === 0)) {
    into.push({ ...timesOf(chunk), ...stored })
  } else into.push(...encodeChunks(mergeChunks([chunk], newBuilder)))
}

/** By time, and of equal ones one. */
function inOrder(chunks: ReadyChunk[]): ReadyChunk[] {
  let sorted = true
  for (let i = 1; i < chunks.length && sorted; i++) {
    sorted = chunks[i - 1]!.maxTimeMs < chunks[i]!.minTimeMs
  }
  if (sorted) return chunks
  chunks.sort(
    (a, b) =>
      a.minTimeMs - b.minTimeMs ||
      a.maxTimeMs - b.maxTimeMs ||
      a.encoding - b.encoding ||
      Buffer.compare(a.data, b.data),
  )
  return chunks.filter((chunk, i) => i === 0 || !isSame(chunks[i - 1]!, chunk))
}

function isSame(a: ReadyChunk, b: ReadyChunk): boolean {
  return (
    a.minTimeMs === b.minTimeMs &&
    a.maxTimeMs === b.maxTimeMs &&
    a.encoding === b.encoding &&
    Buffer.compare(a.data, b.data) === 0
  )
}
