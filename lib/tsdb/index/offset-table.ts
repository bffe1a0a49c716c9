/** The postings offset table: for each label name and value, where its postings list is. */
import { CorruptError } from '#lib/model/errors.ts'
import { compareUtf8 } from '#lib/model/labels.ts'
import { ByteReader, utf8 } from '#lib/bytes/byte-reader.ts'
import { compareBytes } from './symbols.ts'
import type { ByteRange } from './toc.ts'

export interface OffsetTableEntry {
  readonly name: string
  readonly value: string
  /** Of the list, in the file. */
  readonly offset: number
}

export interface PostingsListSize {
  readonly name: string
  readonly value: string
  readonly seriesCount: number
}

/** Length, count and checksum of a postings list. */
const LIST_OVERHEAD = 12

/**
 *  ┌─────────┬──────────┬────────────────────────────────────────────────────┬────────┐
 *  │ size 4B │ count 4B │ uvarint 2, name, value, uvarint offset of the list… │ crc 4B │
 *  └─────────┴──────────┴────────────────────────────────────────────────────┴────────┘
 * Sorted by name, then value (version 1: not). The first entry is ("", ""), all series.
 */
export function parsePostingsOffsetTable(section: Uint8Array): PostingsOffsetTable {
  const frame = new ByteReader(section)
  const size = frame.uint32()
  const from = frame.offset
  frame.skip(size)
  frame.expectCrc(from)
  const reader = new ByteReader(section, from, from + size)
  const count = reader.uint32()
  // Key count, two lengths and an offset, of a byte each at least.
  if (count * 4 > reader.remaining) {
    throw new CorruptError(`${count} postings offsets in ${reader.remaining} bytes`, from)
  }
  const valueAt = new Uint32Array(count)
  const offsets = new Float64Array(count)
  const names: NameRun[] = []
  let lastStart = -1
  let lastEnd = -1
  let sorted = true
  for (let i = 0; i < count; i++) {
    const keys = reader.uvarint32()
    if (keys !== 2) throw new CorruptError(`${keys} keys in a postings offset`, reader.offset)
    const nameSize = reader.uvarint32()
    const start = reader.offset
    reader.skip(nameSize)
    if (!sameBytes(section, lastStart, lastEnd, start, start + nameSize)) {
      const name = utf8(section, start, start + nameSize)
      if (names.length > 0 && compareUtf8(names[names.length - 1]!.name, name) >= 0) sorted = false
      if (names.length > 0) names[names.length - 1]!.end = i
      names.push({ name, start: i, end: count })
      lastStart = start
      lastEnd = start + nameSize
    }
    valueAt[i] = reader.offset
    reader.skip(reader.uvarint32())
    offsets[i] = reader.uvarint()
  }
  if (reader.remaining > 0) {
    throw new CorruptError(`${reader.remaining} bytes behind the last offset`, reader.offset)
  }
  const parsed = new PostingsOffsetTable(section, names, valueAt, offsets)
  return sorted && parsed.valuesAscend() ? parsed : parsed.sortedCopy()
}

/** The entries [start, end) of one label name. */
interface NameRun {
  name: string
  start: number
  end: number
}

/** Keeps 12 bytes per entry and the section itself; strings are decoded when asked for. */
export class PostingsOffsetTable {
  readonly #bytes: Uint8Array
  readonly #names: readonly NameRun[]
  readonly #byName: ReadonlyMap<string, NameRun>
  /** Of each entry's value length field, in the section. */
  readonly #valueAt: Uint32Array
  readonly #offsets: Float64Array
  #sortedOffsets: Float64Array | undefined
  /** Whether the section was sorted, as version 2 promises. */
  readonly isInOrder: boolean

  constructor(
    bytes: Uint8Array,
    names: readonly NameRun[],
    valueAt: Uint32Array,
    offsets: Float64Array,
    isInOrder = true,
  ) {
    this.isInOrder = isInOrder
    this.#bytes = bytes
    this.#names = names
    this.#byName = new Map(names.map((run) => [run.name, run]))
    this.#valueAt = valueAt
    this.#offsets = offsets
  }

  get size(): number {
    return this.#offsets.length
  }

  /** Sorted, without ''. */
  labelNames(): string[] {
    return this.#names.map((run) => run.name).filter((name) => name !== '')
  }

  /** Sorted. Empty when no series has the name. */
  labelValues(name: string): string[] {
    const run = this.#byName.get(name)
    const values: string[] = []
    if (run) for (let i = run.start; i < run.end; i++) values.push(this.#value(i))
    return values
  }

  /** How many values the name has. */
  valueCount(name: string): number {
    const run = this.#byName.get(name)
    return run ? run.end - run.start : 0
  }

  /** Where the postings list of a label pair is, undefined when there is none. ('', '') is all series. */
  find(name: string, value: string): number | undefined {
    const index = this.#indexOf(name, value)
    return index === -1 ? undefined : this.#offsets[index]
  }

  /**
   * The bytes of that list, up to where the next list begins (so up to three bytes of padding more);
   * `postingsEnd` is where the section ends.
   */
  findRange(name: string, value: string, postingsEnd: number): ByteRange | undefined {
    const start = this.find(name, value)
    if (start === undefined) return undefined
    return { start, end: this.#offsetAfter(start) ?? postingsEnd }
  }

  /** In order. */
  *entries(): IterableIterator<OffsetTableEntry> {
    for (const { name, start, end } of this.#names) {
      for (let i = start; i < end; i++) {
        yield { name, value: this.#value(i), offset: this.#offsets[i]! }
      }
    }
  }

  /** The entries of one name, in order. */
  *entriesOf(name: string): IterableIterator<OffsetTableEntry> {
    const run = this.#byName.get(name)
    if (!run) return
    for (let i = run.start; i < run.end; i++) {
      yield { name, value: this.#value(i), offset: this.#offsets[i]! }
    }
  }

  /** How long each list is, without that of all series; nothing but this table is read. */
  *lists(postingsEnd: number): IterableIterator<PostingsListSize> {
    for (const { name, value, offset } of this.entries()) {
      if (name === '') continue
      const size = (this.#offsetAfter(offset) ?? postingsEnd) - offset
      yield { name, value, seriesCount: Math.floor((size - LIST_OVERHEAD) / 4) }
    }
  }

  /** Whether the values of every name are in order, as version 2 promises. */
  valuesAscend(): boolean {
    for (const { start, end } of this.#names) {
      for (let i = start + 1; i < end; i++) {
        if (this.#compare(i - 1, this.#valueBytes(i)) >= 0) return false
      }
    }
    return true
  }

  /** Version 1 tables come in any order. */
  sortedCopy(): PostingsOffsetTable {
    const rows: { name: string; value: string; at: number }[] = []
    for (const { name, start, end } of this.#names) {
      for (let i = start; i < end; i++) rows.push({ name, value: this.#value(i), at: i })
    }
    rows.sort((a, b) => compareUtf8(a.name, b.name) || compareUtf8(a.value, b.value))
    const names: NameRun[] = []
    for (let i = 0; i < rows.length; i++) {
      const run = names[names.length - 1]
      if (run?.name === rows[i]!.name) run.end = i + 1
      else names.push({ name: rows[i]!.name, start: i, end: i + 1 })
    }
    return new PostingsOffsetTable(
      this.#bytes,
      names,
      Uint32Array.from(rows, ({ at }) => this.#valueAt[at]!),
      Float64Array.from(rows, ({ at }) => this.#offsets[at]!),
      false,
    )
  }

  #valueBytes(index: number): Uint8Array {
    const reader = new ByteReader(this.#bytes, this.#valueAt[index])
    return reader.take(reader.uvarint32())
  }

  #value(index: number): string {
    const reader = new ByteReader(this.#bytes, this.#valueAt[index])
    return reader.string()
  }

  #compare(index: number, wanted: Uint8Array): number {
    const bytes = this.#valueBytes(index)
    return compareBytes(bytes, 0, bytes.length, wanted)
  }

  #indexOf(name: string, value: string): number {
    const run = this.#byName.get(name)
    if (!run) return -1
    const wanted = encoder.encode(value)
    let low = run.start
    let high = run.end - 1
    while (low <= high) {
      const middle = (low + high) >>> 1
      const order = this.#compare(middle, wanted)
      if (order === 0) return middle
      if (order < 0) low = middle + 1
      else high = middle - 1
    }
    return -1
  }

  #offsetAfter(offset: number): number | undefined {
    const sorted = (this.#sortedOffsets ??= this.#offsets.slice().sort())
    let low = 0
    let high = sorted.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (sorted[middle]! <= offset) low = middle + 1
      else high = middle
    }
    return sorted[low]
  }
}

const encoder = new TextEncoder()

function sameBytes(
  bytes: Uint8Array,
  aStart: number,
  aEnd: number,
  bStart: number,
  bEnd: number,
): boolean {
  if (aStart < 0 || aEnd - aStart !== bEnd - bStart) return false
  for (let i = 0; i < aEnd - aStart; i++) {
    if (bytes[aStart + i] !== bytes[bStart + i]) return false
  }
  return true
}
