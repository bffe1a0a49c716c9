/**
 * How the bytes of a block's chunks are spread over its series: chunks are written series after series, so the place of a series' first
 * chunk says how many bytes come before it. Found out with small reads where it matters, not by reading the index.
 */
import type { LimitFunction } from 'p-limit'
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { CorruptError } from '#lib/model/errors.ts'
import { compareLabels, type Labels } from '#lib/model/labels.ts'
import { parsePostings } from '#lib/tsdb/index/postings.ts'
import { parseSeriesHead, type SeriesHead, seriesOffset } from '#lib/tsdb/index/series.ts'
import type { Lookup } from '#lib/store/lookup.ts'

/** Series number `index` of the block, and the bytes of chunks before its own. */
export interface SeriesPlace {
  readonly index: number
  readonly labels: Labels
  readonly bytesBefore: number
}

/** What nearly every entry needs for labels and its first chunk. */
const HEAD_BYTES = 512
/** A series section up to this size is read at once. */
const SMALL_SECTION = 1024 * 1024

export interface ProfileSource {
  readonly bucket: Bucket
  readonly block: BlockRecord
  readonly lookup: Lookup
  /** Bounds the reads that run at the same time. */
  readonly limit: LimitFunction
  readonly signal?: AbortSignal | undefined
}

export async function openProfile(source: ProfileSource): Promise<BlockProfile> {
  const { bucket, block, lookup, signal } = source
  const { series, postings, postingsEnd, indexVersion } = lookup
  const key = `${block.id}/index`
  const range = postings.findRange('', '', postingsEnd)
  const [list, section] = await Promise.all([
    range && bucket.getRange(key, range.start, range.end, { signal }),
    series.end - series.start <= SMALL_SECTION
      ? bucket.getRange(key, series.start, series.end, { signal })
      : undefined,
  ])
  try {
    const ids = list ? parsePostings(list) : new Uint32Array(0)
    const offsets = Float64Array.from(ids, (id) => seriesOffset(id, indexVersion))
    return new BlockProfile(source, offsets, section)
  } catch (error) {
    throw error instanceof CorruptError ? error.in(key) : error
  }
}

export class BlockProfile {
  /** Of all chunks. */
  readonly totalBytes: number
  /** Ascending. */
  places: readonly SeriesPlace[] = []
  readonly #source: ProfileSource
  /** Of each series, in the index. */
  readonly #offsets: Float64Array
  /** The whole series section, if it is small. */
  readonly #section: Uint8Array | undefined
  /** Bytes of the segments before each. */
  readonly #segmentStarts: readonly number[]

  constructor(source: ProfileSource, offsets: Float64Array, section: Uint8Array | undefined) {
    this.#source = source
    this.#offsets = offsets
    this.#section = section
    let total = 0
    this.#segmentStarts = source.block.segmentSizes.map((size) => (total += size) - size)
    this.totalBytes = total
  }

  /** Looks at series until no two neighbours in `places` are further apart than `bytes`, unless they follow each other. */
  async refine(bytes: number): Promise<void> {
    if (this.#offsets.length === 0) return
    let places = [await this.#place(0)]
    for (;;) {
      const middles: number[] = []
      for (const [i, { index, bytesBefore }] of places.entries()) {
        const next = places[i + 1]
        const end = next?.index ?? this.#offsets.length
        const distance = (next?.bytesBefore ?? this.totalBytes) - bytesBefore
        if (distance > bytes && end - index > 1) middles.push((index + end) >>> 1)
      }
      if (middles.length === 0) break
      const found = await Promise.all(middles.map((index) => this.#place(index)))
      places = [...places, ...found].sort((a, b) => a.index - b.index)
    }
    this.places = places
  }

  /** About how many bytes come before `labels`. */
  bytesBefore(labels: Labels): number {
    const at = this.#lastNotBehind(labels)
    const place = this.places[at]
    if (!place) return 0
    if (compareLabels(place.labels, labels) === 0) return place.bytesBefore
    return (place.bytesBefore + (this.places[at + 1]?.bytesBefore ?? this.totalBytes)) / 2
  }

  /** Where in the index the first series is that is not less than `labels`, and exactly how many bytes of chunks come before it. */
  async find(labels: Labels): Promise<{ readonly offset: number; readonly bytesBefore: number }> {
    const known = this.places.findIndex((place) => compareLabels(place.labels, labels) >= 0)
    const at = known === -1 ? this.places.length : known
    // Series before `low` are less; `high` is not.
    let low = (this.places[at - 1]?.index ?? -1) + 1
    let high = this.places[at]?.index ?? this.#offsets.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const place = await this.#place(middle)
      if (compareLabels(place.labels, labels) < 0) low = middle + 1
      else high = middle
    }
    if (low === this.#offsets.length) {
      return { offset: this.#source.lookup.series.end, bytesBefore: this.totalBytes }
    }
    return { offset: this.#offsets[low]!, bytesBefore: (await this.#place(low)).bytesBefore }
  }

  /** In `places`: the last that is less or equal; -1 where all are greater. */
  #lastNotBehind(labels: Labels): number {
    let low = 0
    let high = this.places.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compareLabels(this.places[middle]!.labels, labels) <= 0) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  async #place(index: number): Promise<SeriesPlace> {
    const { labelRefs, chunkCount, segment, offset } = await this.#head(index)
    const labels = this.#labelsOf(labelRefs)
    const start = chunkCount === 0 ? 0 : (this.#segmentStarts[segment] ?? this.totalBytes)
    return { index, labels, bytesBefore: Math.min(start + offset, this.totalBytes) }
  }

  #labelsOf(refs: readonly number[]): Labels {
    const { block, lookup } = this.#source
    try {
      return refs.map((ref) => lookup.symbols.lookup(ref))
    } catch (error) {
      throw error instanceof CorruptError ? error.in(`${block.id}/index`) : error
    }
  }

  async #head(index: number): Promise<SeriesHead> {
    const { bucket, block, lookup, limit, signal } = this.#source
    const key = `${block.id}/index`
    const start = this.#offsets[index]!
    const end = this.#offsets[index + 1] ?? lookup.series.end
    try {
      if (this.#section) return parseSeriesHead(this.#section, start - lookup.series.start)
      const read = (to: number): Promise<Uint8Array> =>
        limit(() => bucket.getRange(key, start, to, { signal }))
      if (end - start > HEAD_BYTES) {
        const head = tryHead(await read(start + HEAD_BYTES))
        if (head) return head
      }
      return parseSeriesHead(await read(end), 0)
    } catch (error) {
      throw error instanceof CorruptError ? error.in(key) : error
    }
  }
}

/** Undefined where the bytes are too few, or broken. */
function tryHead(bytes: Uint8Array): SeriesHead | undefined {
  try {
    return parseSeriesHead(bytes, 0)
  } catch {
    return undefined
  }
}
