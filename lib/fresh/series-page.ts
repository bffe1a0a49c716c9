/**
 * A page of series, in columns, so that it compresses well and is read without an object per chunk:
 *
 *     base time varint
 *     symbols: count, strings
 *     series count; for each: number of labels, (name, value) as numbers of symbols
 *     for each series: number of chunks; for each: first time − base, last − first, bytes of data
 *     for each chunk: encoding 1b, data
 */
import { ByteReader } from '#lib/bytes/byte-reader.ts'
import { ByteWriter } from '#lib/bytes/byte-writer.ts'
import { CorruptError } from '#lib/model/errors.ts'
import { compareUtf8, type Labels } from '#lib/model/labels.ts'
import type { ReadyChunk } from '#lib/tsdb/chunk/chunk.ts'

export class SeriesPageWriter {
  seriesCount = 0
  /** Least and greatest metric name. */
  first = ''
  last = ''
  readonly #symbols = new Map<string, number>()
  readonly #symbolBytes = new ByteWriter(4096)
  readonly #labels = new ByteWriter(4096)
  readonly #chunks = new ByteWriter(4096)
  readonly #data = new ByteWriter(65_536)
  #baseMs: number | undefined

  /** About, before compression. */
  get byteLength(): number {
    return this.#symbolBytes.length + this.#labels.length + this.#chunks.length + this.#data.length
  }

  add(labels: Labels, metric: string, chunks: readonly ReadyChunk[]): void {
    if (this.seriesCount === 0) this.first = this.last = metric
    else if (compareUtf8(metric, this.first) < 0) this.first = metric
    else if (compareUtf8(metric, this.last) > 0) this.last = metric
    this.seriesCount++
    this.#labels.uvarint(labels.length / 2)
    for (let i = 0; i < labels.length; i++) this.#labels.uvarint(this.#symbol(labels[i]!))
    this.#chunks.uvarint(chunks.length)
    for (let i = 0; i < chunks.length; i++) {
      const { minTimeMs, maxTimeMs, encoding, data } = chunks[i]!
      this.#baseMs ??= minTimeMs
      this.#chunks.varint(minTimeMs - this.#baseMs)
      this.#chunks.uvarint(maxTimeMs - minTimeMs)
      this.#chunks.uvarint(data.length)
      this.#data.uint8(encoding)
      this.#data.append(data)
    }
  }

  #symbol(text: string): number {
    const known = this.#symbols.get(text)
    if (known !== undefined) return known
    const number = this.#symbols.size
    this.#symbols.set(text, number)
    this.#symbolBytes.string(text)
    return number
  }

  /** The page so far; then it is empty again. */
  finish(): Uint8Array {
    const page = new ByteWriter(this.byteLength + 32)
    page.varint(this.#baseMs ?? 0)
    page.uvarint(this.#symbols.size)
    page.append(this.#symbolBytes.bytes())
    page.uvarint(this.seriesCount)
    for (const part of [this.#labels, this.#chunks, this.#data]) page.append(part.bytes())
    for (const part of [this.#symbolBytes, this.#labels, this.#chunks, this.#data]) part.clear()
    this.#symbols.clear()
    this.#baseMs = undefined
    this.seriesCount = 0
    return page.bytes()
  }
}

/** Series i has the labels `refs[refStarts[i]]…` (name, value, as numbers of symbols) and the chunks `chunkStarts[i]…`. */
export interface SeriesPage {
  readonly bytes: Uint8Array
  readonly symbols: readonly string[]
  readonly seriesCount: number
  /** One more than there are series, as `chunkStarts`. */
  readonly refStarts: Uint32Array
  readonly refs: Uint32Array
  readonly chunkStarts: Uint32Array
  readonly minTimes: Float64Array
  readonly maxTimes: Float64Array
  /** Data are [starts, ends) of `bytes`; the byte before is the encoding. */
  readonly starts: Uint32Array
  readonly ends: Uint32Array
}

/** Throws CorruptError; `bytes` are a page that is decompressed. */
export function parseSeriesPage(bytes: Uint8Array): SeriesPage {
  const reader = new ByteReader(bytes)
  const baseMs = reader.varint()
  const symbols = readStrings(reader)
  const seriesCount = countWithin(reader)
  const { refStarts, refs } = readRefs(reader, seriesCount, symbols.length)
  const chunkStarts = new Uint32Array(seriesCount + 1)
  // Each chunk takes three bytes at least.
  const room = scratchOf(reader.remaining / 3)
  let rows = 0
  for (let series = 0; series < seriesCount; series++) {
    const at = reader.offset
    const count = reader.uvarint()
    if (count * 3 > reader.remaining) throw new CorruptError('more chunks than bytes hold', at)
    for (const end = rows + count; rows < end; rows++) {
      const minTimeMs = baseMs + reader.varint()
      room.minTimes[rows] = minTimeMs
      room.maxTimes[rows] = minTimeMs + reader.uvarint()
      room.numbers[rows] = reader.uvarint32()
    }
    chunkStarts[series + 1] = rows
  }
  const starts = new Uint32Array(rows)
  const ends = new Uint32Array(rows)
  for (let row = 0; row < rows; row++) {
    reader.skip(1)
    starts[row] = reader.offset
    reader.skip(room.numbers[row]!)
    ends[row] = reader.offset
  }
  if (reader.remaining > 0) throw new CorruptError('bytes behind the last chunk', reader.offset)
  return {
    bytes,
    symbols,
    seriesCount,
    refStarts,
    refs,
    chunkStarts,
    minTimes: room.minTimes.slice(0, rows),
    maxTimes: room.maxTimes.slice(0, rows),
    starts,
    ends,
  }
}

function readRefs(
  reader: ByteReader,
  seriesCount: number,
  symbolCount: number,
): Pick<SeriesPage, 'refs' | 'refStarts'> {
  const refStarts = new Uint32Array(seriesCount + 1)
  const { numbers } = scratchOf(reader.remaining)
  let length = 0
  for (let series = 0; series < seriesCount; series++) {
    const at = reader.offset
    const count = reader.uvarint() * 2
    if (count > reader.remaining) throw new CorruptError('more labels than bytes hold', at)
    for (const end = length + count; length < end; length++) {
      const ref = reader.uvarint()
      if (ref >= symbolCount) throw new CorruptError(`no symbol ${ref}`, at)
      numbers[length] = ref
    }
    refStarts[series + 1] = length
  }
  return { refStarts, refs: numbers.slice(0, length) }
}

interface Scratch {
  readonly numbers: Uint32Array
  readonly minTimes: Float64Array
  readonly maxTimes: Float64Array
}

/** Used by each page in turn, as how much it needs is only known at its end. */
let scratch: Scratch | undefined

function scratchOf(length: number): Scratch {
  if (scratch && scratch.numbers.length >= length) return scratch
  const size = Math.ceil(length)
  scratch = {
    numbers: new Uint32Array(size),
    minTimes: new Float64Array(size),
    maxTimes: new Float64Array(size),
  }
  return scratch
}

/** The labels of series `series` of a page. */
export function labelsOfSeries({ symbols, refs, refStarts }: SeriesPage, series: number): Labels {
  const labels: string[] = []
  const end = refStarts[series + 1]!
  for (let i = refStarts[series]!; i < end; i++) labels.push(symbols[refs[i]!]!)
  return labels
}

export function readStrings(reader: ByteReader): string[] {
  const strings: string[] = []
  for (let left = countWithin(reader); left > 0; left--) strings.push(reader.string())
  return strings
}

/** Of things that take a byte each at least. */
export function countWithin(reader: ByteReader): number {
  const at = reader.offset
  const count = reader.uvarint()
  if (count > reader.remaining) throw new CorruptError(`${count} entries in too few bytes`, at)
  return count
}
