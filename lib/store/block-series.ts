/** Finds the series of one block that match: their labels and where their chunks are. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { CorruptError } from '#lib/model/errors.ts'
import type { Labels } from '#lib/model/labels.ts'
import { mergeLabels } from '#lib/model/labels.ts'
import type { CompiledMatcher } from '#lib/regex/matcher.ts'
import { intersectPostings, parsePostings, unionPostings } from '#lib/tsdb/index/postings.ts'
import {
  SERIES_ALIGN,
  parseSeriesInto,
  seriesEntrySize,
  seriesOffset,
} from '#lib/tsdb/index/series.ts'
import type { Lookup } from './lookup.ts'
import { planSeries } from './plan-series.ts'
import type { ByteRange } from './ranges.ts'
import { ChunkTable } from './chunk-table.ts'
import { FetchedRanges, coalesce, readsOf } from './ranges.ts'
import type { StoreCache } from './store-cache.ts'

/** Matching series of a block in columns, in the order of its index. */
export interface FoundSeries {
  /** Names the block and what was asked. */
  readonly key: string
  /** With the external labels of the block. */
  readonly labels: readonly Labels[]
  /** Where some of the labels are of what was found elsewhere: bytes of the others. */
  readonly labelBytes?: number | undefined
  /** Postings ids: what tombstones name. */
  readonly ids: Float64Array
  /** The chunks of series i are the rows [from[i], to[i]). */
  readonly from: Uint32Array
  readonly to: Uint32Array
  /** Of all series that were read, matching or not: the others say where chunks end. */
  readonly chunks: ChunkTable
}

export interface BlockReader {
  readonly bucket: Bucket
  readonly block: BlockRecord
  readonly lookup: Lookup
  readonly cache: StoreCache
  readonly signal?: AbortSignal | undefined
}

/** An entry without known size is first read this far; a larger one is read again. */
const USUAL_ENTRY_BYTES = 1024

/** From the cache, where the same was asked of the block before: parsing entries costs more than a short answer. */
export async function findSeries(
  reader: BlockReader,
  matchers: readonly CompiledMatcher[],
): Promise<FoundSeries> {
  const { block, cache } = reader
  const key = foundKey(block, matchers)
  const cached = cache.series(key)
  if (cached) return cached
  const find = async (signal: AbortSignal): Promise<FoundSeries> => {
    const select = new SeriesFilter(reader.lookup, matchers, block.labels)
    try {
      await readSeries({ ...reader, signal }, matchers, select)
    } catch (error) {
      throw error instanceof CorruptError ? error.in(indexKey(block)) : error
    }
    const found = select.finish(key)
    cache.keepSeries(found)
    return found
  }
  return cache.once(`series ${key}`, find, reader.signal)
}

export function foundKey(block: BlockRecord, matchers: readonly CompiledMatcher[]): string {
  const asked = matchers.map(({ name, type, value }) => [name, type, value])
  return JSON.stringify([block.id, block.labels, asked])
}

async function readSeries(
  reader: BlockReader,
  matchers: readonly CompiledMatcher[],
  select: SeriesFilter,
): Promise<void> {
  const { ranges, postings } = planSeries(reader.lookup, matchers)
  if (ranges.length === 0) return
  if (postings.length === 0) await readRuns(reader, ranges, select)
  else await readPostings(reader, ranges, postings, select)
}

/** Every entry of the ranges. */
async function readRuns(
  { bucket, block, lookup, cache, signal }: BlockReader,
  ranges: readonly ByteRange[],
  select: SeriesFilter,
): Promise<void> {
  const key = indexKey(block)
  const fetched = await fetchRanges(bucket, key, coalesce(ranges, readsOf(bucket)), cache, signal)
  for (const { start, end } of ranges) {
    const bytes = fetched.at(start, end)!
    let at = 0
    while (at < bytes.length) {
      // Padding between entries (version 2 aligns them) and behind the last one.
      if (bytes[at] === 0) at++
      else {
        const id = lookup.indexVersion === 1 ? start + at : (start + at) / SERIES_ALIGN
        at = select.add(id, bytes, at)
      }
    }
  }
}

async function readPostings(
  { bucket, block, lookup, cache, signal }: BlockReader,
  ranges: readonly ByteRange[],
  groups: readonly (readonly ByteRange[])[],
  select: SeriesFilter,
): Promise<void> {
  const key = indexKey(block)
  const lists = groups.flat().sort((a, b) => a.start - b.start)
  const postings = await fetchRanges(bucket, key, coalesce(lists, readsOf(bucket)), cache, signal)
  let ids: Uint32Array | undefined
  for (const group of groups) {
    const union = unionPostings(
      group.map(({ start, end }) => parsePostings(postings.at(start, end)!)),
    )
    ids = ids ? intersectPostings(ids, union) : union
  }
  const offsets = offsetsWithin(ids!, ranges, lookup)
  const usual = block.seriesMaxSize || USUAL_ENTRY_BYTES
  const entries = offsets.map((start) => ({
    start,
    end: Math.min(start + usual, lookup.series.end),
  }))
  const fetched = await fetchRanges(bucket, key, coalesce(entries, readsOf(bucket)), cache, signal)
  for (const { start, end } of entries) {
    let bytes = fetched.at(start, end)!
    const size = seriesEntrySize(bytes, 0)
    if (size > bytes.length) {
      if (start + size > lookup.series.end) throw new CorruptError(`series of ${size} bytes`, start)
      bytes = await bucket.getRange(key, start, start + size, { signal })
    }
    const id = lookup.indexVersion === 1 ? start : start / SERIES_ALIGN
    select.add(id, bytes, 0)
  }
}

function offsetsWithin(ids: Uint32Array, ranges: readonly ByteRange[], lookup: Lookup): number[] {
  const offsets: number[] = []
  let r = 0
  for (let i = 0; i < ids.length; i++) {
    const offset = seriesOffset(ids[i]!, lookup.indexVersion)
    while (r < ranges.length && ranges[r]!.end <= offset) r++
    if (r === ranges.length) break
    if (offset >= ranges[r]!.start) offsets.push(offset)
  }
  return offsets
}

async function fetchRanges(
  bucket: Bucket,
  key: string,
  ranges: readonly ByteRange[],
  cache: StoreCache,
  signal?: AbortSignal,
): Promise<FetchedRanges> {
  const fetched = new FetchedRanges()
  await Promise.all(
    ranges.map(async ({ start, end }) => {
      const fetch = (): Promise<Uint8Array> => bucket.getRange(key, start, end, { signal })
      fetched.add(start, await cache.range(key, start, end, fetch))
    }),
  )
  return fetched
}

function indexKey(block: BlockRecord): string {
  return `${block.id}/index`
}

/** Parses entries and keeps those that match. Each (label, value) pair is tested once, by symbol reference. */
class SeriesFilter {
  readonly #chunks = new ChunkTable()
  readonly #labels: Labels[] = []
  readonly #ids: number[] = []
  readonly #from: number[] = []
  readonly #to: number[] = []
  readonly #lookup: Lookup
  readonly #externalLabels: Labels
  readonly #tests: readonly {
    nameRef: number
    matcher: CompiledMatcher
    known: Map<number, boolean>
  }[]

  constructor(lookup: Lookup, matchers: readonly CompiledMatcher[], externalLabels: Labels) {
    this.#lookup = lookup
    this.#externalLabels = externalLabels
    this.#tests = matchers.map((matcher) => ({
      nameRef: lookup.symbols.find(matcher.name),
      matcher,
      known: new Map(),
    }))
  }

  /** The entry at `at`; gives where it ends. */
  add(id: number, bytes: Uint8Array, at: number): number {
    const from = this.#chunks.length
    const { labelRefs, end } = parseSeriesInto(bytes, at, this.#chunks)
    if (this.#matches(labelRefs)) {
      const own: string[] = []
      for (const ref of labelRefs) own.push(this.#lookup.symbols.lookup(ref))
      this.#labels.push(mergeLabels(own, this.#externalLabels))
      this.#ids.push(id)
      this.#from.push(from)
      this.#to.push(this.#chunks.length)
    }
    return end
  }

  finish(key: string): FoundSeries {
    this.#chunks.finish()
    return {
      key,
      labels: this.#labels,
      ids: Float64Array.from(this.#ids),
      from: Uint32Array.from(this.#from),
      to: Uint32Array.from(this.#to),
      chunks: this.#chunks,
    }
  }

  #matches(labelRefs: readonly number[]): boolean {
    for (const { nameRef, matcher, known } of this.#tests) {
      let valueRef = -1
      if (nameRef >= 0) {
        for (let i = 0; i < labelRefs.length; i += 2) {
          if (labelRefs[i] === nameRef) valueRef = labelRefs[i + 1]!
        }
      }
      let matched = known.get(valueRef)
      if (matched === undefined) {
        matched = matcher.matches(valueRef < 0 ? '' : this.#lookup.symbols.lookup(valueRef))
        known.set(valueRef, matched)
      }
      if (!matched) return false
    }
    return true
  }
}
