/** Writes an index file (version 2, as Prometheus 3 does) front to back: symbols, then series, then the rest. */
import { assert, DomainError } from '#lib/model/errors.ts'
import type { Labels } from '#lib/model/labels.ts'
import { ByteWriter } from '#lib/bytes/byte-writer.ts'
import { type ByteSink, IndexOutput } from './index-output.ts'
import { ChunkPlaces } from './chunk-places.ts'
import { writeIndexHead } from './index-head.ts'
import { PostingsWriter, type WrittenPostings } from './postings-writer.ts'
import { INDEX_HEADER_SIZE } from './toc.ts'
import { type ChunkMeta, SERIES_ALIGN, writeSeries } from './series.ts'
import { parseSymbols, type Symbols } from './symbols.ts'

type Stage = 'symbols' | 'series' | 'done'

/** What was written, as far as a reader needs it to find series. */
export interface WrittenIndex extends WrittenPostings {
  readonly symbolsSection: Uint8Array
}

/** Holds in memory what it needs for postings, and the symbols, not the series. */
export class IndexWriter {
  readonly #output: IndexOutput
  readonly #body = new ByteWriter()
  readonly #postings = new PostingsWriter()
  #stage: Stage = 'symbols'
  #section: Uint8Array = new Uint8Array(0)
  #symbols: Symbols | undefined
  readonly #refs = new Map<string, number>()
  readonly #toc = { symbols: INDEX_HEADER_SIZE, series: 0 }
  /** Of the series before. */
  #last: ArrayLike<number> | undefined
  #maxSeriesSize = 0

  constructor(sink: ByteSink) {
    this.#output = new IndexOutput(sink)
  }

  /** The largest series entry so far, in bytes. */
  get maxSeriesSize(): number {
    return this.#maxSeriesSize
  }

  get seriesCount(): number {
    return this.#postings.seriesCount
  }

  /** All symbols, sorted by bytes and unique. Prometheus's blocks always have ''. */
  addSymbols(symbols: readonly string[]): void {
    const out = new ByteWriter(1 << 16)
    writeIndexHead(out, symbols)
    this.addHead(out.bytes())
  }

  /** The same, ready made: all that is in front of the series, see `writeIndexHead` and `uniteSymbols`. */
  addHead(head: Uint8Array): void {
    this.#expectStage('symbols')
    this.#section = head.subarray(INDEX_HEADER_SIZE)
    this.#symbols = parseSymbols(this.#section, 2, INDEX_HEADER_SIZE)
    this.#output.pass(head)
    this.#toc.series = this.#output.position
    this.#stage = 'series'
  }

  /** Series ascend by labels; their chunks ascend in time and in place. Gives the id postings use. */
  addSeries(labels: Labels, chunks: readonly ChunkMeta[]): number {
    this.#expectStage('series')
    const refs = Uint32Array.from(labels, (symbol) => this.#ref(symbol))
    return this.addEntry(refs, ChunkPlaces.from(chunks))
  }

  /** The same by the numbers of symbols, which stay the writer's. */
  addEntry(refs: ArrayLike<number>, chunks: ChunkPlaces): number {
    this.#expectStage('series')
    this.#expectOrder(refs)
    const wrong = chunks.firstOutOfOrder()
    if (wrong >= 0) {
      const range = `${chunks.minTimes[wrong]}..${chunks.maxTimes[wrong]}`
      throw new DomainError('invalid', `chunk ${range} of ${this.#text(refs)} is out of order`)
    }
    this.#output.align(SERIES_ALIGN)
    const id = this.#output.position / SERIES_ALIGN
    this.#postings.add(id, refs)
    const size = writeSeries(this.#output.out, refs, chunks, this.#body)
    this.#maxSeriesSize = Math.max(this.#maxSeriesSize, size)
    this.#output.flush()
    return id
  }

  /** The same with an entry that is ready: its size, body and checksum, which are taken for right. */
  addReady(refs: ArrayLike<number>, entry: Uint8Array): void {
    this.#expectStage('series')
    this.#expectOrder(refs)
    this.#output.align(SERIES_ALIGN)
    this.#postings.add(this.#output.position / SERIES_ALIGN, refs)
    this.#output.out.append(entry)
    this.#maxSeriesSize = Math.max(this.#maxSeriesSize, entry.length)
    this.#output.flush()
  }

  /** Writes postings, their table and the contents. */
  finish(): WrittenIndex {
    this.#expectStage('series')
    this.#stage = 'done'
    const symbols = this.#symbols!
    const written = this.#postings.write(this.#output, this.#toc, (ref) => symbols.at(ref))
    return { ...written, symbolsSection: this.#section }
  }

  #expectStage(stage: Stage): void {
    assert(this.#stage === stage, `index writer is at ${this.#stage}, not at ${stage}`)
  }

  #expectOrder(refs: ArrayLike<number>): void {
    if (this.#last && compareRefs(this.#last, refs) >= 0) {
      throw new DomainError('invalid', `series ${this.#text(refs)} is out of order`)
    }
    this.#last = refs
  }

  #ref(symbol: string): number {
    let ref = this.#refs.get(symbol)
    if (ref === undefined) {
      ref = this.#symbols!.find(symbol)
      if (ref < 0) throw new DomainError('invalid', `no symbol ${JSON.stringify(symbol)}`)
      this.#refs.set(symbol, ref)
    }
    return ref
  }

  /** For messages. */
  #text(refs: ArrayLike<number>): string {
    return JSON.stringify(Array.from(refs, (ref) => this.#symbols!.at(ref)))
  }
}

/** As compareLabels orders the strings, since symbols are sorted as these are. */
export function compareRefs(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    if (a[i] !== b[i]) return a[i]! - b[i]!
  }
  return a.length - b.length
}
