/** Appends big-endian fields to a buffer that doubles. */
import { crc32c } from './crc32c.ts'

export class ByteWriter {
  #bytes: Uint8Array
  #view: DataView
  length = 0

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity)
    this.#view = new DataView(this.#bytes.buffer)
  }

  /** The bytes so far; shares memory until the next append. */
  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.length)
  }

  clear(): void {
    this.length = 0
  }

  /** The bytes so far, which are the caller's to keep. Empty afterwards, with room for as many. */
  takeBytes(): Uint8Array {
    const bytes = this.bytes()
    // Not filled with zeros: whatever is read was written before.
    this.#bytes = new Uint8Array(Buffer.allocUnsafeSlow(this.#bytes.length).buffer)
    this.#view = new DataView(this.#bytes.buffer)
    this.length = 0
    return bytes
  }

  #grow(size: number): number {
    const start = this.length
    const needed = start + size
    if (needed > this.#bytes.length) {
      const bigger = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
      bigger.set(this.#bytes.subarray(0, start))
      this.#bytes = bigger
      this.#view = new DataView(bigger.buffer)
    }
    this.length = needed
    return start
  }

  uint8(value: number): void {
    const at = this.#grow(1)
    this.#bytes[at] = value
  }

  uint16(value: number): void {
    const at = this.#grow(2)
    this.#view.setUint16(at, value)
  }

  uint32(value: number): void {
    const at = this.#grow(4)
    this.#view.setUint32(at, value)
  }

  uint64(value: number): void {
    const at = this.#grow(8)
    this.#view.setUint32(at, Math.floor(value / 0x1_0000_0000))
    this.#view.setUint32(at + 4, value >>> 0)
  }

  float64(value: number): void {
    const at = this.#grow(8)
    this.#view.setFloat64(at, value)
  }

  /** Non-negative safe integers. */
  uvarint(value: number): void {
    let at = this.#grow(MAX_VARINT)
    const bytes = this.#bytes
    let rest = value
    for (; rest > 0x7fff_ffff; rest = Math.floor(rest / 128)) bytes[at++] = (rest % 128) + 128
    for (; rest >= 0x80; rest >>>= 7) bytes[at++] = (rest & 0x7f) | 0x80
    bytes[at++] = rest
    this.length = at
  }

  /** Zig-zag; safe integers. */
  varint(value: number): void {
    if ((value | 0) === value && value < 0x4000_0000 && value >= -0x4000_0000) {
      this.uvarint((value << 1) ^ (value >> 31))
      return
    }
    // 2·|value| may pass 2^53, so the lowest bit is split off before halving.
    const negative = value < 0
    const half = negative ? -value - 1 : value
    let low = (half % 64) * 2 + (negative ? 1 : 0)
    let rest = Math.floor(half / 64)
    while (rest > 0) {
      this.uint8(low + 128)
      low = rest % 128
      rest = Math.floor(rest / 128)
    }
    this.uint8(low)
  }

  append(bytes: Uint8Array): void {
    const at = this.#grow(bytes.length)
    this.#bytes.set(bytes, at)
  }

  /** Bytes [start, end) of them: short ones without a view. */
  appendRange(bytes: Uint8Array, start: number, end: number): void {
    const at = this.#grow(end - start)
    if (end - start > 32) this.#bytes.set(bytes.subarray(start, end), at)
    else for (let i = start; i < end; i++) this.#bytes[at + i - start] = bytes[i]!
  }

  /** uvarint length, then UTF-8. */
  string(text: string): void {
    const bytes = encoder.encode(text)
    this.uvarint(bytes.length)
    this.append(bytes)
  }

  /** Zero bytes until the length is a multiple of `size`. */
  align(size: number): void {
    const rest = this.length % size
    if (rest === 0) return
    const at = this.#grow(size - rest)
    this.#bytes.fill(0, at, this.length)
  }

  /** CRC-32C of [from, length), appended. */
  crc(from: number): void {
    this.uint32(crc32c(this.#bytes, from, this.length))
  }

  /** Writes over four bytes that were appended before. */
  patchUint32(at: number, value: number): void {
    this.#view.setUint32(at, value)
  }
}

/** Bytes of a varint at most. */
const MAX_VARINT = 10
const encoder = new TextEncoder()
