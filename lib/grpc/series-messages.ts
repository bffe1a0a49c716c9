/**
 * `SeriesResponse`, the frames of a Series answer, in and out of bytes. Written out by hand, since there are millions of them: the bytes of chunks
 * are copied once on the way out and not at all on the way in.
 *
 * Series come in the order of their labels; a series with many chunks may go on in the next frame, with its labels again. The hash of a chunk
 * is neither written nor read: who wants to compare chunks computes it.
 */
import { ProtoReader, ProtoWriter } from '#lib/bytes/protobuf.ts'
import { CorruptError } from '#lib/model/errors.ts'
import type { Labels } from '#lib/model/labels.ts'
import { FLOAT_HISTOGRAM, XOR, type EncodedChunk } from '#lib/tsdb/chunk/chunk.ts'
import { appendLabels } from './label-fields.ts'
import { within } from './message.ts'
import { any, type Any } from './store-messages.ts'

/** `series` is empty in a frame of something else. */
export interface SeriesResponse {
  readonly series: readonly Series[]
  readonly warning?: string
  readonly hints?: Any
}

export interface Series {
  readonly labels: Labels
  readonly chunks: readonly AggrChunk[]
}

/** Samples as they are in `raw`, or downsampled ones in one chunk for each of the aggregates that were asked for. */
export interface AggrChunk {
  readonly minTimeMs: number
  readonly maxTimeMs: number
  /** Encodings are those of lib/tsdb: XOR, HISTOGRAM and FLOAT_HISTOGRAM. */
  readonly raw?: EncodedChunk
  readonly count?: EncodedChunk
  readonly sum?: EncodedChunk
  readonly min?: EncodedChunk
  readonly max?: EncodedChunk
  readonly counter?: EncodedChunk
}

/** At their field numbers, from 3 on. */
export const CHUNK_PARTS = ['raw', 'count', 'sum', 'min', 'max', 'counter'] as const
export type ChunkPart = (typeof CHUNK_PARTS)[number]
const FIRST_PART = 3

/** A frame is given away when it has that many bytes, also in the midst of a series. */
const FRAME_BYTES = 1024 * 1024

/** Puts series into frames. */
export class SeriesFrameWriter {
  /** Series begun in this frame. */
  count = 0
  #out = new ProtoWriter(4096)
  readonly #batchSize: number
  #batch = 0
  #series = 0
  #chunk = 0

  /** `batchSize`: series in a frame; with 0 or 1 there is no batch around the one. */
  constructor(batchSize = 1) {
    this.#batchSize = Math.max(batchSize, 1)
  }

  /** True when the frame should be taken before the next series. */
  get isFull(): boolean {
    return this.count >= this.#batchSize || this.#out.length >= FRAME_BYTES
  }

  /** True when the frame should be taken and the series begun again, although it has more chunks. */
  get isLarge(): boolean {
    return this.#out.length >= FRAME_BYTES
  }

  beginSeries(labels: Labels): void {
    const out = this.#out
    if (this.#batchSize > 1 && this.count === 0) this.#batch = out.begin(4)
    this.count++
    this.#series = out.begin(1)
    appendLabels(out, 1, labels)
  }

  endSeries(): void {
    this.#out.end(this.#series)
  }

  beginChunk(minTimeMs: number, maxTimeMs: number): void {
    this.#chunk = this.#out.begin(2)
    this.#out.int(1, minTimeMs)
    this.#out.int(2, maxTimeMs)
  }

  part(part: ChunkPart, encoding: number, data: Uint8Array): void {
    const out = this.#out
    const start = out.begin(FIRST_PART + CHUNK_PARTS.indexOf(part))
    if (encoding !== XOR) out.int(1, encoding - XOR)
    out.bytesOf(2, data)
    out.end(start)
  }

  endChunk(): void {
    this.#out.end(this.#chunk)
  }

  /** The frame as it goes over the wire, the caller's own. */
  take(): Uint8Array<ArrayBuffer> {
    if (this.#batchSize > 1 && this.count > 0) this.#out.end(this.#batch)
    this.count = 0
    const size = this.#out.length
    const frame = this.#out.take()
    this.#out = new ProtoWriter(size + 256)
    return frame
  }
}

/** One frame; more than one series are a batch. */
export function encodeSeriesResponse(response: SeriesResponse): Uint8Array<ArrayBuffer> {
  const { series, warning, hints } = response
  if (warning !== undefined) return encodeWarning(warning)
  if (hints !== undefined) return encodeHints(hints)
  const frame = new SeriesFrameWriter(series.length)
  for (const { labels, chunks } of series) {
    frame.beginSeries(labels)
    for (const chunk of chunks) {
      frame.beginChunk(chunk.minTimeMs, chunk.maxTimeMs)
      for (const part of CHUNK_PARTS) {
        const encoded = chunk[part]
        if (encoded) frame.part(part, encoded.encoding, encoded.data)
      }
      frame.endChunk()
    }
    frame.endSeries()
  }
  return frame.take()
}

export function encodeWarning(warning: string): Uint8Array<ArrayBuffer> {
  const out = new ProtoWriter(warning.length + 16)
  out.string(2, warning)
  return out.take()
}

export function encodeHints(hints: Any): Uint8Array<ArrayBuffer> {
  const out = new ProtoWriter(hints.value.length + 128)
  const start = out.begin(3)
  any.append(out, hints)
  out.end(start)
  return out.take()
}

/** Chunks share memory with the frame. Throws CorruptError. */
export function decodeSeriesResponse(frame: Uint8Array): SeriesResponse {
  return within('SeriesResponse', () => {
    const series: Series[] = []
    let warning: string | undefined
    let hints: Any | undefined
    const reader = new ProtoReader(frame)
    while (reader.next()) {
      if (reader.field === 1) series.push(readSeries(reader))
      else if (reader.field === 2) warning = reader.string()
      else if (reader.field === 3) hints = any.read(reader.message())
      else if (reader.field === 4) readBatch(reader, series)
      else reader.skip()
    }
    return { series, ...(warning !== undefined && { warning }), ...(hints && { hints }) }
  })
}

function readBatch(reader: ProtoReader, into: Series[]): void {
  const outer = reader.enter()
  while (reader.next()) {
    if (reader.field === 1) into.push(readSeries(reader))
    else reader.skip()
  }
  reader.leave(outer)
}

function readSeries(reader: ProtoReader): Series {
  const labels: string[] = []
  const chunks: AggrChunk[] = []
  const outer = reader.enter()
  while (reader.next()) {
    if (reader.field === 1) readLabel(reader, labels)
    else if (reader.field === 2) chunks.push(readChunk(reader))
    else reader.skip()
  }
  reader.leave(outer)
  return { labels, chunks }
}

function readLabel(reader: ProtoReader, into: string[]): void {
  let name = ''
  let value = ''
  const outer = reader.enter()
  while (reader.next()) {
    if (reader.field === 1) name = reader.string()
    else if (reader.field === 2) value = reader.string()
    else reader.skip()
  }
  reader.leave(outer)
  into.push(name, value)
}

type OpenChunk = { -readonly [K in keyof AggrChunk]: AggrChunk[K] }

function readChunk(reader: ProtoReader): AggrChunk {
  const chunk: OpenChunk = { minTimeMs: 0, maxTimeMs: 0 }
  const outer = reader.enter()
  while (reader.next()) {
    const part = CHUNK_PARTS[reader.field - FIRST_PART]
    if (reader.field === 1) chunk.minTimeMs = reader.int()
    else if (reader.field === 2) chunk.maxTimeMs = reader.int()
    else if (part !== undefined) chunk[part] = readPart(reader)
    else reader.skip()
  }
  reader.leave(outer)
  return chunk
}

function readPart(reader: ProtoReader): EncodedChunk {
  let encoding = XOR
  let data: Uint8Array = NO_DATA
  const outer = reader.enter()
  while (reader.next()) {
    if (reader.field === 1) encoding = XOR + reader.int()
    else if (reader.field === 2) data = reader.bytes()
    else reader.skip()
  }
  reader.leave(outer)
  if (encoding < XOR || encoding > FLOAT_HISTOGRAM) {
    throw new CorruptError(`chunk type ${encoding - XOR}`, 0)
  }
  return { encoding, data }
}

const NO_DATA = new Uint8Array(0)
