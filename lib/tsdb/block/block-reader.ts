/** A whole block in memory, its files given by name. For tests, the command line and small jobs. */
import { NotFoundError } from '#lib/model/errors.ts'
import type { SampleColumns } from '#lib/model/samples.ts'
import {
  type ChunkFrame,
  expectSegmentHeader,
  readChunk,
  segmentFileName,
} from '../chunk/chunk-frame.ts'
import { decodeChunk } from '../chunk/chunk.ts'
import { ColumnBuilder, copyColumns, mergeColumns } from '../chunk/columns.ts'
import { IndexReader, type Series } from '../index/index-reader.ts'
import type { ChunkMeta } from '../index/series.ts'
import { type BlockMeta, META_FILE, parseBlockMeta } from './meta.ts'
import { NO_TOMBSTONES, parseTombstones, type Tombstones } from './tombstones.ts'

/** The bytes of `index`, `chunks/000001`, `meta.json` or `tombstones`; undefined where there is no such file. */
export type BlockFiles = (name: string) => Uint8Array | undefined

export class BlockReader {
  readonly meta: BlockMeta
  readonly index: IndexReader
  readonly tombstones: Tombstones
  readonly #files: BlockFiles
  readonly #segments: Uint8Array[] = []
  readonly #builder = new ColumnBuilder()

  constructor(files: BlockFiles) {
    this.#files = files
    this.meta = parseBlockMeta(required(files, META_FILE))
    this.index = new IndexReader(required(files, 'index'))
    const tombstones = files('tombstones')
    this.tombstones = tombstones ? parseTombstones(tombstones) : NO_TOMBSTONES
  }

  chunk({ segment, offset }: ChunkMeta): ChunkFrame {
    return readChunk(this.#segment(segment), offset)
  }

  /** All samples of a series in the closed interval, its own copy, without deleted ones. */
  samples(series: Series, minTimeMs = -Infinity, maxTimeMs = Infinity): SampleColumns {
    const deleted = this.tombstones.get(series.id)
    const builder = this.#builder
    builder.reset(minTimeMs, maxTimeMs)
    let merged: SampleColumns | undefined
    for (const meta of series.chunks) {
      if (meta.maxTimeMs < minTimeMs || meta.minTimeMs > maxTimeMs) continue
      if (builder.length > 0 && meta.minTimeMs <= builder.timestamps[builder.length - 1]!) {
        const before = copyColumns(builder.columns(deleted))
        merged = merged ? mergeColumns(merged, before) : before
        builder.reset(minTimeMs, maxTimeMs)
      }
      const { encoding, data } = this.chunk(meta)
      decodeChunk(encoding, data, builder)
    }
    const last = copyColumns(builder.columns(deleted))
    return merged ? mergeColumns(merged, last) : last
  }

  #segment(segment: number): Uint8Array {
    const known = this.#segments[segment]
    if (known) return known
    const bytes = required(this.#files, segmentFileName(segment))
    expectSegmentHeader(bytes)
    this.#segments[segment] = bytes
    return bytes
  }
}

function required(files: BlockFiles, name: string): Uint8Array {
  const bytes = files(name)
  if (!bytes) throw new NotFoundError(name)
  return bytes
}
