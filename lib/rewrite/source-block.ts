/** The block that is rewritten: what of its index is needed in memory, and its series front to back. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { CorruptError } from '#lib/model/errors.ts'
import type { Labels } from '#lib/model/labels.ts'
import { readLookupParts } from '#lib/store/load-lookup.ts'
import { Lookup } from '#lib/store/lookup.ts'
import { readTombstones } from '#lib/store/read-tombstones.ts'
import type { Interval } from '#lib/tsdb/chunk/columns.ts'
import type { Tombstones } from '#lib/tsdb/block/tombstones.ts'
import { type ChunkMeta, parseSeries, SERIES_ALIGN } from '#lib/tsdb/index/series.ts'
import { seriesPieces } from './series-section.ts'

/** Of the index, at a time. */
const PIECE_BYTES = 2 * 1024 * 1024

export interface SourceSeries {
  readonly labels: Labels
  readonly chunks: readonly ChunkMeta[]
  /** Of samples that don't count: the block's tombstones. */
  readonly deleted: readonly Interval[]
  /** Of the entry, in the index. */
  readonly offset: number
  readonly size: number
}

export class SourceBlock {
  readonly bucket: Bucket
  readonly block: BlockRecord
  readonly signal: AbortSignal | undefined
  readonly #lookup: Lookup
  readonly #tombstones: Tombstones

  private constructor(
    { bucket, block, signal }: SourceOptions,
    lookup: Lookup,
    tombstones: Tombstones,
  ) {
    this.bucket = bucket
    this.block = block
    this.signal = signal
    this.#lookup = lookup
    this.#tombstones = tombstones
  }

  /** Rejects with 'corrupt' and the file's name, 'not-found'. */
  static async open(options: SourceOptions): Promise<SourceBlock> {
    const { bucket, block, signal } = options
    const [parts, tombstones] = await Promise.all([
      readLookupParts(bucket, `${block.id}/index`, signal),
      readTombstones(bucket, block, signal),
    ])
    return new SourceBlock(options, new Lookup(parts), tombstones)
  }

  get indexKey(): string {
    return `${this.block.id}/index`
  }

  /** In the order of the index. */
  async *series(): AsyncGenerator<SourceSeries> {
    const { bucket, signal, indexKey: key } = this
    const range = this.#lookup.series
    for await (const piece of seriesPieces({
      bucket,
      key,
      range,
      pieceBytes: PIECE_BYTES,
      signal,
    })) {
      for (const at of piece.entries) yield this.parse(piece.bytes, at, piece.start + at)
    }
  }

  /** The entry at `at` of some bytes, which is at `offset` of the index. */
  parse(bytes: Uint8Array, at: number, offset: number): SourceSeries {
    try {
      const { labelRefs, chunks, end } = parseSeries(bytes, at)
      const { symbols, indexVersion } = this.#lookup
      const labels: string[] = []
      for (const ref of labelRefs) labels.push(symbols.lookup(ref))
      const id = indexVersion === 1 ? offset : offset / SERIES_ALIGN
      const deleted = this.#tombstones.get(id) ?? []
      return { labels, chunks, deleted, offset, size: end - at }
    } catch (error) {
      if (!(error instanceof CorruptError)) throw error
      throw new CorruptError(error.reason, offset, { where: this.indexKey, cause: error })
    }
  }
}

interface SourceOptions {
  readonly bucket: Bucket
  readonly block: BlockRecord
  readonly signal?: AbortSignal | undefined
}
