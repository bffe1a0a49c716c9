/** Writes an index file (version 2, as Prometheus 3 does) front to back: symbols, then series, then the rest. */
import { assert, DomainError } from '#lib/model/errors.ts'
import { compareLabels, compareUtf8, type Labels } from '#lib/model/labels.ts'
import { ByteWriter } from '#lib/bytes/byte-writer.ts'
import { type ByteSink, IndexOutput } from './index-output.ts'
import { PostingsWriter } from './postings-writer.ts'
import { INDEX_HEADER_SIZE, INDEX_MAGIC, type Toc } from './toc.ts'
import { type ChunkMeta, SERIES_ALIGN, writeSeries } from './series.ts'

type Stage = 'symbols' | 'series' | 'done'

/** Holds in memory what it needs for postings, and the symbols, not the series. */
export class IndexWriter {
  readonly #output: IndexOutput
  readonly #body = new ByteWriter()
  readonly #postings = new PostingsWriter()
  #stage: Stage = 'symbols'
  #symbols: readonly string[] = []
  readonly #refs = new Map<string, number>()
  readonly #toc = { symbols: INDEX_HEADER_SIZE, series: 0 }
  #lastLabels: Labels | undefined
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
    this.#expectStage('symbols')
    this.#symbols = symbols
    const { out } = this.#output
    writeIndexHead(out, symbols)
    for (let i = 0; i < symbols.length; i++) this.#refs.set(symbols[i]!, i)
    this.#toc.series = this.#output.position
    this.#stage = 'series'
    this.#output.flush()
  }

  /** Series ascend by labels; their chunks ascend in time and in place. Gives the id postings use. */
  addSeries(labels: Labels, chunks: readonly ChunkMeta[]): number {
    this.#expectStage('series')
    if (this.#lastLabels && compareLabels(this.#lastLabels, labels) >= 0) {
      throw new DomainError('invalid', `series ${JSON.stringify(labels)} is out of order`)
    }
    this.#lastLabels = labels
    expectChunkOrder(labels, chunks)
    this.#output.align(SERIES_ALIGN)
    const id = this.#output.position / SERIES_ALIGN
    const refs = labels.map((symbol) => this.#ref(symbol))
    this.#postings.add(id, refs)
    const size = writeSeries(this.#output.out, refs, chunks, this.#body)
    this.#maxSeriesSize = Math.max(this.#maxSeriesSize, size)
    this.#output.flush()
    return id
  }

  /** Writes postings, their table and the contents. Gives the size of the file. */
  finish(): { readonly toc: Toc; readonly size: number } {
    this.#expectStage('series')
    this.#stage = 'done'
    return this.#postings.write(this.#output, this.#toc, (ref) => this.#symbols[ref]!)
  }

  #expectStage(stage: Stage): void {
    assert(this.#stage === stage, `index writer is at ${this.#stage}, not at ${stage}`)
  }

  #ref(symbol: string): number {
    const ref = this.#refs.get(symbol)
    if (ref === undefined) throw new DomainError('invalid', `no symbol ${JSON.stringify(symbol)}`)
    return ref
  }
}

/** Magic, version and all symbols, sorted by bytes and unique: all that is in front of the series. */
export function writeIndexHead(out: ByteWriter, symbols: Iterable<string>): void {
  out.uint32(INDEX_MAGIC)
  out.uint8(2)
  const at = out.length
  out.uint32(0)
  out.uint32(0)
  let count = 0
  let before: string | undefined
  for (const symbol of symbols) {
    if (before !== undefined && compareUtf8(before, symbol) >= 0) {
      throw new DomainError('invalid', `symbol ${JSON.stringify(symbol)} is out of order`)
    }
    out.string(symbol)
    before = symbol
    count++
  }
  const size = out.length - at - 4
  if (size > 0xffff_ffff) throw new DomainError('limit', `symbol table of ${size} bytes`)
  out.patchUint32(at, size)
  out.patchUint32(at + 4, count)
  out.crc(at + 4)
}

/** Throws 'invalid' where chunks of a series do not follow each other. */
export function expectChunkOrder(labels: Labels, chunks: readonly ChunkMeta[]): void {
  for (let i = 0; i < chunks.length; i++) {
    const { minTimeMs, maxTimeMs } = chunks[i]!
    if (maxTimeMs < minTimeMs || (i > 0 && minTimeMs <= chunks[i - 1]!.maxTimeMs)) {
      throw new DomainError(
        'invalid',
        `chunk ${minTimeMs}..${maxTimeMs} of ${JSON.stringify(labels)} is out of order`,
      )
    }
  }
}
