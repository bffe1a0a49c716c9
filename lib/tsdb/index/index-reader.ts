/** A whole index file in memory. Tests, the command line and compaction read blocks with it. */
import { CorruptError } from '#lib/model/errors.ts'
import type { Labels } from '#lib/model/labels.ts'
import {
  type IndexSections,
  indexSections,
  type IndexVersion,
  parseIndexHeader,
  parseToc,
  type Toc,
  TOC_SIZE,
} from './toc.ts'
import { parsePostingsOffsetTable, type PostingsOffsetTable } from './offset-table.ts'
import { NO_POSTINGS, parsePostings } from './postings.ts'
import { type ChunkMeta, parseSeries, seriesOffset } from './series.ts'
import { parseSymbols, type Symbols } from './symbols.ts'

export interface Series {
  readonly id: number
  readonly labels: Labels
  readonly chunks: readonly ChunkMeta[]
}

export class IndexReader {
  readonly bytes: Uint8Array
  readonly version: IndexVersion
  readonly toc: Toc
  readonly sections: IndexSections
  readonly symbols: Symbols
  readonly offsets: PostingsOffsetTable

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.version = parseIndexHeader(bytes)
    this.toc = parseToc(bytes.subarray(Math.max(0, bytes.length - TOC_SIZE)), bytes.length)
    this.sections = indexSections(this.toc, bytes.length)
    const { symbols, postingsTable } = this.sections
    this.symbols = parseSymbols(
      bytes.subarray(symbols.start, symbols.end),
      this.version,
      symbols.start,
    )
    this.offsets = parsePostingsOffsetTable(bytes.subarray(postingsTable.start, postingsTable.end))
  }

  labelNames(): string[] {
    return this.offsets.labelNames()
  }

  labelValues(name: string): string[] {
    return this.offsets.labelValues(name)
  }

  /** Ids of the series with this label. */
  postings(name: string, value: string): Uint32Array {
    const offset = this.offsets.find(name, value)
    return offset === undefined ? NO_POSTINGS : parsePostings(this.bytes, offset)
  }

  allPostings(): Uint32Array {
    return this.postings('', '')
  }

  series(id: number): Series {
    const { start, end } = this.sections.series
    const at = seriesOffset(id, this.version)
    if (at < start || at >= end) throw new CorruptError(`no series ${id}`, at)
    const { labelRefs, chunks } = parseSeries(this.bytes, at)
    const labels: string[] = []
    for (const ref of labelRefs) labels.push(this.symbols.lookup(ref))
    return { id, labels, chunks }
  }

  /** Every series, in label order. */
  *allSeries(): IterableIterator<Series> {
    for (const id of this.allPostings()) yield this.series(id)
  }
}
