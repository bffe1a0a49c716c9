/** Writes a block out of another whose series change: other labels, fewer samples. Memory is bounded: see `OutputOrder` and `chunkPages`. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { BlockUpload } from '#lib/compact/block-upload.ts'
import { leaveLookup } from '#lib/compact/leave-lookup.ts'
import { ChunkMerger, type MergedChunk } from '#lib/compact/merge-chunks.ts'
import { DomainError } from '#lib/model/errors.ts'
import type { Labels } from '#lib/model/labels.ts'
import { BlockWriter, type WrittenBlock } from '#lib/tsdb/block/block-writer.ts'
import type { ReadyChunk } from '#lib/tsdb/chunk/chunk.ts'
import type { Interval } from '#lib/tsdb/chunk/columns.ts'
import type { ChunkMeta } from '#lib/tsdb/index/series.ts'
import type { SeriesChange } from './change-log.ts'
import { chunkPages } from './chunk-pages.ts'
import { type Deletions, joinIntervals } from './deletion-request.ts'
import { type NewLabels, type OutputSeries, seriesInOrder } from './series-in-order.ts'
import { SourceBlock } from './source-block.ts'

export interface RewriteParts {
  readonly bucket: Bucket
  readonly block: BlockRecord
  /** Of the new block. */
  readonly ulid: string
  /** New labels for old ones, none to leave the series out. Without it the order of series is trusted. */
  readonly relabel?: ((labels: Labels) => Labels) | undefined
  /** By the new labels. */
  readonly deletions?: Deletions | undefined
  /** What a chunk becomes that is not good as it is: nothing where it can't be read. */
  readonly mend?: MendChunks | undefined
  readonly onChange?: ((change: SeriesChange) => void) | undefined
  /** Of series written so far. */
  readonly onSeries?: ((count: number) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

export interface MendChunks {
  /** Whether the chunk is read at all. */
  isReadable(chunk: ChunkMeta): boolean
  /** In place of the chunk. */
  mended(meta: ChunkMeta, chunk: ReadyChunk): readonly ReadyChunk[]
}

/** How many series were changed in which way. */
export interface RewriteCounts {
  read: number
  written: number
  relabelled: number
  /** Series that are gone. */
  deleted: number
  /** Series that lost samples, and have others. */
  cut: number
  /** Series that became one with another. */
  merged: number
}

/** What would change, without reading a chunk or writing anything. Series that become one are not known to be cut. */
export async function planRewrite(parts: RewriteParts): Promise<RewriteCounts> {
  const source = await SourceBlock.open(parts)
  const rewriting = new Rewriting(parts)
  for await (const batch of seriesInOrder(source, rewriting.newLabels)) {
    for (const series of batch) rewriting.choose(series)
    throwIfAborted(parts.signal)
  }
  return rewriting.counts
}

export interface Rewritten {
  readonly counts: RewriteCounts
  /** Undefined where no sample is left: then nothing was written. Otherwise all files but meta.json are in the bucket. */
  readonly written: WrittenBlock | undefined
}

/** Rejects with 'corrupt' and the file's name, 'unsupported' where downsampled chunks would have to be cut. */
export async function writeRewritten(parts: RewriteParts): Promise<Rewritten> {
  const { bucket, block, ulid, signal, onSeries } = parts
  const source = await SourceBlock.open(parts)
  const rewriting = new Rewriting(parts)
  const upload = new BlockUpload(bucket, ulid, signal)
  try {
    const writer = new BlockWriter({ write: upload.write })
    const batches = seriesInOrder(source, rewriting.newLabels)
    for await (const page of chunkPages(source, batches, rewriting.choose)) {
      for (const { series, start, end } of page.series) {
        const chunks: ReadyChunk[] = []
        for (let row = start; row < end; row++) {
          const minTimeMs = page.chunks.table.minTimes[row]!
          const maxTimeMs = page.chunks.table.maxTimes[row]!
          chunks.push({ ...page.chunks.chunk(row), minTimeMs, maxTimeMs })
        }
        writer.addChunks(series.labels, rewriting.merge(series, chunks))
      }
      await upload.room()
      throwIfAborted(signal)
      onSeries?.(writer.seriesCount)
    }
    rewriting.counts.written = writer.seriesCount
    const written =
      writer.seriesCount === 0
        ? undefined
        : writer.finish({ ulid, minTimeMs: block.minTimeMs, maxTimeMs: block.maxTimeMs })
    await upload.finish()
    if (written) await leaveLookup(bucket, ulid, written.index, signal)
    return { counts: rewriting.counts, written }
  } catch (error) {
    await upload.abort(error)
    throw error
  }
}

const NO_CHUNKS: readonly Interval[] = []

/** Decides what becomes of each series and each chunk. */
class Rewriting {
  readonly counts: RewriteCounts = {
    read: 0,
    written: 0,
    relabelled: 0,
    deleted: 0,
    cut: 0,
    merged: 0,
  }
  readonly newLabels: NewLabels | undefined
  readonly #parts: RewriteParts
  readonly #merger = new ChunkMerger()
  /** Of the chunks that were chosen of a series: which one, and what it loses. */
  readonly #wanted = new WeakMap<OutputSeries, readonly WantedChunk[]>()

  constructor(parts: RewriteParts) {
    this.#parts = parts
    const { relabel } = parts
    if (!relabel) return
    this.newLabels = ({ labels, chunks }) => {
      const to = relabel(labels)
      if (to.length === 0) {
        this.counts.read++
        this.#deleted(labels, chunks)
      } else if (!isEqual(labels, to)) {
        this.counts.relabelled++
        this.#tell({ type: 'relabelled', labels, to })
      }
      return to
    }
  }

  /** The chunks that are needed; undefined where nothing of the series is left. */
  readonly choose = (series: OutputSeries): readonly ChunkMeta[] | undefined => {
    const { deletions, mend } = this.#parts
    const { labels, from } = series
    this.counts.read += from.length
    this.counts.merged += from.length - 1
    const lost = deletions?.(labels) ?? NO_CHUNKS
    if (lost === 'all') {
      this.#deleted(
        labels,
        from.flatMap(({ chunks }) => chunks),
      )
      return undefined
    }
    const gone: Interval[] = []
    const wanted: WantedChunk[] = []
    for (const { chunks, deleted } of from) {
      for (const chunk of chunks) {
        const touching = lost.filter((interval) => overlaps(interval, chunk))
        for (const interval of touching) gone.push(common(interval, chunk))
        const all = [...touching, ...deleted.filter((interval) => overlaps(interval, chunk))]
        const isGone = all.some((interval) => covers(interval, chunk))
        if (isGone || mend?.isReadable(chunk) === false) continue
        wanted.push({ chunk, deleted: all })
      }
    }
    if (gone.length > 0) this.#tell({ type: 'deleted', labels, intervals: joinIntervals(gone) })
    if (gone.length > 0 && wanted.length > 0) this.counts.cut++
    if (wanted.length === 0) {
      this.counts.deleted++
      return undefined
    }
    this.counts.written++
    this.#wanted.set(series, wanted)
    return wanted.map(({ chunk }) => chunk)
  }

  /** `chunks` are those that `choose` gave, read. */
  merge(series: OutputSeries, chunks: readonly ReadyChunk[]): readonly ReadyChunk[] {
    const wanted = this.#wanted.get(series)!
    const { mend } = this.#parts
    const merged = wanted.flatMap(({ chunk: meta, deleted }, i): MergedChunk[] => {
      const chunk = chunks[i]!
      if (!mend) return [{ chunk, deleted }]
      return mend.mended(meta, chunk).map((one) => ({ chunk: one, deleted }))
    })
    return this.#merger.merge(merged)
  }

  #deleted(labels: Labels, chunks: readonly ChunkMeta[]): void {
    this.counts.deleted++
    const minTimeMs = Math.min(...chunks.map((chunk) => chunk.minTimeMs))
    const maxTimeMs = Math.max(...chunks.map((chunk) => chunk.maxTimeMs))
    const intervals = chunks.length > 0 ? [{ minTimeMs, maxTimeMs }] : []
    this.#tell({ type: 'deleted', labels, intervals })
  }

  #tell(change: SeriesChange): void {
    this.#parts.onChange?.(change)
  }
}

interface WantedChunk {
  readonly chunk: ChunkMeta
  readonly deleted: readonly Interval[]
}

function overlaps(a: Interval, b: Interval): boolean {
  return a.minTimeMs <= b.maxTimeMs && a.maxTimeMs >= b.minTimeMs
}

function covers(a: Interval, b: Interval): boolean {
  return a.minTimeMs <= b.minTimeMs && a.maxTimeMs >= b.maxTimeMs
}

function common(a: Interval, b: Interval): Interval {
  return {
    minTimeMs: Math.max(a.minTimeMs, b.minTimeMs),
    maxTimeMs: Math.min(a.maxTimeMs, b.maxTimeMs),
  }
}

function isEqual(a: Labels, b: Labels): boolean {
  return a.length === b.length && a.every((text, i) => text === b[i])
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new DomainError('canceled', 'canceled')
}
