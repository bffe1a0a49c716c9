/** Reads big-endian fields from bytes it does not own. Every read is bounds-checked; every loop has an end. */
import { CorruptError } from '#lib/model/errors.ts'
import { crc32c } from './crc32c.ts'

export class ByteReader {
  readonly bytes: Uint8Array
  offset: number
  /** Exclusive. Never past the bytes. */
  readonly end: number

  constructor(bytes: Uint8Array, offset = 0, end = bytes.length) {
    if (offset < 0 || end > bytes.length || offset > end) {
      throw new CorruptError(`range ${offset}..${end} is outside ${bytes.length} bytes`, offset)
    }
    this.bytes = bytes
    this.offset = offset
    this.end = end
  }

  get remaining(): number {
    return this.end - this.offset
  }

  /** Moves on by `size` and gives the offset before. */
  #take(size: number): number {
    const start = this.offset
    if (size > this.end - start) {
      throw new CorruptError(`${size} bytes wanted, ${this.end - start} left`, start)
    }
    this.offset = start + size
    return start
  }

  skip(size: number): void {
    this.#take(size)
  }

  /** By bytes: most readers live for one field or two, and a DataView costs more than that. */
  #uint32At(at: number): number {
    const { bytes } = this
    const low = (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
    return ((bytes[at]! << 24) | low) >>> 0
  }

  uint8(): number {
    return this.bytes[this.#take(1)]!
  }

  uint16(): number {
    const at = this.#take(2)
    return (this.bytes[at]! << 8) | this.bytes[at + 1]!
  }

  uint32(): number {
    return this.#uint32At(this.#take(4))
  }

  /** Rejects what a double can't hold exactly. */
  uint64(): number {
    const start = this.#take(8)
    const high = this.#uint32At(start)
    if (high > 0x1f_ffff) throw new CorruptError('uint64 exceeds 2^53', start)
    return high * 0x1_0000_0000 + this.#uint32At(start + 4)
  }

  float64(): number {
    const { buffer, byteOffset } = this.bytes
    return new DataView(buffer, byteOffset + this.#take(8), 8).getFloat64(0)
  }

  /** At most ten bytes and at most 2^53. */
  uvarint(): number {
    const { bytes, offset } = this
    // One byte or two, nearly always.
    if (this.end - offset >= 2) {
      const first = bytes[offset]!
      if (first < 0x80) {
        this.offset = offset + 1
        return first
      }
      const second = bytes[offset + 1]!
      if (second < 0x80) {
        this.offset = offset + 2
        return (first & 0x7f) | (second << 7)
      }
    }
    return this.#longUvarint()
  }

  #longUvarint(): number {
    const start = this.offset
    let value = 0
    let scale = 1
    for (let i = 0; i < 10; i++) {
      const byte = this.uint8()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) break
        return value
      }
      scale *= 128
    }
    throw new CorruptError('uvarint overflows', start)
  }

  /** The bits of an int64 as a uvarint, as Go writes it: what is below zero takes ten bytes. Exact within ±2^53. */
  uvarintOfInt(): number {
    const { bytes, offset } = this
    if (this.end - offset < 10 || bytes[offset + 9] !== 1) return this.uvarint()
    let complement = 0
    let scale = 1
    for (let i = 0; i < 9; i++) {
      const byte = bytes[offset + i]!
      if (byte < 0x80) return this.uvarint()
      complement += (0xff - byte) * scale
      scale *= 128
    }
    if (complement >= Number.MAX_SAFE_INTEGER) throw new CorruptError('uvarint overflows', offset)
    this.offset = offset + 10
    return -complement - 1
  }

  /** At most five bytes and below 2^32. */
  uvarint32(): number {
    const start = this.offset
    const value = this.uvarint()
    if (value > 0xffff_ffff) throw new CorruptError('uvarint32 overflows', start)
    return value
  }

  /** Zig-zag. Exact within ±2^53. */
  varint(): number {
    const { bytes, offset, end } = this
    let small = 0
    for (let i = 0; i < 4 && offset + i < end; i++) {
      const byte = bytes[offset + i]!
      small |= (byte & 0x7f) << (7 * i)
      if (byte < 0x80) {
        this.offset = offset + i + 1
        return (small >>> 1) ^ -(small & 1)
      }
    }
    // Timestamps: 21 bits more.
    let high = 0
    for (let i = 4; i < 7 && offset + i < end; i++) {
      const byte = bytes[offset + i]!
      high |= (byte & 0x7f) << (7 * (i - 4))
      if (byte < 0x80) {
        this.offset = offset + i + 1
        const half = high * 0x800_0000 + (small >>> 1)
        return (small & 1) === 0 ? half : -half - 1
      }
    }
    return this.#longVarint()
  }

  #longVarint(): number {
    const start = this.offset
    let low = 0 // bits 0..27
    let high = 0 // bits 28..
    let shift = 0
    for (let i = 0; i < 10; i++) {
      const byte = this.uint8()
      if (i < 4) low += (byte & 0x7f) * 2 ** shift
      else high += (byte & 0x7f) * 2 ** (shift - 28)
      if (byte < 0x80) {
        // value = (high·2^28 + low); zig-zag: even → value/2, odd → -(value+1)/2
        const half = high * 2 ** 27 + Math.floor(low / 2)
        const value = low % 2 === 0 ? half : -half - 1
        if (!Number.isSafeInteger(value)) throw new CorruptError('varint exceeds 2^53', start)
        return value
      }
      shift += 7
    }
    throw new CorruptError('varint overflows', start)
  }

  /** A view of the next `size` bytes; shares memory. */
  take(size: number): Uint8Array {
    const start = this.#take(size)
    return this.bytes.subarray(start, start + size)
  }

  /** uvarint length, then that many bytes of UTF-8. */
  string(): string {
    const size = this.uvarint()
    const start = this.#take(size)
    return utf8(this.bytes, start, start + size)
  }

  /** The 4-byte CRC-32C here must be that of [from, this offset). */
  expectCrc(from: number): void {
    const at = this.offset
    const actual = crc32c(this.bytes, from, at)
    const expected = this.uint32()
    if (expected !== actual) {
      throw new CorruptError(`crc ${hex(actual)} where ${hex(expected)} is recorded`, at)
    }
  }
}

function hex(value: number): string {
  return value.toString(16).padStart(8, '0')
}

/** Decodes UTF-8 [start, end): short ASCII by hand, since a decoder call costs more than the string. */
export function utf8(bytes: Uint8Array, start: number, end: number): string {
  if (end - start < 16) {
    let text = ''
    for (let i = start; i < end; i++) {
      const byte = bytes[i]!
      if (byte >= 0x80) return decoder.decode(bytes.subarray(start, end))
      text += String.fromCharCode(byte)
    }
    return text
  }
  return decoder.decode(bytes.subarray(start, end))
}

const decoder = new TextDecoder()
