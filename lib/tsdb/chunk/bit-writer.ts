/** Appends bits, most significant first, to a buffer that doubles. */
import type { ByteWriter } from '#lib/bytes/byte-writer.ts'

export class BitWriter {
  #bytes: Uint8Array
  #view: DataView
  /** Bytes that are complete; always a multiple of four. */
  #at = 0
  /** The low `#fill` bits are the ones not yet in `#bytes`. */
  #word = 0
  #fill = 0

  constructor(capacity = 1024) {
    this.#bytes = new Uint8Array(capacity)
    this.#view = new DataView(this.#bytes.buffer)
  }

  clear(): void {
    this.#at = 0
    this.#word = 0
    this.#fill = 0
  }

  /** Bytes so far, the last one counted when it is begun. */
  get byteLength(): number {
    return this.#at + ((this.#fill + 7) >>> 3)
  }

  /** The low `count` bits of `value`, 1 to 32 of them; the bits above must be zero. */
  bits(value: number, count: number): void {
    const room = 32 - this.#fill
    if (count < room) {
      this.#word = (this.#word << count) | value
      this.#fill += count
      return
    }
    const rest = count - room
    // With nothing pending `#word` is 0, and `<< 32` being `<< 0` does no harm.
    this.#push((this.#word << room) | (value >>> rest))
    this.#word = rest === 0 ? 0 : value & ((1 << rest) - 1)
    this.#fill = rest
  }

  /** 64 bits as two halves. */
  bits64(high: number, low: number): void {
    this.bits(high >>> 0, 32)
    this.bits(low >>> 0, 32)
  }

  #push(word: number): void {
    if (this.#at + 8 > this.#bytes.length) {
      const bigger = new Uint8Array(Math.max(16, this.#bytes.length * 2))
      bigger.set(this.#bytes)
      this.#bytes = bigger
      this.#view = new DataView(bigger.buffer)
    }
    this.#view.setInt32(this.#at, word)
    this.#at += 4
  }

  /** A safe integer as Go's PutUvarint writes it. */
  uvarint(value: number): void {
    let rest = value
    while (rest >= 0x80) {
      this.bits((rest % 128) + 128, 8)
      rest = Math.floor(rest / 128)
    }
    this.bits(rest, 8)
  }

  /** A safe integer as Go's PutVarint writes it (zig-zag). */
  varint(value: number): void {
    const negative = value < 0
    const half = negative ? -value - 1 : value
    let low = (half % 64) * 2 + (negative ? 1 : 0)
    let rest = Math.floor(half / 64)
    while (rest > 0) {
      this.bits(low + 128, 8)
      low = rest % 128
      rest = Math.floor(rest / 128)
    }
    this.bits(low, 8)
  }

  /** What `finish` gives, without a copy in between. */
  appendTo(out: ByteWriter): void {
    out.appendRange(this.#bytes, 0, this.#at)
    const word = this.#fill === 0 ? 0 : this.#word << (32 - this.#fill)
    for (let left = this.#fill, shift = 24; left > 0; left -= 8, shift -= 8) {
      out.uint8((word >>> shift) & 0xff)
    }
  }

  /** A copy of the bytes, the last one filled up with zero bits. */
  finish(): Uint8Array {
    const length = this.byteLength
    const out = new Uint8Array(length)
    out.set(this.#bytes.subarray(0, this.#at))
    const word = this.#fill === 0 ? 0 : this.#word << (32 - this.#fill)
    for (let i = this.#at, shift = 24; i < length; i++, shift -= 8) out[i] = word >>> shift
    return out
  }
}
