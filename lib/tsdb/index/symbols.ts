/** The symbol table: every label name and value of a block once, decoded when asked for. */
import { CorruptError } from '#lib/model/errors.ts'
import { ByteReader, utf8 } from '#lib/bytes/byte-reader.ts'
import type { IndexVersion } from './toc.ts'

/**
 *  ┌──────────┬────────────┬──────────────────────────────┬─────────┐
 *  │ size 4B  │ count 4B   │ uvarint length, UTF-8 bytes… │ crc 4B  │
 *  └──────────┴────────────┴──────────────────────────────┴─────────┘
 * Sorted by bytes and unique. Series refer to a symbol by its number, in version 1 by its file offset.
 */
export function parseSymbols(
  section: Uint8Array,
  version: IndexVersion,
  sectionOffset: number,
): Symbols {
  const frame = new ByteReader(section)
  const size = frame.uint32()
  const from = frame.offset
  frame.skip(size)
  frame.expectCrc(from)
  const reader = new ByteReader(section, from, from + size)
  const count = reader.uint32()
  if (count > reader.remaining) {
    throw new CorruptError(`${count} symbols in ${reader.remaining} bytes`, from)
  }
  const offsets = new Uint32Array(count)
  for (let i = 0; i < count; i++) {
    offsets[i] = reader.offset
    reader.skip(reader.uvarint32())
  }
  if (reader.remaining > 0) {
    throw new CorruptError(`${reader.remaining} bytes behind the last symbol`, reader.offset)
  }
  return new Symbols(section.subarray(0, reader.end), offsets, version, sectionOffset)
}

export class Symbols {
  readonly #bytes: Uint8Array
  /** Of each symbol's length field. */
  readonly #offsets: Uint32Array
  readonly #version: IndexVersion
  readonly #sectionOffset: number
  readonly #cache = new Map<number, string>()

  constructor(
    bytes: Uint8Array,
    offsets: Uint32Array,
    version: IndexVersion,
    sectionOffset: number,
  ) {
    this.#bytes = bytes
    this.#offsets = offsets
    this.#version = version
    this.#sectionOffset = sectionOffset
  }

  get size(): number {
    return this.#offsets.length
  }

  /** By what series entries refer with: a number, in version 1 a file offset. */
  lookup(ref: number): string {
    const cached = this.#cache.get(ref)
    if (cached !== undefined) return cached
    const text = this.at(this.#version === 1 ? this.#indexOfOffset(ref) : ref)
    this.#cache.set(ref, text)
    return text
  }

  /** The symbol with this number in sorted order, not kept. */
  at(index: number): string {
    const offset = this.#offsets[index]
    if (offset === undefined) {
      throw new CorruptError(`symbol ${index} of ${this.#offsets.length}`, 4)
    }
    const reader = new ByteReader(this.#bytes, offset)
    const size = reader.uvarint32()
    return utf8(this.#bytes, reader.offset, reader.offset + size)
  }

  /** The numbers, in sorted order, of what series entries refer to with `refs`. */
  indexesOf(refs: readonly number[]): readonly number[] {
    if (this.#version === 1) return refs.map((ref) => this.#indexOfOffset(ref))
    const { length } = this.#offsets
    for (const ref of refs) {
      if (ref >= length) throw new CorruptError(`symbol ${ref} of ${length}`, 4)
    }
    return refs
  }

  /** The other way. */
  refOf(index: number): number {
    return this.#version === 1 ? this.#offsets[index]! + this.#sectionOffset : index
  }

  /** A view of the symbol with this number in sorted order: uvarint length, UTF-8. */
  encoded(index: number): Uint8Array {
    // Symbols follow each other without gaps; the last reaches to the end.
    return this.#bytes.subarray(this.#offsets[index], this.#offsets[index + 1])
  }

  /** What series would refer to `text` with, -1 when no series has it. */
  find(text: string): number {
    const wanted = encoder.encode(text)
    let low = 0
    let high = this.#offsets.length - 1
    while (low <= high) {
      const middle = (low + high) >>> 1
      const reader = new ByteReader(this.#bytes, this.#offsets[middle])
      const size = reader.uvarint32()
      const order = compareBytes(this.#bytes, reader.offset, reader.offset + size, wanted)
      if (order === 0) {
        return this.refOf(middle)
      }
      if (order < 0) low = middle + 1
      else high = middle - 1
    }
    return -1
  }

  /** In sorted order. */
  *[Symbol.iterator](): IterableIterator<string> {
    for (let i = 0; i < this.#offsets.length; i++) yield this.at(i)
  }

  #indexOfOffset(ref: number): number {
    const wanted = ref - this.#sectionOffset
    let low = 0
    let high = this.#offsets.length - 1
    while (low <= high) {
      const middle = (low + high) >>> 1
      const offset = this.#offsets[middle]!
      if (offset === wanted) return middle
      if (offset < wanted) low = middle + 1
      else high = middle - 1
    }
    throw new CorruptError(`no symbol at offset ${ref}`, Math.max(0, wanted))
  }
}

const encoder = new TextEncoder()

/** Orders bytes [start, end) against `other`. */
export function compareBytes(
  bytes: Uint8Array,
  start: number,
  end: number,
  other: Uint8Array,
): number {
  const length = Math.min(end - start, other.length)
  for (let i = 0; i < length; i++) {
    const difference = bytes[start + i]! - other[i]!
    if (difference !== 0) return difference
  }
  return end - start - other.length
}
