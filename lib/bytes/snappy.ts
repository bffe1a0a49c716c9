/** Snappy's block format, in which Prometheus's remote protocols compress their messages: a length, then literals and copies. */
import { CorruptError } from '#lib/model/errors.ts'
import { ByteReader } from './byte-reader.ts'

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

/** The first byte of what `decodeSnappy` would give, without the work; undefined where only that can tell. Throws CorruptError. */
export function snappyFirstByte(bytes: Uint8Array): number | undefined {
  const reader = new ByteReader(bytes)
  if (reader.uvarint32() === 0) return undefined
  const tag = reader.uint8()
  if ((tag & 3) !== 0) return undefined
  literalLength(reader, tag)
  return reader.uint8()
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
  const out = new Output(bytes.length)
  const table = new Uint16Array(1 << HASH_BITS)
  for (let start = 0; start < bytes.length; start += BLOCK_BYTES) {
    encodeBlock(out, bytes.subarray(start, start + BLOCK_BYTES), table)
  }
  return out.finish()
}

function encodeBlock(out: Output, block: Uint8Array, table: Uint16Array): void {
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
    out.literal(block, done, at)
    out.copy(at - before, size)
    at += size
    done = at
    misses = 32
  }
  out.literal(block, done, block.length)
}

function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
}

/** Bytes that never have to grow: nothing compresses to more than seven sixths of itself. */
class Output {
  readonly #bytes: Uint8Array
  #at = 0

  /** Begins with the length of what is to come. */
  constructor(length: number) {
    this.#bytes = new Uint8Array(32 + length + Math.ceil(length / 6))
    let rest = length
    for (; rest >= 0x80; rest >>>= 7) this.#bytes[this.#at++] = (rest & 0x7f) | 0x80
    this.#bytes[this.#at++] = rest
  }

  finish(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#bytes.subarray(0, this.#at))
  }

  /** [from, to) of a block. */
  literal(block: Uint8Array, from: number, to: number): void {
    const bytes = this.#bytes
    const last = to - from - 1
    if (last < 0) return
    if (last < 60) bytes[this.#at++] = last << 2
    else if (last < 256) {
      bytes[this.#at++] = 60 << 2
      bytes[this.#at++] = last
    } else {
      bytes[this.#at++] = 61 << 2
      bytes[this.#at++] = last & 0xff
      bytes[this.#at++] = last >>> 8
    }
    if (last > 32) {
      bytes.set(block.subarray(from, to), this.#at)
      this.#at += last + 1
    } else for (let i = from; i < to; i++) bytes[this.#at++] = block[i]!
  }

  /** Copies of at most 64 bytes, none shorter than four: no tag could say that cheaper. */
  copy(offset: number, size: number): void {
    const bytes = this.#bytes
    let rest = size
    while (rest > 0) {
      const length = rest > MAX_COPY && rest < MAX_COPY + 4 ? 60 : Math.min(rest, MAX_COPY)
      if (length <= 11 && offset < 2048) {
        bytes[this.#at++] = 1 | ((length - 4) << 2) | ((offset >>> 8) << 5)
        bytes[this.#at++] = offset & 0xff
      } else {
        bytes[this.#at++] = 2 | ((length - 1) << 2)
        bytes[this.#at++] = offset & 0xff
        bytes[this.#at++] = offset >>> 8
      }
      rest -= length
    }
  }
}
