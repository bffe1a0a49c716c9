/** Reads the chunks of one segment file front to back, in large pieces, the next of which is on its way. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { crc32c } from '#lib/bytes/crc32c.ts'
import { ByteReader } from '#lib/bytes/byte-reader.ts'
import { CorruptError } from '#lib/model/errors.ts'
import type { FrameList } from '#lib/tsdb/chunk/frame-list.ts'
import { MAX_CHUNK_OVERHEAD } from '#lib/tsdb/chunk/chunk-frame.ts'

export interface SegmentFile {
  readonly bucket: Bucket
  readonly key: string
  readonly size: number
  /** How much is read at once, and how much is asked for ahead. */
  readonly pieceBytes: number
  readonly signal?: AbortSignal | undefined
}

interface Piece {
  readonly start: number
  readonly bytes: Uint8Array
}

/** Chunks may be asked for in any order; asked for in the order of the file, each byte is read once. */
export class SegmentStream {
  readonly #file: SegmentFile
  #piece: Piece = { start: 0, bytes: new Uint8Array(0) }
  #size = 0
  #next: { readonly start: number; readonly piece: Promise<Piece> } | undefined

  constructor(file: SegmentFile) {
    this.#file = file
  }

  /** Adds the chunk whose size field is at `offset`. False where it is not in memory: then `load` first. Throws CorruptError. */
  addTo(frames: FrameList, offset: number, minTimeMs: number, maxTimeMs: number): boolean {
    const { start, bytes } = this.#piece
    const at = offset - start
    if (at < 0 || at >= bytes.length) return false
    const dataStart = this.#dataStartOf(at)
    const end = dataStart + this.#size + 4
    if (end > bytes.length) return false
    const sum = crc32c(bytes, dataStart - 1, end - 4)
    const same =
      bytes[end - 4] === sum >>> 24 &&
      bytes[end - 3] === ((sum >>> 16) & 0xff) &&
      bytes[end - 2] === ((sum >>> 8) & 0xff) &&
      bytes[end - 1] === (sum & 0xff)
    if (!same) throw new CorruptError('checksum of the chunk differs', offset).in(this.#file.key)
    frames.add(minTimeMs, maxTimeMs, bytes, at, dataStart, end)
    return true
  }

  /** Makes the chunk at `offset` be in memory. Rejects with CorruptError where the file ends before. */
  async load(offset: number): Promise<void> {
    const { key, size, pieceBytes } = this.#file
    for (let wanted = pieceBytes; ; wanted *= 2) {
      if (offset + MIN_CHUNK_BYTES > size) {
        throw new CorruptError(`no chunk, the file has ${size} bytes`, offset).in(key)
      }
      if (await this.#goOn(offset)) return
      this.#piece = await this.#read(offset, Math.min(offset + wanted, size))
      const { start, bytes } = this.#piece
      const end = this.#dataStartOf(offset - start) + this.#size + 4
      if (end <= bytes.length) break
      if (start + bytes.length === size) {
        throw new CorruptError(`chunk ends at byte ${start + end} of ${size}`, offset).in(key)
      }
    }
  }

  /** Takes what is on its way, without copying it: only of a chunk over its border there is a piece of its own. False where that is not enough. */
  async #goOn(offset: number): Promise<boolean> {
    const next = this.#next
    if (!next) return false
    const { start, bytes } = this.#piece
    if (offset >= next.start) {
      const piece = await next.piece
      if (offset >= piece.start + piece.bytes.length) return false
      this.#piece = piece
      this.#fetchAhead(piece)
      return this.#dataStartOf(offset - piece.start) + this.#size + 4 <= piece.bytes.length
    }
    if (offset < start || start + bytes.length !== next.start) return false
    const rest = bytes.subarray(offset - start)
    const { bytes: more } = await next.piece
    const reader = new ByteReader(joined(rest, more.subarray(0, MAX_CHUNK_OVERHEAD)))
    const wanted = reader.uvarint() + reader.offset + MAX_CHUNK_OVERHEAD
    if (wanted > rest.length + more.length) return false
    const taken = Math.max(0, wanted - rest.length)
    this.#piece = { start: offset, bytes: joined(rest, more.subarray(0, taken)) }
    return taken > 0
  }

  /** Relative to the piece; past its end where even the size is not whole. Leaves the size of the data in `#size`. */
  #dataStartOf(at: number): number {
    const { bytes } = this.#piece
    if (bytes.length - at < MAX_CHUNK_OVERHEAD && !this.#isLast()) return Infinity
    const first = bytes[at]!
    const second = bytes[at + 1]!
    if (first >= 0x80 && second < 0x80) {
      this.#size = (first & 0x7f) | (second << 7)
      return at + 3
    }
    const reader = new ByteReader(bytes, at)
    this.#size = reader.uvarint()
    return reader.offset + 1
  }

  #isLast(): boolean {
    return this.#piece.start + this.#piece.bytes.length >= this.#file.size
  }

  async #read(start: number, end: number): Promise<Piece> {
    const piece = await this.#ahead(start, end)
    this.#fetchAhead(piece)
    return piece
  }

  /** What follows the piece. */
  #fetchAhead({ start, bytes }: Piece): void {
    const { pieceBytes, size } = this.#file
    const nextStart = start + bytes.length
    this.#next = undefined
    if (nextStart >= size) return
    const piece = this.#fetch(nextStart, Math.min(nextStart + pieceBytes, size))
    // Whoever waits for it hears of its failure; until then it is nobody's.
    piece.catch(() => undefined)
    this.#next = { start: nextStart, piece }
  }

  /** With what is left of the piece before and what is on its way, where the range goes on from there. */
  async #ahead(start: number, end: number): Promise<Piece> {
    const { start: pieceStart, bytes } = this.#piece
    const pieceEnd = pieceStart + bytes.length
    const next = this.#next
    if (!next || next.start !== pieceEnd || start < pieceStart || start > pieceEnd) {
      return this.#fetch(start, end)
    }
    const { bytes: more } = await next.piece
    return { start, bytes: joined(bytes.subarray(start - pieceStart), more) }
  }

  async #fetch(start: number, end: number): Promise<Piece> {
    const { bucket, key, signal } = this.#file
    return { start, bytes: await bucket.getRange(key, start, end, { signal }) }
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}

/** Size, encoding and checksum of a chunk without data. */
const MIN_CHUNK_BYTES = 6
