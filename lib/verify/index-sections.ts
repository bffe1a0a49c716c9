/** The sections of an index that are held in memory while a block is verified. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { CorruptError } from '#lib/model/errors.ts'
import { compareUtf8 } from '#lib/model/labels.ts'
import { parsePostingsOffsetTable, type PostingsOffsetTable } from '#lib/tsdb/index/offset-table.ts'
import { parseSymbols, type Symbols } from '#lib/tsdb/index/symbols.ts'
import {
  type IndexSections,
  indexSections,
  type IndexVersion,
  parseIndexHeader,
  parseToc,
  TOC_SIZE,
} from '#lib/tsdb/index/toc.ts'
import type { ProblemList } from './problem.ts'

export interface ReadSections {
  readonly version: IndexVersion
  readonly sections: IndexSections
  readonly symbols: Symbols
  /** Undefined where it is broken. */
  readonly table: PostingsOffsetTable | undefined
}

/** Undefined where the index can't be read at all. */
export async function readSections(
  bucket: Bucket,
  key: string,
  problems: ProblemList,
  signal?: AbortSignal,
): Promise<ReadSections | undefined> {
  const read = ({ start, end }: { start: number; end: number }): Promise<Uint8Array> =>
    bucket.getRange(key, start, end, { signal })
  try {
    const tail = await bucket.getTail(key, TOC_SIZE, { signal })
    if (tail.size < 5 + TOC_SIZE) throw new CorruptError(`index of ${tail.size} bytes`, 0)
    const version = parseIndexHeader(await read({ start: 0, end: 5 }))
    const sections = indexSections(parseToc(tail.body, tail.size), tail.size)
    const [symbolBytes, tableBytes] = await Promise.all([
      read(sections.symbols),
      read(sections.postingsTable),
    ])
    const symbols = parseSymbols(symbolBytes, version, sections.symbols.start)
    checkSymbols(symbols, key, problems)
    return { version, sections, symbols, table: tableOf(tableBytes, version, key, problems) }
  } catch (error) {
    if (!(error instanceof CorruptError)) throw error
    problems.add('index', 'the index cannot be read', error.in(key).message)
    return undefined
  }
}

function checkSymbols(symbols: Symbols, key: string, problems: ProblemList): void {
  let before: string | undefined
  for (const symbol of symbols) {
    if (before !== undefined && compareUtf8(before, symbol) >= 0) {
      problems.add('index', 'symbols are out of order', `${key}: ${JSON.stringify(symbol)}`)
    }
    before = symbol
  }
}

function tableOf(
  bytes: Uint8Array,
  version: IndexVersion,
  key: string,
  problems: ProblemList,
): PostingsOffsetTable | undefined {
  try {
    const table = parsePostingsOffsetTable(bytes)
    // Version 1 promises no order.
    if (version > 1 && !table.isInOrder) {
      problems.add('postings', 'the table of postings is out of order', key)
    }
    return table
  } catch (error) {
    if (!(error instanceof CorruptError)) throw error
    problems.add('postings', 'the table of postings cannot be read', error.in(key).message)
    return undefined
  }
}
