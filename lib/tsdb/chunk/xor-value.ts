/** Floats of histogram chunks: each is XOR-ed with its predecessor and has a window of its own. */
import { CorruptError } from '#lib/model/errors.ts'
import { STALE_HIGH, STALE_LOW } from '#lib/model/samples.ts'
import type { BitReader } from './bit-reader.ts'
import type { BitWriter } from './bit-writer.ts'
import { writeShifted } from './xor.ts'

/** A row of floats and their windows; used again from chunk to chunk. */
export class XorValues {
  values = new Float64Array(0)
  /** [2i] low, [2i + 1] high half of value i. */
  bits = new Int32Array(0)
  /** 255 while a value has no window. */
  #leading = new Uint8Array(0)
  #trailing = new Uint8Array(0)

  /** Of the next chunk; there may be more room than for `count`. */
  reset(count: number): void {
    if (count > this.values.length) {
      this.values = new Float64Array(count)
      this.bits = new Int32Array(this.values.buffer)
      this.#leading = new Uint8Array(count)
      this.#trailing = new Uint8Array(count)
    }
    this.#leading.fill(255, 0, count)
  }

  /** 64 plain bits. */
  readFirst(reader: BitReader, index: number): void {
    this.bits[index * 2 + 1] = reader.bits32()
    this.bits[index * 2] = reader.bits32()
  }

  /** 0 same, 10 in the window, 11 with a new window. */
  readNext(reader: BitReader, index: number): void {
    const word = reader.peek32()
    if (word >= 0) {
      reader.at += 1
      return
    }
    let leading = this.#leading[index]!
    if ((word & 0x4000_0000) === 0) {
      reader.at += 2
      // Go's reader takes all 64 bits when there is no window; no writer does that.
      if (leading === 255) leading = 0
    } else {
      leading = (word >>> 25) & 31
      const size = (word >>> 19) & 63 || 64
      if (leading + size > 64) {
        throw new CorruptError(
          `window of ${size} bits behind ${leading} zeros`,
          reader.offsetOf(reader.at),
        )
      }
      this.#leading[index] = leading
      this.#trailing[index] = 64 - leading - size
      reader.at += 13
    }
    const trailing = this.#trailing[index]!
    if (trailing >= 32) {
      this.bits[index * 2 + 1]! ^= reader.bits(64 - leading - trailing) << (trailing - 32)
    } else {
      this.bits[index * 2 + 1]! ^= reader.bits(32 - leading)
      this.bits[index * 2]! ^= reader.bits(32 - trailing) << trailing
    }
  }

  /** The value at `at` in `from`, whose halves lie as in `bits`. */
  writeFirst(out: BitWriter, index: number, from: Int32Array, at: number): void {
    this.bits[index * 2] = from[at * 2]!
    this.bits[index * 2 + 1] = from[at * 2 + 1]!
    out.bits64(this.bits[index * 2 + 1]!, this.bits[index * 2]!)
  }

  writeNext(out: BitWriter, index: number, from: Int32Array, at: number): void {
    const xorLow = this.bits[index * 2]! ^ from[at * 2]!
    const xorHigh = this.bits[index * 2 + 1]! ^ from[at * 2 + 1]!
    this.bits[index * 2] = from[at * 2]!
    this.bits[index * 2 + 1] = from[at * 2 + 1]!
    if (xorLow === 0 && xorHigh === 0) {
      out.bits(0, 1)
      return
    }
    const zeros = xorHigh === 0 ? 31 : Math.clz32(xorHigh)
    const tail =
      xorLow === 0 ? 63 - Math.clz32(xorHigh & -xorHigh) : 31 - Math.clz32(xorLow & -xorLow)
    let leading = this.#leading[index]!
    let trailing = this.#trailing[index]!
    if (leading !== 255 && zeros >= leading && tail >= trailing) {
      out.bits(0b10, 2)
    } else {
      leading = this.#leading[index] = zeros
      trailing = this.#trailing[index] = tail
      out.bits((0b11 << 11) | (leading << 6) | ((64 - leading - trailing) & 63), 13)
    }
    writeShifted(out, xorHigh, xorLow, leading, trailing)
  }
}

/** Whether value `index`, given as halves, is the stale marker. */
export function isStaleBits(bits: Int32Array, index: number): boolean {
  return bits[index * 2] === STALE_LOW && bits[index * 2 + 1] === STALE_HIGH
}
