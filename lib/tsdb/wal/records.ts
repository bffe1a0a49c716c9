/** Records of a segment: cut into fragments that never cross the borders of pages, checksummed, compressed each by itself. */
import { CorruptError, isKind } from '#lib/model/errors.ts'
import { ByteReader } from '#lib/bytes/byte-reader.ts'
import { crc32c } from '#lib/bytes/crc32c.ts'
import { decodeSnappy, snappyFirstByte, snappyLength } from '#lib/bytes/snappy.ts'

const PAGE_BYTES = 32_768
/** Type and flags 1B, length 2B, CRC-32C of the data 4B. */
const HEADER_BYTES = 7

const PADDING = 0
const FULL = 1
const FIRST = 2
const LAST = 4
const TYPE_MASK = 0b0_0111
const SNAPPY = 0b0_1000
const ZSTD = 0b1_0000

/** Of snappy: a length, a tag with its size, and a byte. */
const MIN_BEGIN_BYTES = 11

/** No snappy copy gives more than 64 bytes for its three. */
const MAX_SNAPPY_RATIO = 22

/** May throw anything where the bytes are not what it reads; should bound what it gives. */
export type Decompress = (bytes: Uint8Array) => Uint8Array

/**
 * Gives every whole record in `bytes`, which are those of a segment from `offset` on, and returns the offset behind the last
 * one: where to go on when there are more bytes. A record that has no end yet is left for then, so in a segment
 * that nobody writes any more, bytes behind the offset returned are a torn record.
 * What `onRecord` gets may share memory with `bytes`. Records whose first byte, their type, is not wanted may be left out, which saves
 * most of the work. CorruptError counts from the start of `bytes`.
 */
export function readRecords(
  bytes: Uint8Array,
  offset: number,
  decodeZstd: Decompress,
  onRecord: (record: Uint8Array) => void,
  isWanted?: (type: number) => boolean,
): number {
  /** Behind the last whole record. */
  let done = 0
  let parts: Uint8Array[] = []
  let at = 0
  while (at < bytes.length) {
    const pageEnd = at + PAGE_BYTES - ((offset + at) % PAGE_BYTES)
    const head = bytes[at]!
    if (head === PADDING) {
      expectZeros(bytes, at, Math.min(pageEnd, bytes.length))
      if (pageEnd > bytes.length) break
      at = pageEnd
      if (parts.length === 0) done = at
      continue
    }
    if (pageEnd - at < HEADER_BYTES) throw new CorruptError('WAL record where a page ends', at)
    if (bytes.length - at < HEADER_BYTES) break
    const header = new ByteReader(bytes, at + 1)
    const end = at + HEADER_BYTES + header.uint16()
    if (end > pageEnd) throw new CorruptError('WAL record goes beyond its page', at)
    if (end > bytes.length) break
    const fragment = bytes.subarray(at + HEADER_BYTES, end)
    if (header.uint32() !== crc32c(fragment))
      throw new CorruptError('WAL record has another crc', at)
    expectPlace(head, parts.length > 0, at)
    parts.push(fragment)
    const type = head & TYPE_MASK
    if (type === FULL || type === LAST) {
      if (!isWanted || mayBeWanted(parts[0]!, head, isWanted)) {
        onRecord(decompressed(joined(parts), head, decodeZstd, done))
      }
      parts = []
      done = end
    }
    at = end
  }
  return offset + done
}

function expectZeros(bytes: Uint8Array, from: number, to: number): void {
  for (let i = from; i < to; i++) {
    if (bytes[i] !== 0) throw new CorruptError('WAL page is not padded with zeros', i)
  }
}

/** Full and first fragments begin a record, the others go on with one. */
function expectPlace(head: number, open: boolean, at: number): void {
  const type = head & TYPE_MASK
  const flags = head & ~TYPE_MASK
  if (type === PADDING || type > LAST || (flags !== 0 && flags !== SNAPPY && flags !== ZSTD)) {
    throw new CorruptError(`WAL record type ${head}`, at)
  }
  const begins = type === FULL || type === FIRST
  if (begins === open) {
    throw new CorruptError(open ? 'WAL record has no end' : 'WAL record has no beginning', at)
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!
  let size = 0
  for (const part of parts) size += part.length
  const whole = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** By how the record begins; what only decompressing can tell may be wanted, and so may what is corrupt. */
function mayBeWanted(
  begin: Uint8Array,
  flags: number,
  isWanted: (type: number) => boolean,
): boolean {
  if ((flags & ZSTD) !== 0 || begin.length < MIN_BEGIN_BYTES) return true
  const type = (flags & SNAPPY) === 0 ? begin[0] : snappyFirstByte(begin)
  return type === undefined || isWanted(type)
}

/** `at` is where the record begins, for errors. */
function decompressed(
  record: Uint8Array,
  flags: number,
  decodeZstd: Decompress,
  at: number,
): Uint8Array {
  if ((flags & (SNAPPY | ZSTD)) === 0) return record
  try {
    if (flags & ZSTD) return decodeZstd(record)
    if (snappyLength(record) > record.length * MAX_SNAPPY_RATIO) {
      throw new CorruptError('snappy data gives less than it says', 0)
    }
    return decodeSnappy(record)
  } catch (cause) {
    const reason = isKind(cause, 'corrupt') ? cause.message : 'no zstd data'
    throw new CorruptError(`WAL record cannot be decompressed: ${reason}`, at, { cause })
  }
}
