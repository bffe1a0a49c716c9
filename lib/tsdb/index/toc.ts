/** Head and table of contents of an index file: where its sections are. */
import { CorruptError } from '#lib/model/errors.ts'
import { ByteReader } from '#lib/bytes/byte-reader.ts'
import { ByteWriter } from '#lib/bytes/byte-writer.ts'

export const INDEX_MAGIC = 0xbaaad700
export const INDEX_HEADER_SIZE = 5
export const TOC_SIZE = 52

/** 3 is read like 2; no program writes it. */
export type IndexVersion = 1 | 2 | 3

/** Offsets from the start of the file. Readers need no label indices; since Prometheus 3 there are none. */
export interface Toc {
  readonly symbols: number
  readonly series: number
  readonly labelIndices: number
  readonly labelIndicesTable: number
  readonly postings: number
  readonly postingsTable: number
}

/** Bytes [start, end) of the file. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** The version in the first five bytes. */
export function parseIndexHeader(bytes: Uint8Array): IndexVersion {
  const reader = new ByteReader(bytes)
  const magic = reader.uint32()
  if (magic !== INDEX_MAGIC) throw new CorruptError(`index magic ${magic.toString(16)}`, 0)
  const version = reader.uint8()
  if (version !== 1 && version !== 2 && version !== 3) {
    throw new CorruptError(`index version ${version}`, 4)
  }
  return version
}

/** From the last 52 bytes of an index of `indexSize` bytes. */
export function parseToc(tail: Uint8Array, indexSize: number): Toc {
  const reader = new ByteReader(tail, tail.length - TOC_SIZE)
  const from = reader.offset
  const toc = {
    symbols: reader.uint64(),
    series: reader.uint64(),
    labelIndices: reader.uint64(),
    labelIndicesTable: reader.uint64(),
    postings: reader.uint64(),
    postingsTable: reader.uint64(),
  }
  reader.expectCrc(from)
  const ordered =
    toc.symbols >= INDEX_HEADER_SIZE &&
    toc.symbols <= toc.series &&
    toc.series <= toc.postings &&
    toc.postings <= toc.postingsTable &&
    toc.labelIndices <= indexSize &&
    toc.labelIndicesTable <= indexSize &&
    toc.postingsTable <= indexSize - TOC_SIZE
  if (!ordered) throw new CorruptError(`sections out of order in ${indexSize} bytes`, from)
  return toc
}

export interface IndexSections {
  readonly symbols: ByteRange
  readonly series: ByteRange
  readonly postings: ByteRange
  readonly postingsTable: ByteRange
}

/** Each section up to the start of what follows it. */
export function indexSections(toc: Toc, indexSize: number): IndexSections {
  const starts = [...Object.values(toc as unknown as Record<string, number>), indexSize - TOC_SIZE]
  const section = (start: number): ByteRange => ({
    start,
    end: Math.min(...starts.filter((other) => other > start), indexSize - TOC_SIZE),
  })
  return {
    symbols: section(toc.symbols),
    // A block without series has two sections at one place.
    series:
      toc.series === toc.postings ? { start: toc.series, end: toc.series } : section(toc.series),
    postings: section(toc.postings),
    postingsTable: section(toc.postingsTable),
  }
}

export function writeToc(out: ByteWriter, toc: Toc): void {
  const from = out.length
  out.uint64(toc.symbols)
  out.uint64(toc.series)
  out.uint64(toc.labelIndices)
  out.uint64(toc.labelIndicesTable)
  out.uint64(toc.postings)
  out.uint64(toc.postingsTable)
  out.crc(from)
}
