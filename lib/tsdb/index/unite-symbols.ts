/** The symbols of several indexes together, not decoded, as a new index begins with them. */
import { ByteWriter } from '#lib/bytes/byte-writer.ts'
import { ByteReader } from '#lib/bytes/byte-reader.ts'
import { finishIndexHead, startIndexHead } from './index-head.ts'
import { compareBytes, type Symbols } from './symbols.ts'

export interface UnitedSymbols {
  /** Magic, version and symbol section. */
  readonly head: Uint8Array
  /** For each table: the new number of each of its symbols. */
  readonly numbers: readonly Uint32Array[]
}

/** Like Prometheus, also those that no series has any more, and always ''. */
export function uniteSymbols(tables: readonly Symbols[]): UnitedSymbols {
  const out = new ByteWriter(1 << 16)
  startIndexHead(out)
  let count = 0
  const numbers = tables.map(({ size }) => new Uint32Array(size))
  const heads = tables.map((table) => new Head(table))
  for (;;) {
    let least: Head | undefined
    for (const head of heads) {
      if (!head.isEnd && (!least || compareHeads(head, least) < 0)) least = head
    }
    if (count === 0 && least?.bytes.length !== 0) {
      out.string('')
      count++
    }
    if (!least) break
    const { bytes, encoded } = least
    out.append(encoded)
    for (let i = 0; i < heads.length; i++) {
      const head = heads[i]!
      if (head.isEnd || compareBytes(head.bytes, 0, head.bytes.length, bytes) !== 0) continue
      numbers[i]![head.index] = count
      head.next()
    }
    count++
  }
  finishIndexHead(out, count)
  return { head: out.bytes(), numbers }
}

/** Comes through a table in order. */
class Head {
  index = -1
  encoded: Uint8Array = new Uint8Array(0)
  /** Of the symbol, without its length. */
  bytes: Uint8Array = new Uint8Array(0)
  readonly #table: Symbols

  constructor(table: Symbols) {
    this.#table = table
    this.next()
  }

  get isEnd(): boolean {
    return this.index === this.#table.size
  }

  next(): void {
    this.index++
    if (this.isEnd) return
    this.encoded = this.#table.encoded(this.index)
    const reader = new ByteReader(this.encoded)
    this.bytes = reader.take(reader.uvarint32())
  }
}

function compareHeads(a: Head, b: Head): number {
  return compareBytes(a.bytes, 0, a.bytes.length, b.bytes)
}
