/** A chunk in its segment file: uvarint size, encoding, data, CRC-32C of encoding and data. */
import { CorruptError } from '#lib/model/errors.ts'
import { ByteReader } from '#lib/bytes/byte-reader.ts'

export const CHUNK_MAGIC = 0x85bd40dd
export const SEGMENT_HEADER_SIZE = 8

/** What a chunk has besides its data: at most five bytes of size, the encoding and the checksum. */
export const MAX_CHUNK_OVERHEAD = 10

export interface ChunkFrame {
  readonly encoding: number
  /** A view. */
  readonly data: Uint8Array
  /** Where the next chunk begins. */
  readonly end: number
}

/** The chunk whose size field is at `offset`. */
export function readChunk(bytes: Uint8Array, offset: number): ChunkFrame {
  const { start, end } = checkChunk(bytes, offset)
  return { encoding: bytes[start - 1]!, data: bytes.subarray(start, end), end: end + 4 }
}

/** The same without a view: data are [start, end), the encoding is the byte before. */
export function checkChunk(bytes: Uint8Array, offset: number): { start: number; end: number } {
  const reader = new ByteReader(bytes, offset)
  const size = reader.uvarint32()
  const start = reader.offset
  reader.skip(1 + size)
  reader.expectCrc(start)
  return { start: start + 1, end: start + 1 + size }
}

/** Bytes the frame of `size` bytes of data takes, from what its first bytes (five suffice) say. */
export function chunkFrameSize(bytes: Uint8Array, offset: number): number {
  const reader = new ByteReader(bytes, offset)
  const size = reader.uvarint32()
  return reader.offset - offset + 1 + size + 4
}

export function expectSegmentHeader(bytes: Uint8Array): void {
  const reader = new ByteReader(bytes)
  const magic = reader.uint32()
  if (magic !== CHUNK_MAGIC) throw new CorruptError(`segment magic ${magic.toString(16)}`, 0)
  const version = reader.uint8()
  if (version !== 1) throw new CorruptError(`segment version ${version}`, 4)
  reader.skip(3)
}

export function segmentHeader(): Uint8Array {
  return new Uint8Array([0x85, 0xbd, 0x40, 0xdd, 1, 0, 0, 0])
}

/** `chunks/000001` is segment 0. */
export function segmentFileName(segment: number): string {
  return `chunks/${String(segment + 1).padStart(6, '0')}`
}
