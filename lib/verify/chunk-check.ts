/** Reads every chunk of a block, front to back: checksum, samples, times. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { SegmentStream } from '#lib/compact/segment-stream.ts'
import { CorruptError, DomainError } from '#lib/model/errors.ts'
import { formatLabels, type Labels } from '#lib/model/labels.ts'
import { AGGREGATES, parseAggregateChunk } from '#lib/tsdb/chunk/aggregate.ts'
import {
  AGGREGATE,
  chunkSampleCount,
  decodeChunk,
  type EncodedChunk,
  XOR,
  XOR2,
} from '#lib/tsdb/chunk/chunk.ts'
import {
  expectSegmentHeader,
  SEGMENT_HEADER_SIZE,
  segmentFileName,
} from '#lib/tsdb/chunk/chunk-frame.ts'
import { ColumnBuilder } from '#lib/tsdb/chunk/columns.ts'
import { FrameList } from '#lib/tsdb/chunk/frame-list.ts'
import type { ChunkMeta } from '#lib/tsdb/index/series.ts'
import type { ProblemList } from './problem.ts'

const PIECE_BYTES = 2 * 1024 * 1024

export interface ChunkCheckOptions {
  readonly bucket: Bucket
  readonly id: string
  readonly segmentSizes: readonly number[]
  readonly problems: ProblemList
  readonly signal?: AbortSignal | undefined
}

/** Where a chunk is: segment and offset. */
export function chunkPlace({ segment, offset }: ChunkMeta): string {
  return `${segment}:${offset}`
}

export class ChunkCheck {
  floats = 0
  histograms = 0
  /** In downsampled chunks: then meta.json counts something else. */
  aggregates = 0
  /** Places of chunks that can't be read. */
  readonly lost = new Set<string>()
  /** Places of chunks whose samples are not at the times, or not in the order, that they should be. */
  readonly wrong = new Set<string>()
  readonly #options: ChunkCheckOptions
  readonly #segments = new Map<number, SegmentStream>()
  readonly #builder = new ColumnBuilder()
  readonly #frames = new FrameList()

  constructor(options: ChunkCheckOptions) {
    this.#options = options
  }

  /** Magic and version of every segment. */
  async checkSegments(): Promise<void> {
    const { bucket, problems, segmentSizes, signal } = this.#options
    for (const [segment, size] of segmentSizes.entries()) {
      if (size === 0) continue
      const key = this.#key(segment)
      try {
        const end = Math.min(size, SEGMENT_HEADER_SIZE)
        expectSegmentHeader(await bucket.getRange(key, 0, end, { signal }))
      } catch (error) {
        if (!(error instanceof CorruptError)) throw error
        problems.add('chunks', 'a segment does not begin as it should', error.in(key).message)
      }
    }
  }

  async add(labels: Labels, meta: ChunkMeta): Promise<void> {
    const chunk = await this.#read(meta)
    if (!chunk) return
    const { encoding, data } = chunk
    const count = encoding === AGGREGATE ? 0 : chunkSampleCount(encoding, data)
    if (encoding === AGGREGATE) this.aggregates++
    else if (encoding === XOR || encoding === XOR2) this.floats += count
    else this.histograms += count
    try {
      const reason =
        encoding === AGGREGATE ? this.#aggregate(meta, chunk) : this.#plain(meta, chunk)
      if (reason === undefined) return
      this.wrong.add(chunkPlace(meta))
      const { minTimeMs, maxTimeMs } = meta
      this.#options.problems.add(
        'chunks',
        reason,
        () => `${this.#placeOf(meta)} of ${formatLabels(labels)} ${minTimeMs}..${maxTimeMs}`,
      )
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      this.#isLost(meta, 'a chunk does not decode', error)
    }
  }

  /** What is wrong with the samples, if anything. */
  #plain(
    { minTimeMs, maxTimeMs }: ChunkMeta,
    { encoding, data }: EncodedChunk,
  ): string | undefined {
    const builder = this.#builder
    builder.reset()
    decodeChunk(encoding, data, builder)
    const { length, timestamps } = builder
    if (length === 0) return 'a chunk has no samples'
    if (length !== chunkSampleCount(encoding, data)) return 'a chunk has fewer samples than it says'
    for (let i = 1; i < length; i++) {
      if (timestamps[i]! <= timestamps[i - 1]!) return 'samples of a chunk are out of order'
    }
    const isAsSaid = timestamps[0] === minTimeMs && timestamps[length - 1] === maxTimeMs
    return isAsSaid ? undefined : 'a chunk has other times than the index says'
  }

  /** Windows are named by their end. A counter has its first and last sample too, at their own times, the last one twice. */
  #aggregate({ minTimeMs, maxTimeMs }: ChunkMeta, { data }: EncodedChunk): string | undefined {
    const parts = parseAggregateChunk(data)
    let samples = 0
    for (const aggregate of AGGREGATES) {
      const part = parts[aggregate]
      if (!part) continue
      const builder = this.#builder
      builder.reset()
      decodeChunk(part.encoding, part.data, builder)
      const { length, timestamps } = builder
      samples += length
      for (let i = 0; i < length; i++) {
        if (i > 0 && timestamps[i]! < timestamps[i - 1]!)
          return 'samples of a chunk are out of order'
        const isInside = timestamps[i]! >= minTimeMs && timestamps[i]! <= maxTimeMs
        if (!isInside && aggregate !== 'counter') {
          return 'a chunk has other times than the index says'
        }
      }
    }
    return samples === 0 ? 'a chunk has no samples' : undefined
  }

  async #read(meta: ChunkMeta): Promise<EncodedChunk | undefined> {
    const { segment, offset } = meta
    const size = this.#options.segmentSizes[segment] ?? 0
    if (size === 0) {
      const message = 'the index names chunks of a segment that is not there'
      this.lost.add(chunkPlace(meta))
      this.#options.problems.add('chunks', message, this.#key(segment))
      return undefined
    }
    const stream = this.#segment(segment, size)
    const frames = this.#frames
    const { minTimeMs, maxTimeMs } = meta
    frames.clear()
    try {
      if (!stream.addTo(frames, offset, minTimeMs, maxTimeMs)) {
        await stream.load(offset)
        stream.addTo(frames, offset, minTimeMs, maxTimeMs)
      }
      return frames.chunk(0)
    } catch (error) {
      if (!(error instanceof CorruptError)) throw error
      this.#isLost(meta, 'a chunk cannot be read', error)
      return undefined
    }
  }

  #isLost(meta: ChunkMeta, message: string, error: DomainError): void {
    this.lost.add(chunkPlace(meta))
    const reason = error instanceof CorruptError ? error.reason : error.message
    this.#options.problems.add('chunks', message, () => `${this.#placeOf(meta)}: ${reason}`)
  }

  #segment(segment: number, size: number): SegmentStream {
    const known = this.#segments.get(segment)
    if (known) return known
    // Chunks are written series after series, so files before this one are read.
    if (this.#segments.size > 1) this.#segments.delete(Math.min(...this.#segments.keys()))
    const { bucket, signal } = this.#options
    const key = this.#key(segment)
    const stream = new SegmentStream({ bucket, key, size, pieceBytes: PIECE_BYTES, signal })
    this.#segments.set(segment, stream)
    return stream
  }

  #key(segment: number): string {
    return `${this.#options.id}/${segmentFileName(segment)}`
  }

  #placeOf({ segment, offset }: ChunkMeta): string {
    return `${this.#key(segment)} at byte ${offset}`
  }
}
