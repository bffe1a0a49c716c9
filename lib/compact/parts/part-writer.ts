/** Writes the chunks of a part into segment files of the block, and its series into the part's file. */
import { crc32c } from '#lib/bytes/crc32c.ts'
import { ByteWriter } from '#lib/bytes/byte-writer.ts'
import { DomainError } from '#lib/model/errors.ts'
import { AGGREGATE, XOR, XOR2 } from '#lib/tsdb/chunk/chunk.ts'
import type { FrameList } from '#lib/tsdb/chunk/frame-list.ts'
import { type FileSink, SegmentWriter } from '#lib/tsdb/block/segment-writer.ts'
import { ChunkPlaces } from '#lib/tsdb/index/chunk-places.ts'
import type { ByteSink } from '#lib/tsdb/index/index-output.ts'
import { SERIES_ALIGN, writeSeries } from '#lib/tsdb/index/series.ts'
import type { CutPart, StoredCut } from './cut.ts'
import { encodeSummary, type PartSummary } from './part-file.ts'

const FLUSH_SIZE = 1 << 20

export interface PartSinks {
  /** Takes `chunks/000007`…, one file after the other. */
  readonly chunks: FileSink
  /** Takes the part's file. */
  readonly part: ByteSink
}

export class PartWriter {
  readonly #cut: StoredCut
  readonly #segments: SegmentWriter
  readonly #sink: ByteSink
  readonly #out = new ByteWriter(FLUSH_SIZE + 4096)
  readonly #body = new ByteWriter()
  readonly #places = new ChunkPlaces()
  #numSeries = 0
  #numFloatSamples = 0
  #numHistogramSamples = 0
  #numWindows = 0
  #seriesMaxSize = 0
  #entriesSize = 0
  #entriesChecksum = 0

  constructor(cut: StoredCut, { firstSegment, segments }: CutPart, sinks: PartSinks) {
    this.#cut = cut
    this.#sink = sinks.part
    this.#segments = new SegmentWriter({
      write: sinks.chunks,
      segmentSize: cut.segmentSize,
      firstSegment,
      maxSegments: segments,
    })
  }

  get seriesCount(): number {
    return this.#numSeries
  }

  /** Series ascend. `refs`: name, value, name, value… as numbers of the cut's symbols. One without chunks is left out. */
  addFrames(refs: ArrayLike<number>, frames: FrameList): void {
    if (frames.length === 0) return
    this.#places.clear()
    this.#segments.addFrames(frames, this.#places)
    if (this.#places.firstOutOfOrder() >= 0) {
      throw new DomainError('invalid', `chunks of series ${this.#numSeries} are out of order`)
    }
    for (let i = 0; i < frames.length; i++) this.#count(frames.encodings[i]!, frames.sampleCount(i))
    const size = writeSeries(this.#out, refs, this.#places, this.#body)
    this.#out.align(SERIES_ALIGN)
    this.#seriesMaxSize = Math.max(this.#seriesMaxSize, size)
    this.#numSeries++
    if (this.#out.length > FLUSH_SIZE) this.#flush()
  }

  /** Ends the part's file. */
  finish(): PartSummary {
    const files = this.#segments.finish()
    this.#flush()
    const summary: PartSummary = {
      version: 1,
      cut: this.#cut.checksum,
      numSeries: this.#numSeries,
      numChunks: this.#segments.chunkCount,
      numFloatSamples: this.#numFloatSamples,
      numHistogramSamples: this.#numHistogramSamples,
      numWindows: this.#numWindows,
      seriesMaxSize: this.#seriesMaxSize,
      chunkMaxSize: this.#segments.maxChunkSize,
      entriesSize: this.#entriesSize,
      entriesChecksum: this.#entriesChecksum,
      files,
    }
    this.#sink(encodeSummary(summary))
    return summary
  }

  /** Entries are aligned within the output, and that is given away only in multiples of the alignment. */
  #flush(): void {
    const bytes = this.#out.bytes().slice()
    this.#entriesChecksum = crc32c(bytes, 0, bytes.length, this.#entriesChecksum)
    this.#entriesSize += bytes.length
    if (bytes.length > 0) this.#sink(bytes)
    this.#out.clear()
  }

  #count(encoding: number, samples: number): void {
    if (encoding === XOR || encoding === XOR2) this.#numFloatSamples += samples
    else if (encoding === AGGREGATE) this.#numWindows += samples
    else this.#numHistogramSamples += samples
  }
}
