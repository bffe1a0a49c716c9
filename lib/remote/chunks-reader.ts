/** Remote read's streamed answer as it comes in: pieces of any size → frames → series with their chunks. */
import { crc32c } from '#lib/bytes/crc32c.ts'
import { ProtoReader } from '#lib/bytes/protobuf.ts'
import { CorruptError } from '#lib/model/errors.ts'
import type { Labels } from '#lib/model/labels.ts'
import type { ReadyChunk } from '#lib/tsdb/chunk/chunk.ts'

/** What Prometheus's own client takes. */
const MAX_FRAME_BYTES = 50_000_000
const CRC_BYTES = 4
/** The longest length, and the checksum. */
const MAX_HEAD_BYTES = 5 + CRC_BYTES

/** Holds one frame, and that only until it is whole; those that are whole in one piece are views of it. Throws CorruptError; offsets count from the start of the answer. */
export class FrameSplitter {
  readonly #head = new Uint8Array(MAX_HEAD_BYTES)
  #headLength = 0
  /** Of the length that it begins with; 0 until its last byte has come. */
  #lengthBytes = 0
  #frame: Uint8Array<ArrayBuffer> | undefined
  #filled = 0
  #offset = 0
  #size = 0
  readonly #maxBytes: number

  constructor(maxBytes = MAX_FRAME_BYTES) {
    this.#maxBytes = maxBytes
  }

  /** The messages that end in this piece, which is not the caller's any more. To be read to the end. */
  *push(piece: Uint8Array): IterableIterator<Uint8Array> {
    let at = 0
    while (at < piece.length) {
      if (this.#headLength === 0) {
        const start = this.#wholeFrame(piece, at)
        if (start !== undefined) {
          const end = start + this.#size
          at = end
          yield piece.subarray(start, end)
          continue
        }
      }
      if (this.#frame === undefined) {
        const byte = piece[at++]!
        this.#head[this.#headLength++] = byte
        this.#offset++
        if (this.#lengthBytes === 0) this.#lengthByte(byte)
        else if (this.#headLength === this.#lengthBytes + CRC_BYTES) this.#begin()
      } else {
        const size = Math.min(piece.length - at, this.#frame.length - this.#filled)
        this.#frame.set(piece.subarray(at, at + size), this.#filled)
        this.#filled += size
        this.#offset += size
        at += size
      }
      if (this.#frame !== undefined && this.#filled === this.#frame.length) yield this.#finish()
    }
  }

  /** To be called when nothing more comes. */
  end(): void {
    if (this.#headLength > 0) throw new CorruptError('the answer ends within a frame', this.#offset)
  }

  /** Where the message of a frame begins that is whole in this piece; then `#size` is its length, and it is verified. */
  #wholeFrame(piece: Uint8Array, from: number): number | undefined {
    let size = 0
    let scale = 1
    let at = from
    for (;;) {
      if (at === piece.length || at - from === MAX_HEAD_BYTES - CRC_BYTES) return undefined
      const byte = piece[at++]!
      size += (byte & 0x7f) * scale
      if (byte < 0x80) break
      scale *= 128
    }
    const start = at + CRC_BYTES
    if (start + size > piece.length || size > this.#maxBytes) return undefined
    this.#offset += start + size - from
    this.#size = size
    this.#verify(crc32c(piece, start, start + size), piece, at)
    return start
  }

  #verify(crc: number, bytes: Uint8Array, at: number): void {
    const high = (bytes[at]! << 24) | (bytes[at + 1]! << 16)
    const recorded = (high | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
    if (crc !== recorded) throw new CorruptError('checksum of a frame', this.#offset)
  }

  #lengthByte(byte: number): void {
    if (byte < 0x80) this.#lengthBytes = this.#headLength
    else if (this.#headLength === MAX_HEAD_BYTES - CRC_BYTES) {
      throw new CorruptError('length of a frame overflows', this.#offset)
    }
  }

  #begin(): void {
    const head = this.#head
    let size = 0
    for (let i = 0; i < this.#lengthBytes; i++) size += (head[i]! & 0x7f) * 2 ** (7 * i)
    if (size > this.#maxBytes) {
      throw new CorruptError(`frame of ${size} bytes, more than ${this.#maxBytes}`, this.#offset)
    }
    this.#frame = new Uint8Array(size)
    this.#filled = 0
  }

  #finish(): Uint8Array<ArrayBuffer> {
    const frame = this.#frame!
    this.#verify(crc32c(frame), this.#head, this.#headLength - CRC_BYTES)
    this.#frame = undefined
    this.#headLength = 0
    this.#lengthBytes = 0
    return frame
  }
}

/** Part of a series: one that is larger than a frame goes on in the next, with its labels again. */
export interface ChunkedSeries {
  readonly labels: Labels
  /** Their data share the frame's memory. */
  readonly chunks: readonly ReadyChunk[]
}

export interface ChunkedFrame {
  readonly queryIndex: number
  readonly series: readonly ChunkedSeries[]
}

export function readFrame(message: Uint8Array): ChunkedFrame {
  const reader = new ProtoReader(message)
  const series: ChunkedSeries[] = []
  let queryIndex = 0
  while (reader.next()) {
    if (reader.field === 1) series.push(readSeries(reader.message()))
    else if (reader.field === 2) queryIndex = reader.int()
    else reader.skip()
  }
  return { queryIndex, series }
}

function readSeries(reader: ProtoReader): ChunkedSeries {
  const labels: string[] = []
  const chunks: ReadyChunk[] = []
  while (reader.next()) {
    if (reader.field === 1) readLabel(reader.message(), labels)
    else if (reader.field === 2) chunks.push(readChunk(reader.message()))
    else reader.skip()
  }
  return { labels, chunks }
}

/** Appends name and value. */
export function readLabel(reader: ProtoReader, into: string[]): void {
  let name = ''
  let value = ''
  while (reader.next()) {
    if (reader.field === 1) name = reader.string()
    else if (reader.field === 2) value = reader.string()
    else reader.skip()
  }
  into.push(name, value)
}

function readChunk(reader: ProtoReader): ReadyChunk {
  let minTimeMs = 0
  let maxTimeMs = 0
  let encoding = 0
  let data: Uint8Array = NO_BYTES
  while (reader.next()) {
    if (reader.field === 1) minTimeMs = reader.int()
    else if (reader.field === 2) maxTimeMs = reader.int()
    else if (reader.field === 3) encoding = reader.int()
    else if (reader.field === 4) data = reader.bytes()
    else reader.skip()
  }
  return { minTimeMs, maxTimeMs, encoding, data }
}

const NO_BYTES = new Uint8Array(0)
