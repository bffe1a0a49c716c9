/**
 * The lookup of a block: what a cold selector needs to know of its index, in one small object, `thaw/lookup/<ULID>`.
 *
 * ┌────────────────────────────────────────────────────────────────────────────────────────────┐
 * │ magic "THWL" │ version 1 <1b> │ index version <1b>                                           │
 * │ symbols offset <8b> │ series start <8b> │ series end <8b> │ postings end <8b>                │
 * │ 3 × (length <4b>, gzip): symbol section, postings offset table section, metrics             │
 * │ CRC-32C of all before <4b>                                                                   │
 * └────────────────────────────────────────────────────────────────────────────────────────────┘
 * The two sections are those of the index file, verbatim. Metrics, in the order of their names: varint distance of the
 * first series id to the one of the metric before, uvarint distance of the last to the first. Since series are sorted by
 * labels and nearly every label sorts after `__name__`, the series of a metric are one run of the index.
 * It can be rebuilt from the index at any time and is never required.
 */
import { gunzipSync, gzipSync } from 'node:zlib'
import { ByteReader } from '#lib/bytes/byte-reader.ts'
import { ByteWriter } from '#lib/bytes/byte-writer.ts'
import { CorruptError } from '#lib/model/errors.ts'
import { METRIC_NAME } from '#lib/model/labels.ts'
import type { PostingsOffsetTable } from '#lib/tsdb/index/offset-table.ts'
import { parsePostingsOffsetTable } from '#lib/tsdb/index/offset-table.ts'
import { parsePostings } from '#lib/tsdb/index/postings.ts'
import { seriesOffset } from '#lib/tsdb/index/series.ts'
import type { Symbols } from '#lib/tsdb/index/symbols.ts'
import { parseSymbols } from '#lib/tsdb/index/symbols.ts'
import type { IndexVersion, Toc } from '#lib/tsdb/index/toc.ts'
import { indexSections } from '#lib/tsdb/index/toc.ts'
import type { ByteRange } from './ranges.ts'

const MAGIC = 0x5448574c
const VERSION = 1
/** What a section may unpack to: the symbols of a hundred million series fit. */
const MAX_SECTION = 1024 * 1024 * 1024

export const LOOKUP_PREFIX = 'thaw/lookup/'

export function lookupKey(blockId: string): string {
  return LOOKUP_PREFIX + blockId
}

export interface LookupParts {
  readonly indexVersion: IndexVersion
  readonly symbolsOffset: number
  readonly symbolsSection: Uint8Array
  readonly postingsTableSection: Uint8Array
  readonly series: ByteRange
  readonly postingsEnd: number
  /** First and last series id of each metric, in the order of names: [first, last, first, last…]. */
  readonly metricIds: Float64Array
}

export class Lookup {
  readonly indexVersion: IndexVersion
  readonly symbols: Symbols
  readonly postings: PostingsOffsetTable
  /** Of the series section. */
  readonly series: ByteRange
  readonly postingsEnd: number
  /** About what it takes in memory. */
  readonly byteLength: number
  readonly #metricIds: Float64Array
  #metricIndex: ReadonlyMap<string, number> | undefined
  /** Offsets at which a metric begins, ascending: ends of the runs before. */
  #starts: Float64Array | undefined

  constructor(parts: LookupParts) {
    this.indexVersion = parts.indexVersion
    this.series = parts.series
    this.postingsEnd = parts.postingsEnd
    this.symbols = parseSymbols(parts.symbolsSection, parts.indexVersion, parts.symbolsOffset)
    this.postings = parsePostingsOffsetTable(parts.postingsTableSection)
    this.#metricIds = parts.metricIds
    this.byteLength = parts.symbolsSection.length * 2 + parts.postingsTableSection.length * 2 + 1024
  }

  /** Sorted. */
  metricNames(): readonly string[] {
    return [...this.#index().keys()]
  }

  /** Bytes of the index that hold all series of a metric (and, seldom, others); undefined when it has none. */
  metricRange(name: string): ByteRange | undefined {
    const index = this.#index().get(name)
    if (index === undefined) return undefined
    const start = seriesOffset(this.#metricIds[index * 2]!, this.indexVersion)
    const last = seriesOffset(this.#metricIds[index * 2 + 1]!, this.indexVersion)
    return { start, end: this.#startAfter(last) }
  }

  #index(): ReadonlyMap<string, number> {
    this.#metricIndex ??= new Map(
      this.postings.labelValues(METRIC_NAME).map((name, i) => [name, i] as const),
    )
    return this.#metricIndex
  }

  #startAfter(offset: number): number {
    this.#starts ??= Float64Array.from({ length: this.#metricIds.length / 2 }, (_, i) =>
      seriesOffset(this.#metricIds[i * 2]!, this.indexVersion),
    ).sort()
    let low = 0
    let high = this.#starts.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#starts[middle]! <= offset) low = middle + 1
      else high = middle
    }
    return this.#starts[low] ?? this.series.end
  }
}

export interface IndexParts {
  readonly toc: Toc
  readonly indexSize: number
  readonly indexVersion: IndexVersion
  readonly symbolsSection: Uint8Array
  readonly postingsTableSection: Uint8Array
  /** Bytes of the index from `offset` on that hold the postings lists of all metric names. */
  readonly namePostings: { readonly offset: number; readonly bytes: Uint8Array }
}

/** From sections of an index; `namePostingsRange` says which bytes of postings it wants. */
export function makeLookupParts(parts: IndexParts): LookupParts {
  const { toc, indexSize, indexVersion, symbolsSection, postingsTableSection } = parts
  const sections = indexSections(toc, indexSize)
  const table = parsePostingsOffsetTable(postingsTableSection)
  const metricIds = new Float64Array(table.valueCount(METRIC_NAME) * 2)
  let i = 0
  for (const { offset } of table.entriesOf(METRIC_NAME)) {
    const ids = parsePostings(parts.namePostings.bytes, offset - parts.namePostings.offset)
    if (ids.length === 0) throw new CorruptError('metric without series', offset)
    metricIds[i++] = ids[0]!
    metricIds[i++] = ids[ids.length - 1]!
  }
  return {
    indexVersion,
    symbolsOffset: sections.symbols.start,
    symbolsSection,
    postingsTableSection,
    series: sections.series,
    postingsEnd: sections.postings.end,
    metricIds,
  }
}

/** Where the postings lists of metric names are, as one range of the index file. */
export function namePostingsRange(table: PostingsOffsetTable, postingsEnd: number): ByteRange {
  let start = Infinity
  let end = 0
  for (const { value } of table.entriesOf(METRIC_NAME)) {
    const range = table.findRange(METRIC_NAME, value, postingsEnd)!
    start = Math.min(start, range.start)
    end = Math.max(end, range.end)
  }
  return end === 0 ? { start: postingsEnd, end: postingsEnd } : { start, end }
}

export function encodeLookup(parts: LookupParts): Uint8Array {
  const out = new ByteWriter(parts.symbolsSection.length + parts.postingsTableSection.length)
  out.uint32(MAGIC)
  out.uint8(VERSION)
  out.uint8(parts.indexVersion)
  out.uint64(parts.symbolsOffset)
  out.uint64(parts.series.start)
  out.uint64(parts.series.end)
  out.uint64(parts.postingsEnd)
  const sections = [
    parts.symbolsSection,
    parts.postingsTableSection,
    encodeMetrics(parts.metricIds),
  ]
  for (const section of sections) {
    const packed = gzipSync(section, { level: 6 })
    out.uint32(packed.length)
    out.append(packed)
  }
  out.crc(0)
  return out.bytes().slice()
}

export function decodeLookup(bytes: Uint8Array): Lookup {
  const reader = new ByteReader(bytes)
  const magic = reader.uint32()
  if (magic !== MAGIC) throw new CorruptError(`lookup magic ${magic.toString(16)}`, 0)
  const version = reader.uint8()
  if (version !== VERSION) throw new CorruptError(`lookup version ${version}`, 4)
  const tail = new ByteReader(bytes, Math.max(6, bytes.length - 4))
  tail.expectCrc(0)
  const indexVersion = reader.uint8()
  if (indexVersion !== 1 && indexVersion !== 2 && indexVersion !== 3) {
    throw new CorruptError(`index version ${indexVersion}`, 5)
  }
  const symbolsOffset = reader.uint64()
  const series = { start: reader.uint64(), end: reader.uint64() }
  const postingsEnd = reader.uint64()
  const unpack = (): Uint8Array => {
    const at = reader.offset
    const packed = reader.take(reader.uint32())
    try {
      return gunzipSync(packed, { maxOutputLength: MAX_SECTION })
    } catch (cause) {
      throw new CorruptError('lookup section does not unpack', at, { cause })
    }
  }
  const symbolsSection = unpack()
  const postingsTableSection = unpack()
  const metricIds = decodeMetrics(unpack())
  return new Lookup({
    indexVersion,
    symbolsOffset,
    symbolsSection,
    postingsTableSection,
    series,
    postingsEnd,
    metricIds,
  })
}

function encodeMetrics(metricIds: Float64Array): Uint8Array {
  const out = new ByteWriter()
  let before = 0
  for (let i = 0; i < metricIds.length; i += 2) {
    out.varint(metricIds[i]! - before)
    out.uvarint(metricIds[i + 1]! - metricIds[i]!)
    before = metricIds[i]!
  }
  return out.bytes()
}

function decodeMetrics(bytes: Uint8Array): Float64Array {
  const reader = new ByteReader(bytes)
  const ids: number[] = []
  let before = 0
  while (reader.remaining > 0) {
    before += reader.varint()
    ids.push(before, before + reader.uvarint())
  }
  return Float64Array.from(ids)
}
