/** The first three bytes of histogram chunks. */
import type { BitReader } from './bit-reader.ts'

export interface ChunkHeader {
  readonly count: number
  /** One of `CounterResetHeader`. */
  readonly counterReset: number
  /** The start timestamp header, 0 where there is none. */
  readonly starts: number
}

/** Plain: count 16 bits, flags 2 bits, 6 unused. With start timestamps: flags 2 bits, count 14 bits, header 8 bits. */
export function readHeader(reader: BitReader, withStarts: boolean): ChunkHeader {
  const first = reader.bits(16)
  const last = reader.bits(8)
  reader.expectWithin()
  return withStarts
    ? { count: first & 0x3fff, counterReset: first >>> 14, starts: last }
    : { count: first, counterReset: last >>> 6, starts: 0 }
}
