/** Reads bits, most significant first, from a private copy of a chunk with room behind its end. */
import { CorruptError } from '#lib/model/errors.ts'

/** One sample of the widest kind with fixed fields may be read past the end before the check that ends it. */
const SLACK = 64

/** Bit positions are int32. */
const MAX_BYTES = 1 << 27

/**
 * Reads never leave the copy: past the end they give zero bits. A loop over samples or buckets calls `expectWithin`
 * once per turn, and each turn reads less than `SLACK` bytes.
 */
export class BitReader {
  /** The chunk, then `SLACK` zero bytes or more. */
  bytes: Uint8Array = new Uint8Array(4096)
  view: DataView = new DataView(this.bytes.buffer)
  /** The next bit. */
  at = 0
  /** Exclusive. */
  endBit = 0

  load(data: Uint8Array): void {
    if (data.length > MAX_BYTES) throw new CorruptError(`chunk of ${data.length} bytes`, 0)
    const needed = data.length + SLACK
    if (needed > this.bytes.length) {
      this.bytes = new Uint8Array(needed * 2)
      this.view = new DataView(this.bytes.buffer)
    }
    this.bytes.set(data)
    this.bytes.fill(0, data.length, needed)
    this.at = 0
    this.endBit = data.length * 8
  }

  expectWithin(): void {
    if (this.at > this.endBit) {
      throw new CorruptError('chunk ends inside a sample', this.endBit >>> 3)
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
    if (!Number.isSafeInteger(value)) throw new CorruptError('int64 exceeds 2^53', at >>> 3)
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
    throw new CorruptError('uvarint overflows', at >>> 3)
  }

  /** As Go's ReadVarint (zig-zag), from any bit. */
  varint(): number {
    const at = this.at
    let byte = this.bits(8)
    const negative = (byte & 1) === 1
    let half = (byte & 0x7f) >>> 1
    let scale = 64
    for (let i = 1; byte >= 0x80; i++) {
      if (i === 10) throw new CorruptError('varint overflows', at >>> 3)
      byte = this.bits(8)
      half += (byte & 0x7f) * scale
      scale *= 128
    }
    if (half > Number.MAX_SAFE_INTEGER) throw new CorruptError('varint exceeds 2^53', at >>> 3)
    return negative ? -half - 1 : half
  }
}

const shared = new BitReader()

/** The one reader all decoders share, holding `data`: they are synchronous and never nest. */
export function loadBits(data: Uint8Array): BitReader {
  shared.load(data)
  return shared
}
