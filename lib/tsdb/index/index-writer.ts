/** Writes an index file (version 2, as Prometheus 3 does) front to back: symbols, then series, then the rest. */
import { assert, DomainError } from '#lib/model/errors.ts'
import { compareLabels, compareUtf8, type Labels } from '#lib/model/labels.ts'
import { ByteWriter } from '#lib/bytes/byte-writer.ts'
import { INDEX_HEADER_SIZE, INDEX_MAGIC, type Toc, writeToc } from './toc.ts'
import { type ChunkMeta, SERIES_ALIGN, writeSeries } from './series.ts'

type Stage = 'symbols' | 'series' | 'done'

/** Called with each next piece of the file; the bytes are the receiver's to keep. */
export type ByteSink = (bytes: Uint8Array) => void

const FLUSH_SIZE = 1 << 20

/**
 * Holds in memory what it needs for postings (four bytes per label of each series, twice while finishing)
 * and the symbols, not the series.
 */
export class IndexWriter {
  readonly #sink: ByteSink
  readonly #out = new ByteWriter(FLUSH_SIZE + 4096)
  readonly #body = new ByteWriter()
  #stage: Stage = 'symbols'
  /** Bytes given to the sink. */
  #flushed = 0
  #symbols: readonly string[] = []
  readonly #refs = new Map<string, number>()
  readonly #toc = { symbols: INDEX_HEADER_SIZE, series: 0 }
  #lastLabels: Labels | undefined
  #ids = new Uint32List()
  /** For each series its number of labels, then a pair number per label. */
  #pairsOfSeries = new Uint32List()
  /** Name reference → value reference → pair number. */
  readonly #pairs = new Map<number, Map<number, number>>()
  #pairCounts = new Uint32List()
  #maxSeriesSize = 0

  constructor(sink: ByteSink) {
    this.#sink = sink
    this.#out.uint32(INDEX_MAGIC)
    this.#out.uint8(2)
  }

  get #position(): number {
    return this.#flushed + this.#out.length
  }

  /** The largest series entry so far, in bytes. */
  get maxSeriesSize(): number {
    return this.#maxSeriesSize
  }

  get seriesCount(): number {
    return this.#ids.length
  }

  /** All symbols, sorted by bytes and unique. Prometheus's blocks always have ''. */
  addSymbols(symbols: readonly string[]): void {
    this.#expectStage('symbols')
    this.#symbols = symbols
    const start = this.#position
    const at = this.#out.length
    this.#out.uint32(0)
    this.#out.uint32(symbols.length)
    for (let i = 0; i < symbols.length; i++) {
      const symbol = symbols[i]!
      if (i > 0 && compareUtf8(symbols[i - 1]!, symbol) >= 0) {
        throw new DomainError('invalid', `symbol ${JSON.stringify(symbol)} is out of order`)
      }
      this.#refs.set(symbol, i)
      this.#out.string(symbol)
    }
    const size = this.#position - start - 4
    if (size > 0xffff_ffff) throw new DomainError('limit', `symbol table of ${size} bytes`)
    this.#out.patchUint32(at, size)
    this.#out.crc(at + 4)
    this.#toc.series = this.#position
    this.#stage = 'series'
    this.#flush(FLUSH_SIZE)
  }

  /** Series ascend by labels; their chunks ascend in time and in place. Gives the id postings use. */
  addSeries(labels: Labels, chunks: readonly ChunkMeta[]): number {
    this.#expectStage('series')
    if (this.#lastLabels && compareLabels(this.#lastLabels, labels) >= 0) {
      throw new DomainError('invalid', `series ${JSON.stringify(labels)} is out of order`)
    }
    this.#lastLabels = labels
    for (let i = 0; i < chunks.length; i++) {
      const { minTimeMs, maxTimeMs } = chunks[i]!
      if (maxTimeMs < minTimeMs || (i > 0 && minTimeMs <= chunks[i - 1]!.maxTimeMs)) {
        throw new DomainError(
          'invalid',
          `chunk ${minTimeMs}..${maxTimeMs} of ${JSON.stringify(labels)} is out of order`,
        )
      }
    }
    this.#align(SERIES_ALIGN)
    const id = this.#position / SERIES_ALIGN
    if (id > 0xffff_ffff) throw new DomainError('limit', 'index of more than 64 GiB')
    this.#ids.push(id)
    this.#pairsOfSeries.push(labels.length / 2)
    const refs = labels.map((symbol) => this.#ref(symbol))
    for (let i = 0; i < refs.length; i += 2) this.#countPair(refs[i]!, refs[i + 1]!)
    const size = writeSeries(this.#out, refs, chunks, this.#body)
    this.#maxSeriesSize = Math.max(this.#maxSeriesSize, size)
    this.#flush(FLUSH_SIZE)
    return id
  }

  /** Writes postings, their table and the contents. Gives the size of the file. */
  finish(): { readonly toc: Toc; readonly size: number } {
    this.#expectStage('series')
    this.#stage = 'done'
    const seriesEnd = this.#position
    const entries = this.#sortedPairs()
    const { lists, ends } = this.#listsOf(entries)

    const table = new ByteWriter(4096)
    table.uint32(0)
    table.uint32(entries.length + 1)
    this.#writeList(table, '', '', this.#ids.view())
    for (let i = 0; i < entries.length; i++) {
      const { name, value } = entries[i]!
      const list = lists.subarray(i === 0 ? 0 : ends[i - 1]!, ends[i])
      this.#writeList(table, this.#symbols[name]!, this.#symbols[value]!, list)
    }

    const postingsTable = this.#position
    if (table.length - 4 > 0xffff_ffff) {
      throw new DomainError('limit', `postings offset table of ${table.length} bytes`)
    }
    table.patchUint32(0, table.length - 4)
    table.crc(4)
    this.#out.append(table.bytes())
    const toc: Toc = {
      ...this.#toc,
      // No label indices, as in Prometheus 3: both fields point at what came after them.
      labelIndices: seriesEnd,
      labelIndicesTable: postingsTable,
      // Noted before the padding in front of the first list.
      postings: seriesEnd,
      postingsTable,
    }
    writeToc(this.#out, toc)
    const size = this.#position
    this.#flush(0)
    return { toc, size }
  }

  #expectStage(stage: Stage): void {
    assert(this.#stage === stage, `index writer is at ${this.#stage}, not at ${stage}`)
  }

  #ref(symbol: string): number {
    const ref = this.#refs.get(symbol)
    if (ref === undefined) throw new DomainError('invalid', `no symbol ${JSON.stringify(symbol)}`)
    return ref
  }

  #countPair(name: number, value: number): void {
    let values = this.#pairs.get(name)
    if (!values) this.#pairs.set(name, (values = new Map()))
    let pair = values.get(value)
    if (pair === undefined) {
      pair = this.#pairCounts.length
      values.set(value, pair)
      this.#pairCounts.push(0)
    }
    this.#pairCounts.increment(pair)
    this.#pairsOfSeries.push(pair)
  }

  /** By name, then value: symbol references sort as their strings do. */
  #sortedPairs(): { name: number; value: number; pair: number }[] {
    const sorted: { name: number; value: number; pair: number }[] = []
    for (const name of [...this.#pairs.keys()].sort((a, b) => a - b)) {
      const values = this.#pairs.get(name)!
      for (const value of [...values.keys()].sort((a, b) => a - b)) {
        sorted.push({ name, value, pair: values.get(value)! })
      }
    }
    return sorted
  }

  /** All lists in one array, in the order of the entries; a counting sort. */
  #listsOf(entries: readonly { pair: number }[]): { lists: Uint32Array; ends: Float64Array } {
    const counts = this.#pairCounts.view()
    const next = new Float64Array(counts.length)
    let total = 0
    for (const { pair } of entries) {
      next[pair] = total
      total += counts[pair]!
    }
    const lists = new Uint32Array(total)
    const ids = this.#ids.view()
    const pairs = this.#pairsOfSeries.view()
    let at = 0
    for (let series = 0; series < ids.length; series++) {
      for (let left = pairs[at++]!; left > 0; left--) {
        const pair = pairs[at++]!
        lists[next[pair]!] = ids[series]!
        next[pair]!++
      }
    }
    return { lists, ends: Float64Array.from(entries, ({ pair }) => next[pair]!) }
  }

  #writeList(table: ByteWriter, name: string, value: string, ids: Uint32Array): void {
    this.#align(4)
    table.uvarint(2)
    table.string(name)
    table.string(value)
    table.uvarint(this.#position)
    const out = this.#out
    out.uint32(4 + ids.length * 4)
    const from = out.length
    out.uint32(ids.length)
    for (let i = 0; i < ids.length; i++) out.uint32(ids[i]!)
    out.crc(from)
    this.#flush(FLUSH_SIZE)
  }

  #align(size: number): void {
    for (let rest = (size - (this.#position % size)) % size; rest > 0; rest--) this.#out.uint8(0)
  }

  #flush(over: number): void {
    if (this.#out.length <= over) return
    this.#sink(this.#out.bytes().slice())
    this.#flushed += this.#out.length
    this.#out.clear()
  }
}

/** A Uint32Array that grows. */
class Uint32List {
  #array = new Uint32Array(1024)
  length = 0

  push(value: number): void {
    if (this.length === this.#array.length) {
      const bigger = new Uint32Array(this.length * 2)
      bigger.set(this.#array)
      this.#array = bigger
    }
    this.#array[this.length++] = value
  }

  increment(index: number): void {
    this.#array[index]!++
  }

  view(): Uint32Array {
    return this.#array.subarray(0, this.length)
  }
}
