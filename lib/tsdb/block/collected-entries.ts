/** Index entries of series whose symbols are known only when all of them have come. */
import { compareLabels, compareUtf8, type Labels } from '#lib/model/labels.ts'
import { DomainError } from '#lib/model/errors.ts'
import { ByteReader } from '#lib/bytes/byte-reader.ts'
import { ByteWriter } from '#lib/bytes/byte-writer.ts'
import { ChunkPlaces } from '../index/chunk-places.ts'
import type { IndexWriter } from '../index/index-writer.ts'

/** Keeps symbols and, packed, the entries until `writeTo`. */
export class CollectedEntries {
  readonly #symbols = new Map<string, number>([['', 0]])
  /** Labels as provisional symbol numbers, then places of chunks. */
  readonly #entries = new ByteWriter(1 << 16)
  #lastLabels: Labels | undefined

  /** Labels ascend. */
  add(labels: Labels, places: ChunkPlaces): void {
    if (this.#lastLabels && compareLabels(this.#lastLabels, labels) >= 0) {
      throw new DomainError('invalid', `series ${JSON.stringify(labels)} is out of order`)
    }
    this.#lastLabels = labels
    const entries = this.#entries
    entries.uvarint(labels.length)
    for (const symbol of labels) entries.uvarint(this.#number(symbol))
    const { length, minTimes, maxTimes, segments, offsets } = places
    entries.uvarint(length)
    for (let i = 0; i < length; i++) {
      entries.varint(minTimes[i]!)
      entries.varint(maxTimes[i]! - minTimes[i]!)
      entries.uvarint(segments[i]!)
      entries.uvarint(offsets[i]!)
    }
  }

  writeTo(index: IndexWriter): void {
    const sorted = [...this.#symbols.keys()].sort(compareUtf8)
    index.addSymbols(sorted)
    const numbers = new Uint32Array(sorted.length)
    for (const [i, symbol] of sorted.entries()) numbers[this.#symbols.get(symbol)!] = i
    const entries = new ByteReader(this.#entries.bytes())
    const places = new ChunkPlaces()
    while (entries.remaining > 0) {
      const refs = new Uint32Array(entries.uvarint())
      for (let i = 0; i < refs.length; i++) refs[i] = numbers[entries.uvarint()]!
      places.clear()
      for (let left = entries.uvarint(); left > 0; left--) {
        const minTimeMs = entries.varint()
        const maxTimeMs = minTimeMs + entries.varint()
        places.add(minTimeMs, maxTimeMs, entries.uvarint(), entries.uvarint())
      }
      index.addEntry(refs, places)
    }
  }

  #number(text: string): number {
    let number = this.#symbols.get(text)
    if (number === undefined) this.#symbols.set(text, (number = this.#symbols.size))
    return number
  }
}
