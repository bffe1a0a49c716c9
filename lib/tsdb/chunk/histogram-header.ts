/** The first three bytes of histogram chunks. */
import { CorruptError } from '#lib/model/errors.ts'

export interface ChunkHeader {
  readonly count: number
  /** One of `CounterResetHeader`. */
  readonly counterReset: number
  /** The start timestamp header, 0 where there is none. */
  readonly starts: number
}

/** Plain: count 16 bits, flags 2 bits, 6 unused. With start timestamps: flags 2 bits, count 14 bits, header 8 bits. */
export function readHeader(data: Uint8Array, withStarts: boolean): ChunkHeader {
  if (data.length < 3) throw new CorruptError('chunk ends inside its header', data.length)
  const first = (data[0]! << 8) | data[1]!
  return withStarts
    ? { count: first & 0x3fff, counterReset: first >>> 14, starts: data[2]! }
    : { count: first, counterReset: data[2]! >>> 6, starts: 0 }
}
