/** Writes a block from series in label order; chunks leave as they fill, the index at the end. */
import { DomainError } from '#lib/model/errors.ts'
import { compareLabels, compareUtf8, type Labels } from '#lib/model/labels.ts'
import type { SampleColumns } from '#lib/model/samples.ts'
import { ByteReader } from '#lib/bytes/byte-reader.ts'
import { ByteWriter } from '#lib/bytes/byte-writer.ts'
import { AGGREGATE, chunkSampleCount, type ReadyChunk, XOR, XOR2 } from '../chunk/chunk.ts'
import { encodeChunks } from '../chunk/encode.ts'
import { IndexWriter } from '../index/index-writer.ts'
import type { ChunkMeta } from '../index/series.ts'
import { type BlockFile, type FileSink, SegmentWriter } from './segment-writer.ts'
import type { BlockCompaction, BlockMeta, ThanosIndexStats } from './meta.ts'

export interface BlockWriterOptions {
  /** Called in order: all of `chunks/000001`, `chunks/000002`…, then all of `index`. Never `meta.json`. */
  readonly write: FileSink
  readonly segmentSize?: number | undefined
  readonly pieceSize?: number | undefined
  /** Symbols to write besides those of the series. */
  readonly extraSymbols?: Iterable<string> | undefined
}

export interface FinishOptions {
  readonly ulid: string
  readonly minTimeMs: number
  /** Exclusive. */
  readonly maxTimeMs: number
  /** Level 1 with the block itself as its source, when absent. */
  readonly compaction?: BlockCompaction | undefined
}

export interface WrittenBlock {
  /** For meta.json; without a thanos section. */
  readonly meta: BlockMeta
  /** Sorted by path; without meta.json. */
  readonly files: readonly BlockFile[]
  /** For the thanos section. */
  readonly indexStats: ThanosIndexStats
}

/** Keeps symbols and, packed, the index entries until `finish`; chunk bytes only until a piece is full. */
export class BlockWriter {
  readonly #segments: SegmentWriter
  readonly #write: FileSink
  readonly #symbols = new Map<string, number>([['', 0]])
  /** The series so far: labels as provisional symbol numbers, then chunk metas. */
  readonly #entries = new ByteWriter(1 << 16)
  #lastLabels: Labels | undefined
  #seriesCount = 0
  #floatCount = 0
  #histogramCount = 0

  constructor({ write, segmentSize, pieceSize, extraSymbols = [] }: BlockWriterOptions) {
    this.#write = write
    this.#segments = new SegmentWriter({ write, segmentSize, pieceSize })
    for (const symbol of extraSymbols) this.#symbol(symbol)
  }

  get seriesCount(): number {
    return this.#seriesCount
  }

  /** Series ascend by labels. One without samples is left out. */
  addSeries(labels: Labels, samples: SampleColumns): void {
    this.addChunks(labels, encodeChunks(samples))
  }

  /** The same with chunks that are ready, in time order. */
  addChunks(labels: Labels, chunks: readonly ReadyChunk[]): void {
    if (chunks.length === 0) return
    if (this.#lastLabels && compareLabels(this.#lastLabels, labels) >= 0) {
      throw new DomainError('invalid', `series ${JSON.stringify(labels)} is out of order`)
    }
    this.#lastLabels = labels
    this.#seriesCount++
    const entries = this.#entries
    entries.uvarint(labels.length)
    for (const symbol of labels) entries.uvarint(this.#symbol(symbol))
    entries.uvarint(chunks.length)
    for (const chunk of chunks) {
      const { minTimeMs, maxTimeMs, segment, offset } = this.#segments.add(chunk)
      entries.varint(minTimeMs)
      entries.varint(maxTimeMs - minTimeMs)
      entries.uvarint(segment)
      entries.uvarint(offset)
      this.#count(chunk)
    }
  }

  finish({ ulid, minTimeMs, maxTimeMs, compaction }: FinishOptions): WrittenBlock {
    const files = [...this.#segments.finish()]
    const index = new IndexWriter((bytes) => this.#write('index', bytes))
    const sorted = [...this.#symbols.keys()].sort(compareUtf8)
    index.addSymbols(sorted)
    this.#writeEntries(index)
    const { size } = index.finish()
    files.push({ path: 'index', size })
    const floats = this.#floatCount
    const histograms = this.#histogramCount
    return {
      meta: {
        ulid,
        minTime: minTimeMs,
        maxTime: maxTimeMs,
        stats: {
          numSamples: floats + histograms,
          numFloatSamples: floats,
          numHistogramSamples: histograms,
          numSeries: this.#seriesCount,
          numChunks: this.#segments.chunkCount,
        },
        compaction: compaction ?? { level: 1, sources: [ulid] },
        version: 1,
      },
      files,
      indexStats: {
        series_max_size: index.maxSeriesSize,
        chunk_max_size: this.#segments.maxChunkSize,
      },
    }
  }

  #writeEntries(index: IndexWriter): void {
    const strings = [...this.#symbols.keys()]
    const entries = new ByteReader(this.#entries.bytes())
    for (let series = 0; series < this.#seriesCount; series++) {
      const labels: string[] = []
      for (let left = entries.uvarint(); left > 0; left--) labels.push(strings[entries.uvarint()]!)
      const chunks: ChunkMeta[] = []
      for (let left = entries.uvarint(); left > 0; left--) {
        const minTimeMs = entries.varint()
        chunks.push({
          minTimeMs,
          maxTimeMs: minTimeMs + entries.varint(),
          segment: entries.uvarint(),
          offset: entries.uvarint(),
        })
      }
      index.addSeries(labels, chunks)
    }
  }

  #symbol(text: string): number {
    let number = this.#symbols.get(text)
    if (number === undefined) this.#symbols.set(text, (number = this.#symbols.size))
    return number
  }

  #count({ encoding, data }: ReadyChunk): void {
    const count = encoding === AGGREGATE ? 0 : chunkSampleCount(encoding, data)
    if (encoding === XOR || encoding === XOR2) this.#floatCount += count
    else this.#histogramCount += count
  }
}
