/** Goes over a block series by series, index and chunks front to back, with little of either in memory. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { CorruptError } from '#lib/model/errors.ts'
import {
  compareLabels,
  compareUtf8,
  formatLabels,
  type Labels,
  METRIC_NAME,
} from '#lib/model/labels.ts'
import type { Interval } from '#lib/tsdb/chunk/columns.ts'
import { segmentFileName } from '#lib/tsdb/chunk/chunk-frame.ts'
import type { ReadyChunk } from '#lib/tsdb/chunk/chunk.ts'
import { FrameList } from '#lib/tsdb/chunk/frame-list.ts'
import { ChunkPlaces } from '#lib/tsdb/index/chunk-places.ts'
import { compareRefs } from '#lib/tsdb/index/index-writer.ts'
import { parseSeriesInto, SERIES_ALIGN, seriesEntrySize } from '#lib/tsdb/index/series.ts'
import type { Tombstones } from '#lib/tsdb/block/tombstones.ts'
import type { Lookup } from '#lib/store/lookup.ts'
import { SegmentStream } from './segment-stream.ts'

export interface BlockSource {
  readonly bucket: Bucket
  readonly block: BlockRecord
  readonly lookup: Lookup
  readonly tombstones: Tombstones
  /** Of the index and of each segment, at a time; as much again is asked for ahead. */
  readonly pieceBytes: number
  /** Of all series, without it. */
  readonly range?: SeriesRange | undefined
  readonly signal?: AbortSignal | undefined
}

/** Series by their labels, without external labels. */
export interface SeriesRange {
  readonly from?: Labels | undefined
  /** Exclusive. */
  readonly until?: Labels | undefined
}

/** One series of a block. */
export class StreamedSeries {
  /** What its labels are in the block's symbol table, in sorted order: name, value, name, value… */
  readonly symbols: readonly number[]
  /** Valid until the next series. */
  readonly frames: FrameList
  /** Of samples that don't count. */
  readonly deleted: readonly Interval[]
  readonly #lookup: Lookup
  #labels: Labels | undefined

  constructor(entry: Entry, frames: FrameList, deleted: readonly Interval[], lookup: Lookup) {
    this.symbols = entry.symbols
    this.frames = frames
    this.deleted = deleted
    this.#lookup = lookup
  }

  /** Without external labels. */
  get labels(): Labels {
    return (this.#labels ??= labelsOf(this.symbols, this.#lookup))
  }

  /** In time order, as the format says; views. Only before the next series. */
  get chunks(): readonly ReadyChunk[] {
    return Array.from({ length: this.frames.length }, (_, i) => this.frames.chunk(i))
  }
}

/** `next` answers at once as long as nothing has to be read: awaiting each of a million series would cost more than the rest. */
export class BlockStream {
  /** Undefined before the first `next` and at the end. */
  series: StreamedSeries | undefined
  readonly #source: BlockSource
  readonly #entries: EntryReader
  readonly #segments = new Map<number, SegmentStream>()
  readonly #frames = new FrameList()

  constructor(source: BlockSource) {
    this.#source = source
    this.#entries = new EntryReader(source)
  }

  get blockId(): string {
    return this.#source.block.id
  }

  /** Comes to the next series; rejects with CorruptError where the block is broken. */
  next(): void | Promise<void> {
    const read = this.#entries.next()
    if (read instanceof Promise) return read.then((entry) => this.#take(entry))
    return this.#take(read)
  }

  #take(entry: Entry | undefined): void | Promise<void> {
    if (!entry) {
      this.series = undefined
      return
    }
    this.#frames.clear()
    return this.#readChunks(entry, 0)
  }

  #readChunks(entry: Entry, from: number): void | Promise<void> {
    const { length, segments, offsets, minTimes, maxTimes } = entry.places
    for (let i = from; i < length; i++) {
      const stream = this.#segment(segments[i]!)
      const offset = offsets[i]!
      if (!stream.addTo(this.#frames, offset, minTimes[i]!, maxTimes[i]!)) {
        return stream.load(offset).then(() => this.#readChunks(entry, i))
      }
    }
    const deleted = this.#source.tombstones.get(entry.id) ?? NONE
    this.series = new StreamedSeries(entry, this.#frames, deleted, this.#source.lookup)
  }

  #segment(segment: number): SegmentStream {
    const known = this.#segments.get(segment)
    if (known) return known
    const { bucket, block, pieceBytes, signal } = this.#source
    const size = block.segmentSizes[segment]
    const key = `${block.id}/${segmentFileName(segment)}`
    if (size === undefined) throw new CorruptError('no such segment', 0).in(key)
    // Chunks are written series after series, so files before this one are read.
    if (this.#segments.size > 1) this.#segments.delete(Math.min(...this.#segments.keys()))
    const stream = new SegmentStream({ bucket, key, size, pieceBytes, signal })
    this.#segments.set(segment, stream)
    return stream
  }
}

const NONE: readonly Interval[] = []

interface Entry {
  /** Numbers in sorted order. */
  readonly symbols: readonly number[]
  /** Valid until the next entry. */
  readonly places: ChunkPlaces
  /** What tombstones call the series. */
  readonly id: number
}

/** The series section of the index, entry by entry. */
class EntryReader {
  readonly #source: BlockSource
  /** Where in the index the bytes begin. */
  #start: number
  #bytes: Uint8Array = new Uint8Array(0)
  #at = 0
  #next: Promise<Uint8Array> | undefined
  readonly #places = new ChunkPlaces()
  #last: readonly number[] | undefined
  /** Until a series of the range was found. */
  #isBefore: boolean

  constructor(source: BlockSource) {
    this.#source = source
    const from = source.range?.from
    this.#isBefore = from !== undefined
    this.#start = from ? startOfRange(source.lookup, from) : source.lookup.series.start
  }

  next(): Entry | undefined | Promise<Entry | undefined> {
    const { range } = this.#source
    for (;;) {
      const entry = this.#nextOfAll()
      if (!entry || entry instanceof Promise || !range) return entry
      const labels = labelsOf(entry.symbols, this.#source.lookup)
      if (range.until && compareLabels(labels, range.until) >= 0) return this.#end()
      this.#isBefore &&= compareLabels(labels, range.from!) < 0
      if (!this.#isBefore) return entry
    }
  }

  /** What was asked for ahead is nobody's. */
  #end(): undefined {
    this.#start = this.#source.lookup.series.end
    this.#bytes = new Uint8Array(0)
    this.#at = 0
    this.#next = undefined
  }

  #nextOfAll(): Entry | undefined | Promise<Entry | undefined> {
    try {
      return this.#nextInBytes()
    } catch (error) {
      if (!(error instanceof CorruptError)) throw error
      const where = `${this.#source.block.id}/index`
      throw new CorruptError(error.reason, this.#start + error.offset, { where, cause: error })
    }
  }

  #nextInBytes(): Entry | undefined | Promise<Entry | undefined> {
    // Padding between entries, and behind the last one.
    while (this.#at < this.#bytes.length && this.#bytes[this.#at] === 0) this.#at++
    const left = this.#bytes.length - this.#at
    if (left >= SIZE_BYTES || this.#isLast()) {
      if (left === 0) return undefined
      if (seriesEntrySize(this.#bytes, this.#at) <= left) return this.#parse()
      if (this.#isLast()) throw new CorruptError('series goes beyond its section', this.#at)
    }
    return this.#more().then(() => this.next())
  }

  #isLast(): boolean {
    return this.#start + this.#bytes.length >= this.#source.lookup.series.end
  }

  #parse(): Entry {
    const { lookup, block } = this.#source
    const offset = this.#start + this.#at
    this.#places.clear()
    const { labelRefs, end } = parseSeriesInto(this.#bytes, this.#at, this.#places)
    this.#at = end
    const symbols = lookup.symbols.indexesOf(labelRefs)
    if (this.#last && compareRefs(this.#last, symbols) >= 0) {
      const text = formatLabels(labelsOf(symbols, lookup))
      throw new CorruptError(`series ${text} is out of order`, offset).in(`${block.id}/index`)
    }
    this.#last = symbols
    return {
      symbols,
      places: this.#places,
      id: lookup.indexVersion === 1 ? offset : offset / SERIES_ALIGN,
    }
  }

  async #more(): Promise<void> {
    const rest = this.#bytes.subarray(this.#at)
    const more = await (this.#next ?? this.#fetch(this.#start + this.#bytes.length))
    const bytes = new Uint8Array(rest.length + more.length)
    bytes.set(rest)
    bytes.set(more, rest.length)
    this.#start += this.#at
    this.#bytes = bytes
    this.#at = 0
    const end = this.#start + bytes.length
    this.#next = end < this.#source.lookup.series.end ? this.#fetch(end) : undefined
    this.#next?.catch(() => undefined)
  }

  #fetch(start: number): Promise<Uint8Array> {
    const { bucket, block, lookup, pieceBytes, signal } = this.#source
    const end = Math.min(start + pieceBytes, lookup.series.end)
    return bucket.getRange(`${block.id}/index`, start, end, { signal })
  }
}

/**
 * A place in the index at or before the first series that is not less than `from`: where the first metric begins that is not less than
 * its metric. Series whose labels begin with others than the metric's name are in front of all those, or behind.
 */
function startOfRange(lookup: Lookup, from: Labels): number {
  const { start } = lookup.series
  const [name, value] = from
  if (name === undefined || compareUtf8(name, METRIC_NAME) < 0) return start
  const names = lookup.metricNames()
  const metric =
    name === METRIC_NAME ? names.find((one) => compareUtf8(one, value!) >= 0) : undefined
  const first = metric ?? names.at(-1)
  return first === undefined ? start : lookup.metricRange(first)!.start
}

function labelsOf(symbols: readonly number[], lookup: Lookup): Labels {
  return Array.from(symbols, (symbol) => lookup.symbols.lookup(lookup.symbols.refOf(symbol)))
}

/** Of an entry's size field at most. */
const SIZE_BYTES = 10
