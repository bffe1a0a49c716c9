/** Chunk encodings, and the decoder that knows them all. */
import { DomainError } from '#lib/model/errors.ts'
import type { ColumnBuilder } from './columns.ts'
import { decodeHistograms } from './histogram.ts'
import { decodeXor } from './xor.ts'
import { decodeXor2 } from './xor2.ts'

export const XOR = 1
export const HISTOGRAM = 2
export const FLOAT_HISTOGRAM = 3
export const XOR2 = 4
export const HISTOGRAM_ST = 5
export const FLOAT_HISTOGRAM_ST = 6
/** Thanos's downsampled chunk: five chunks in one, see aggregate.ts. */
export const AGGREGATE = 255

export interface EncodedChunk {
  readonly encoding: number
  readonly data: Uint8Array
}

/** A chunk that is written as it is. Times are its first and last sample's. */
export interface ReadyChunk extends EncodedChunk {
  readonly minTimeMs: number
  readonly maxTimeMs: number
}

/**
 * Adds the samples of a chunk, whose data are bytes [start, end), to the columns: at least those that are wanted. A chunk
 * that can't be read adds nothing.
 */
export function decodeChunk(
  encoding: number,
  bytes: Uint8Array,
  into: ColumnBuilder,
  start = 0,
  end = bytes.length,
): void {
  if (encoding === XOR) return decodeXor(bytes, into, start, end)
  switch (encoding) {
    case HISTOGRAM:
      return decodeHistograms('integer', false, bytes, into, start, end)
    case FLOAT_HISTOGRAM:
      return decodeHistograms('float', false, bytes, into, start, end)
    case XOR2:
      return decodeXor2(bytes.subarray(start, end), into)
    case HISTOGRAM_ST:
      return decodeHistograms('integer', true, bytes, into, start, end)
    case FLOAT_HISTOGRAM_ST:
      return decodeHistograms('float', true, bytes, into, start, end)
    case AGGREGATE:
      throw new DomainError('unsupported', `chunk encoding ${encoding} is five chunks, not one`)
    default:
      throw new DomainError('unsupported', `chunk encoding ${encoding} is not known`)
  }
}

/** Samples a chunk says it has, without decoding it; windows, for an aggregate chunk. */
export function chunkSampleCount(
  encoding: number,
  bytes: Uint8Array,
  start = 0,
  end = bytes.length,
): number {
  if (encoding === AGGREGATE) return windowCount(bytes, start, end)
  if (end - start < 2) return 0
  const count = (bytes[start]! << 8) | bytes[start + 1]!
  return encoding === HISTOGRAM_ST || encoding === FLOAT_HISTOGRAM_ST ? count & 0x3fff : count
}

/** The first of the five chunks counts: its size field, encoding and samples. */
function windowCount(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end && bytes[at]! >= 0x80) at++
  const isAbsent = at === start && bytes[at] === 0
  return isAbsent || end - at < 4 ? 0 : (bytes[at + 2]! << 8) | bytes[at + 3]!
}
