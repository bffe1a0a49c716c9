/** Puts chunks into segment files, and gives the files away in pieces as they fill. */
import { ByteWriter } from '#lib/bytes/byte-writer.ts'
import { DomainError } from '#lib/model/errors.ts'
import type { ReadyChunk } from '../chunk/chunk.ts'
import {
  MAX_CHUNK_OVERHEAD,
  segmentFileName,
  segmentHeader,
  SEGMENT_HEADER_SIZE,
} from '../chunk/chunk-frame.ts'
import type { FrameList } from '../chunk/frame-list.ts'
import type { ChunkPlaces } from '../index/chunk-places.ts'

/** Takes the next piece of a file; the bytes are the receiver's to keep. A file ends when the next one of its folder begins. */
export type FileSink = (file: string, bytes: Uint8Array) => void

export interface BlockFile {
  /** Inside the block: `chunks/000001`, `index`. */
  readonly path: string
  readonly size: number
}

export const DEFAULT_SEGMENT_SIZE = 512 * 1024 * 1024
const DEFAULT_PIECE_SIZE = 4 * 1024 * 1024

export interface SegmentWriterOptions {
  readonly write: FileSink
  /** No file is longer, unless one chunk alone is. */
  readonly segmentSize?: number | undefined
  /** About how many bytes are given away at once. */
  readonly pieceSize?: number | undefined
  /** Number of the first file, from 0. For a block whose parts are written by many. */
  readonly firstSegment?: number | undefined
  /** There are no more files: what is left goes into the last, up to the 4 GiB that references can say. */
  readonly maxSegments?: number | undefined
}

const MAX_SEGMENT_SIZE = 0xffff_ffff

export class SegmentWriter {
  readonly #write: FileSink
  readonly #segmentSize: number
  readonly #pieceSize: number
  readonly #out: ByteWriter
  #segment: number
  readonly #lastSegment: number
  /** Size of the open file; 0 when none is open. */
  #size = 0
  readonly #files: BlockFile[] = []
  #maxChunkSize = 0
  #chunkCount = 0

  constructor(options: SegmentWriterOptions) {
    const { write, segmentSize, pieceSize, firstSegment = 0, maxSegments = Infinity } = options
    this.#write = write
    this.#segmentSize = segmentSize ?? DEFAULT_SEGMENT_SIZE
    this.#pieceSize = pieceSize ?? DEFAULT_PIECE_SIZE
    this.#out = new ByteWriter(Math.min(this.#pieceSize, 1 << 16))
    this.#segment = firstSegment - 1
    this.#lastSegment = firstSegment + maxSegments - 1
  }

  /** The largest chunk so far, with its size field, encoding and checksum. */
  get maxChunkSize(): number {
    return this.#maxChunkSize
  }

  get chunkCount(): number {
    return this.#chunkCount
  }

  add({ minTimeMs, maxTimeMs, encoding, data }: ReadyChunk, places: ChunkPlaces): void {
    this.#makeRoom(data.length)
    const offset = this.#size
    const out = this.#out
    const before = out.length
    out.uvarint(data.length)
    const from = out.length
    out.uint8(encoding)
    out.append(data)
    out.crc(from)
    this.#added(out.length - before)
    if (out.length >= this.#pieceSize) this.#flush()
    places.add(minTimeMs, maxTimeMs, this.#segment, offset)
  }

  /** All of them; their checksums are taken for right. */
  addFrames(frames: FrameList, places: ChunkPlaces): void {
    const { length, bytes, starts, dataStarts, ends, minTimes, maxTimes } = frames
    /** From here on frames were not copied yet: those that follow each other are copied together. */
    let from = 0
    for (let i = 0; i < length; i++) {
      const start = starts[i]!
      const isNext = i > from && bytes[i] === bytes[i - 1] && start === ends[i - 1]
      const data = ends[i]! - 4 - dataStarts[i]!
      if (i > from && (!isNext || this.#isFull(data))) {
        this.#copy(bytes[from]!, starts[from]!, ends[i - 1]!)
        from = i
      }
      this.#makeRoom(data)
      places.add(minTimes[i]!, maxTimes[i]!, this.#segment, this.#size)
      this.#added(ends[i]! - start)
    }
    if (length > 0) this.#copy(bytes[from]!, starts[from]!, ends[length - 1]!)
  }

  /** Gives the rest away, and the list of files written. */
  finish(): readonly BlockFile[] {
    if (this.#size > 0) this.#close()
    return this.#files
  }

  /** For a chunk with so many bytes of data. */
  #makeRoom(size: number): void {
    if (this.#isFull(size)) {
      if (this.#segment === this.#lastSegment) {
        const count = this.#files.length + 1
        throw new DomainError('limit', `chunks of more than ${count} segment files`)
      }
      this.#close()
    }
    if (this.#size === 0) this.#open()
  }

  #isFull(size: number): boolean {
    const limit = this.#segment === this.#lastSegment ? MAX_SEGMENT_SIZE : this.#segmentSize
    return this.#size > SEGMENT_HEADER_SIZE && this.#size + size + MAX_CHUNK_OVERHEAD > limit
  }

  #copy(bytes: Uint8Array, start: number, end: number): void {
    this.#out.appendRange(bytes, start, end)
    if (this.#out.length >= this.#pieceSize) this.#flush()
  }

  #added(size: number): void {
    this.#size += size
    this.#chunkCount++
    if (size > this.#maxChunkSize) this.#maxChunkSize = size
  }

  #open(): void {
    this.#segment++
    this.#out.append(segmentHeader())
    this.#size = SEGMENT_HEADER_SIZE
  }

  #close(): void {
    this.#flush()
    this.#files.push({ path: segmentFileName(this.#segment), size: this.#size })
    this.#size = 0
  }

  #flush(): void {
    if (this.#out.length === 0) return
    this.#write(segmentFileName(this.#segment), this.#out.takeBytes())
  }
}
