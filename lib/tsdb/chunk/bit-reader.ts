/** Reads bits, most significant first, from a chunk with room behind its end: in place, or from a private copy. */
import { CorruptError } from '#lib/model/errors.ts'

/** One sample of the widest kind with fixed fields may be read past the end before the check that ends it. */
export const SLACK = 64

/** Bit positions are int32. */
const MAX_BYTES = 1 << 27

/**
 * Reads never leave the bytes: past the end of the chunk they give bits that mean nothing. A loop over samples or buckets
 * calls `expectWithin` once per turn, and each turn reads less than `SLACK` bytes.
 */
export class BitReader {
  /** The chunk, then `SLACK` bytes or more. */
  bytes: Uint8Array = new Uint8Array(4096)
  view: DataView = new DataView(this.bytes.buffer)
  /** The next bit. */
  at = 0
  /** Exclusive. */
  endBit = 0
  /** Where the chunk begins in `bytes`. */
  #start = 0
  #copy = this.bytes
  #copyView = this.view

  /** Bytes [start, end): read where they are if the bytes go on for `SLACK` more. They must not change meanwhile. */
  load(bytes: Uint8Array, start: number, end: number): void {
    if (end - start > MAX_BYTES) throw new CorruptError(`chunk of ${end - start} bytes`, 0)
    if (bytes.length - end >= SLACK && end <= MAX_BYTES) {
      if (bytes !== this.bytes) {
        this.bytes = bytes
        this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
      }
      this.#start = start
    } else {
      this.#copyFrom(bytes, start, end)
      this.#start = 0
    }
    this.at = this.#start * 8
    this.endBit = this.at + (end - start) * 8
  }

  #copyFrom(bytes: Uint8Array, start: number, end: number): void {
    const size = end - start
    if (size + SLACK > this.#copy.length) {
      this.#copy = new Uint8Array((size + SLACK) * 2)
      this.#copyView = new DataView(this.#copy.buffer)
    }
    this.bytes = this.#copy
    this.view = this.#copyView
    if (size === bytes.length) this.bytes.set(bytes)
    else this.bytes.set(bytes.subarray(start, end))
    this.bytes.fill(0, size, size + SLACK)
  }

  /** What errors name: the byte of the chunk that has bit `at`. */
  offsetOf(at: number): number {
    return (at >>> 3) - this.#start
  }

  expectWithin(): void {
    if (this.at > this.endBit) {
      throw new CorruptError('chunk ends inside a sample', this.offsetOf(this.endBit))
    }
  }

  /** The next 32 bits, left where they are. */
  peek32(): number {
    const byte = this.at >>> 3
    const shift = this.at & 7
    return (this.view.getInt32(byte) << shift) | (this.bytes[byte + 4]! >>> (8 - shift))
  }

  /** 32 bits, signed. */
  bits32(): number {
    const word = this.peek32()
    this.at += 32
    return word
  }

  bit(): number {
    const bit = (this.bytes[this.at >>> 3]! >>> (7 - (this.at & 7))) & 1
    this.at++
    return bit
  }

  /** 1 to 32 bits, unsigned. */
  bits(count: number): number {
    const word = this.peek32() >>> (32 - count)
    this.at += count
    return word
  }

  /** Two's complement; rejects what a double can't hold. */
  int64(): number {
    const at = this.at
    const value = this.bits32() * 0x1_0000_0000 + (this.bits32() >>> 0)
    if (!Number.isSafeInteger(value))
      throw new CorruptError('int64 exceeds 2^53', this.offsetOf(at))
    return value
  }

  /** As Go's ReadUvarint, from any bit. */
  uvarint(): number {
    const at = this.at
    let value = 0
    let scale = 1
    for (let i = 0; i < 10; i++) {
      const byte = this.bits(8)
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) break
        return value
      }
      scale *= 128
    }
    throw new CorruptError('uvarint overflows', this.offsetOf(at))
  }

  /** As Go's ReadVarint (zig-zag), from any bit. */
  varint(): number {
    const at = this.at
    let byte = this.bits(8)
    const negative = (byte & 1) === 1
    let half = (byte & 0x7f) >>> 1
    let scale = 64
    for (let i = 1; byte >= 0x80; i++) {
      if (i === 10) throw new CorruptError('varint overflows', this.offsetOf(at))
      byte = this.bits(8)
      half += (byte & 0x7f) * scale
      scale *= 128
    }
    if (half > Number.MAX_SAFE_INTEGER)
      throw new CorruptError('varint exceeds 2^53', this.offsetOf(at))
    return negative ? -half - 1 : half
  }
}

const shared = new BitReader()

/** The one reader all decoders share, over bytes [start, end): they are synchronous and never nest. */
export function loadBits(bytes: Uint8Array, start = 0, end = bytes.length): BitReader {
  shared.load(bytes, start, end)
  return shared
}
