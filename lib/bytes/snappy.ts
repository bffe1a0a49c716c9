/** Snappy's block format, in which Prometheus's remote protocols compress their messages: a length, then literals and copies. */
import { CorruptError } from '#lib/model/errors.ts'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'

/** Matches are looked for within blocks of this size, as the format's other writers do: two-byte offsets suffice. */
const BLOCK_BYTES = 65_536
const HASH_BITS = 14
/** The last bytes of a block are always literals, so that four bytes can be compared everywhere before. */
const TAIL_BYTES = 4
const MAX_COPY = 64

/** What `decodeSnappy` would give, in bytes. Throws CorruptError when there is no length. */
export function snappyLength(bytes: Uint8Array): number {
  return new ByteReader(bytes).uvarint32()
}

/** Throws CorruptError for anything but exactly the length that stands in front. */
export function decodeSnappy(bytes: Uint8Array): Uint8Array {
  const reader = new ByteReader(bytes)
  const out = new Uint8Array(reader.uvarint32())
  let length = 0
  while (reader.remaining > 0) {
    const at = reader.offset
    const tag = reader.uint8()
    if ((tag & 3) === 0) {
      const size = literalLength(reader, tag)
      if (size > out.length - length) throw new CorruptError('snappy literal is too long', at)
      out.set(reader.take(size), length)
      length += size
      continue
    }
    const { size, offset } = copyOf(reader, tag)
    if (offset === 0 || offset > length || size > out.length - length) {
      throw new CorruptError('snappy copy is out of bounds', at)
    }
    // A copy may run into what it writes, so it goes byte by byte unless it cannot.
    if (offset >= size) out.copyWithin(length, length - offset, length - offset + size)
    else for (let i = 0; i < size; i++) out[length + i] = out[length + i - offset]!
    length += size
  }
  if (length !== out.length) throw new CorruptError('snappy data ends early', bytes.length)
  return out
}

function literalLength(reader: ByteReader, tag: number): number {
  const short = tag >>> 2
  if (short < 60) return short + 1
  let size = 0
  for (let i = 0; i < short - 59; i++) size += reader.uint8() * 2 ** (8 * i)
  return size + 1
}

function copyOf(reader: ByteReader, tag: number): { size: number; offset: number } {
  if ((tag & 3) === 1) {
    return { size: 4 + ((tag >>> 2) & 7), offset: ((tag >>> 5) << 8) | reader.uint8() }
  }
  let offset = reader.uint8() + reader.uint8() * 256
  if ((tag & 3) === 3) offset += reader.uint8() * 65_536 + reader.uint8() * 16_777_216
  return { size: 1 + (tag >>> 2), offset }
}

export function encodeSnappy(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter(32 + bytes.length / 2)
  out.uvarint(bytes.length)
  const table = new Uint16Array(1 << HASH_BITS)
  for (let start = 0; start < bytes.length; start += BLOCK_BYTES) {
    encodeBlock(out, bytes.subarray(start, start + BLOCK_BYTES), table)
  }
  return out.bytes().slice()
}

function encodeBlock(out: ByteWriter, block: Uint8Array, table: Uint16Array): void {
  table.fill(0)
  const end = block.length - TAIL_BYTES
  /** What comes before is written. */
  let done = 0
  let at = 1
  // The longer nothing is found, the larger the steps: data that cannot be compressed is passed over quickly.
  let misses = 32
  while (at < end) {
    const word = wordAt(block, at)
    const slot = Math.imul(word, 0x1e35a7bd) >>> (32 - HASH_BITS)
    const before = table[slot]!
    table[slot] = at
    if (before >= at || wordAt(block, before) !== word) {
      at += misses++ >>> 5
      continue
    }
    let size = 4
    while (at + size < block.length && block[before + size] === block[at + size]) size++
    appendLiteral(out, block.subarray(done, at))
    appendCopy(out, at - before, size)
    at += size
    done = at
    misses = 32
  }
  appendLiteral(out, block.subarray(done))
}

function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
}

function appendLiteral(out: ByteWriter, literal: Uint8Array): void {
  const last = literal.length - 1
  if (last < 0) return
  if (last < 60) out.uint8(last << 2)
  else if (last < 256) {
    out.uint8(60 << 2)
    out.uint8(last)
  } else {
    out.uint8(61 << 2)
    out.uint8(last & 0xff)
    out.uint8(last >>> 8)
  }
  out.append(literal)
}

/** Copies of at most 64 bytes; none but the last is shorter than four, which no tag could say cheaper. */
function appendCopy(out: ByteWriter, offset: number, size: number): void {
  let rest = size
  while (rest > 0) {
    const length = rest > MAX_COPY && rest < MAX_COPY + 4 ? 60 : Math.min(rest, MAX_COPY)
    if (length >= 4 && length <= 11 && offset < 2048) {
      out.uint8(1 | ((length - 4) << 2) | ((offset >>> 8) << 5))
      out.uint8(offset & 0xff)
    } else {
      out.uint8(2 | ((length - 1) << 2))
      out.uint8(offset & 0xff)
      out.uint8(offset >>> 8)
    }
    rest -= length
  }
}
