/** Integers of variable size inside a bit stream: a run of ones says how many bits follow. */
import { CorruptError } from '#lib/model/errors.ts'
import type { BitReader } from './bit-reader.ts'
import type { BitWriter } from './bit-writer.ts'

/** Payload bits behind 0 to 8 ones. A zero ends the run, except after eight. */
const SIZES = [0, 3, 6, 9, 12, 18, 25, 56, 64] as const

export function readVarbitUint(reader: BitReader): number {
  const word = reader.peek32()
  const ones = Math.min(8, Math.clz32(~word))
  if (ones === 0) {
    reader.at += 1
    return 0
  }
  if (ones < 7) {
    const size = SIZES[ones]!
    reader.at += ones + 1 + size
    return (word << (ones + 1)) >>> (32 - size)
  }
  reader.at += 8
  const start = reader.at
  const high = ones === 7 ? reader.bits(24) : reader.bits(32)
  return safe(high * 0x1_0000_0000 + reader.bits(32), reader.offsetOf(start))
}

/** Of n bits, x stands for x, or for x − 2^n where x > 2^(n−1): the range leans to the positive side. */
export function readVarbitInt(reader: BitReader): number {
  const word = reader.peek32()
  if (word >= 0) {
    reader.at += 1
    return 0
  }
  const ones = Math.min(8, Math.clz32(~word))
  if (ones < 7) {
    const size = SIZES[ones]!
    reader.at += ones + 1 + size
    const bits = (word << (ones + 1)) >>> (32 - size)
    return bits > 1 << (size - 1) ? bits - (1 << size) : bits
  }
  reader.at += 8
  const start = reader.at
  let high = ones === 7 ? reader.bits(24) : reader.bits32()
  const low = reader.bits(32)
  if (ones === 7 && (high > 0x80_0000 || (high === 0x80_0000 && low > 0))) high -= 0x100_0000
  return safe(high * 0x1_0000_0000 + low, reader.offsetOf(start))
}

function safe(value: number, offset: number): number {
  if (!Number.isSafeInteger(value)) throw new CorruptError('varbit exceeds 2^53', offset)
  return value
}

/** Safe integers. */
export function writeVarbitInt(out: BitWriter, value: number): void {
  if (value === 0) {
    out.bits(0, 1)
    return
  }
  for (let ones = 1; ones < 7; ones++) {
    const size = SIZES[ones]!
    const half = 1 << (size - 1)
    if (value > -half && value <= half) {
      out.bits(ONES[ones]!, ones + 1)
      out.bits((value & ((1 << size) - 1)) >>> 0, size)
      return
    }
  }
  writeLong(out, value)
}

/** Safe integers, not negative. */
export function writeVarbitUint(out: BitWriter, value: number): void {
  if (value === 0) {
    out.bits(0, 1)
    return
  }
  for (let ones = 1; ones < 7; ones++) {
    const size = SIZES[ones]!
    if (value < 2 ** size) {
      out.bits(ONES[ones]!, ones + 1)
      out.bits(value, size)
      return
    }
  }
  writeLong(out, value)
}

/** 0, 10, 110, 1110… */
const ONES = [0b0, 0b10, 0b110, 0b1110, 0b11110, 0b111110, 0b1111110] as const

/** All safe integers fit 56 bits. */
function writeLong(out: BitWriter, value: number): void {
  out.bits(0b11111110, 8)
  out.bits((Math.floor(value / 0x1_0000_0000) & 0xff_ffff) >>> 0, 24)
  out.bits(value >>> 0, 32)
}
