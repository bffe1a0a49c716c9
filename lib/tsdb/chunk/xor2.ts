/** The XOR2 float chunk (encoding 4): like XOR, with one control for time and value, stale markers, start timestamps. */
import { CorruptError } from '#lib/model/errors.ts'
import { STALE_HIGH, STALE_LOW } from '#lib/model/samples.ts'
import { type BitReader, loadBits } from './bit-reader.ts'
import type { ColumnBuilder } from './columns.ts'
import { StartTimestampReader } from './start-timestamps.ts'

const HEADER_SIZE = 3

export function decodeXor2(data: Uint8Array, into: ColumnBuilder): void {
  if (data.length < HEADER_SIZE) throw new CorruptError('chunk ends inside its header', data.length)
  const count = (data[0]! << 8) | data[1]!
  if (count === 0) return
  const header = data[2]!
  const reader = loadBits(data)
  reader.at = HEADER_SIZE * 8
  into.reserve(count)
  const starts = header === 0 ? undefined : into.startTimestamps()
  const startReader = new StartTimestampReader(header)
  const { timestamps, valueBits } = into
  const value = new Baseline()
  let timestamp = 0
  let delta = 0
  for (let i = 0, out = into.length; i < count; i++, out++) {
    const before = timestamp
    if (i === 0) {
      timestamp = reader.varint()
      value.readFirst(reader)
    } else if (i === 1) {
      delta = reader.uvarint()
      timestamp += delta
      value.read(reader)
    } else {
      delta += readJoint(reader, value)
      if (delta < 0) throw new CorruptError(`timestamp runs back in sample ${i}`, reader.at >>> 3)
      timestamp += delta
    }
    timestamps[out] = timestamp
    valueBits[out * 2] = value.stale ? STALE_LOW : value.low
    valueBits[out * 2 + 1] = value.stale ? STALE_HIGH : value.high
    if (starts) starts[out] = startReader.read(reader, i, timestamp, before)
    reader.expectWithin()
  }
  if (!Number.isSafeInteger(timestamp))
    throw new CorruptError('timestamp exceeds 2^53', HEADER_SIZE)
  into.commit(count)
}

/**
 * 0: no change of delta, same value. 10: value changed. 110 + 13 bits of delta of delta, 1110 + 20, 11110 + 64,
 * each with a value field. 11111: stale marker, no change of delta. Gives the delta of delta.
 */
function readJoint(reader: BitReader, value: Baseline): number {
  const word = reader.peek32()
  const ones = Math.min(5, Math.clz32(~word))
  reader.at += ones === 5 ? 5 : ones + 1
  value.stale = ones === 5
  let dod = 0
  switch (ones) {
    case 1:
      value.readChanged(reader)
      return 0
    case 2:
      reader.at += 13
      dod = (word << 3) >> 19
      break
    case 3:
      reader.at += 20
      dod = (word << 4) >> 12
      break
    case 4:
      dod = reader.int64()
      break
    default:
      return 0
  }
  value.read(reader)
  return dod
}

/** The value that is XOR-ed with; stale markers never become it. */
class Baseline {
  high = 0
  low = 0
  stale = false
  #leading = 0
  #size = 64

  readFirst(reader: BitReader): void {
    const high = reader.bits32()
    const low = reader.bits32()
    this.stale = high === STALE_HIGH && low === STALE_LOW
    if (this.stale) return
    this.high = high
    this.low = low
  }

  /** 0 same, 10 in the window, 110 with a new window, 111 stale. */
  read(reader: BitReader): void {
    const word = reader.peek32()
    this.stale = false
    if (word >= 0) {
      reader.at += 1
    } else if ((word & 0x4000_0000) === 0) {
      reader.at += 2
      this.#readBits(reader)
    } else {
      reader.at += 3
      if ((word & 0x2000_0000) === 0) this.#readWindow(reader)
      else this.stale = true
    }
  }

  /** 0 in the window, 1 with a new window. */
  readChanged(reader: BitReader): void {
    if (reader.bit() === 0) this.#readBits(reader)
    else this.#readWindow(reader)
  }

  #readWindow(reader: BitReader): void {
    const leading = reader.bits(5)
    const size = reader.bits(6) || 64
    if (leading + size > 64) {
      throw new CorruptError(`window of ${size} bits behind ${leading} zeros`, reader.at >>> 3)
    }
    this.#leading = leading
    this.#size = size
    this.#readBits(reader)
  }

  #readBits(reader: BitReader): void {
    const leading = this.#leading
    const size = this.#size
    const trailing = 64 - leading - size
    if (trailing >= 32) {
      this.high ^= reader.bits(size) << (trailing - 32)
    } else {
      this.high ^= reader.bits(32 - leading)
      this.low ^= reader.bits(32 - trailing) << trailing
    }
  }
}
