/** Writes a block from series in label order: chunks leave as they fill, index entries too where the symbols are known before. */
import { assert } from '#lib/model/errors.ts'
import type { Labels } from '#lib/model/labels.ts'
import type { SampleColumns } from '#lib/model/samples.ts'
import { AGGREGATE, chunkSampleCount, type ReadyChunk, XOR, XOR2 } from '../chunk/chunk.ts'
import { encodeChunks } from '../chunk/encode.ts'
import type { FrameList } from '../chunk/frame-list.ts'
import { ChunkPlaces } from '../index/chunk-places.ts'
import { IndexWriter, type WrittenIndex } from '../index/index-writer.ts'
import { CollectedEntries } from './collected-entries.ts'
import { type BlockFile, type FileSink, SegmentWriter } from './segment-writer.ts'
import type { BlockCompaction, BlockMeta, ThanosIndexStats } from './meta.ts'

export interface BlockWriterOptions {
  /**
   * Called with pieces of `chunks/000001`, `chunks/000002`…, one file after the other, and of `index`: behind them or, with `head`,
   * in between. Never of `meta.json`.
   */
  readonly write: FileSink
  readonly segmentSize?: number | undefined
  readonly pieceSize?: number | undefined
  /** Number of the first segment file, from 0. */
  readonly firstSegment?: number | undefined
  readonly maxSegments?: number | undefined
  /** What the index begins with (see `uniteSymbols`): all symbols of the series. */
  readonly head?: Uint8Array | undefined
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
  /** For the lookup. */
  readonly index: WrittenIndex
}

/** Chunk bytes stay only until a piece is full. Without `head` it keeps symbols and, packed, the index entries until `finish`. */
export class BlockWriter {
  readonly #segments: SegmentWriter
  readonly #index: IndexWriter
  readonly #collected: CollectedEntries | undefined
  readonly #places = new ChunkPlaces()
  #seriesCount = 0
  #floatCount = 0
  #histogramCount = 0
  /** Of downsampled chunks, which are neither. */
  #windowCount = 0

  constructor({ write, head, ...options }: BlockWriterOptions) {
    this.#segments = new SegmentWriter({ write, ...options })
    this.#index = new IndexWriter((bytes) => write('index', bytes))
    if (head) this.#index.addHead(head)
    else this.#collected = new CollectedEntries()
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
    assert(this.#collected !== undefined, 'series by labels where the symbols are known')
    this.#places.clear()
    for (const chunk of chunks) {
      this.#segments.add(chunk, this.#places)
      const { encoding, data } = chunk
      this.#count(encoding, chunkSampleCount(encoding, data))
    }
    this.#collected.add(labels, this.#places)
    this.#seriesCount++
  }

  /** The same by numbers of symbols, which were given at the start, with chunks as they stand in other files. */
  addFrames(refs: ArrayLike<number>, frames: FrameList): void {
    if (frames.length === 0) return
    this.#places.clear()
    this.#segments.addFrames(frames, this.#places)
    for (let i = 0; i < frames.length; i++) {
      this.#count(frames.encodings[i]!, frames.sampleCount(i))
    }
    this.#index.addEntry(refs, this.#places)
    this.#seriesCount++
  }

  finish({ ulid, minTimeMs, maxTimeMs, compaction }: FinishOptions): WrittenBlock {
    const segments = this.#segments.finish()
    this.#collected?.writeTo(this.#index)
    const index = this.#index.finish()
    const floats = this.#floatCount
    const histograms = this.#histogramCount
    return {
      meta: {
        ulid,
        minTime: minTimeMs,
        maxTime: maxTimeMs,
        stats: {
          numSamples: floats + histograms + this.#windowCount,
          numFloatSamples: floats,
          numHistogramSamples: histograms,
          numSeries: this.#seriesCount,
          numChunks: this.#segments.chunkCount,
        },
        compaction: compaction ?? { level: 1, sources: [ulid] },
        version: 1,
      },
      files: [...segments, { path: 'index', size: index.size }],
      indexStats: {
        series_max_size: this.#index.maxSeriesSize,
        chunk_max_size: this.#segments.maxChunkSize,
      },
      index,
    }
  }

  #count(encoding: number, samples: number): void {
    if (encoding === XOR || encoding === XOR2) this.#floatCount += samples
    else if (encoding === AGGREGATE) this.#windowCount += samples
    else this.#histogramCount += samples
  }
}
