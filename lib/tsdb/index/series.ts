/** A series entry of the index: references of its labels, and where its chunks are. */
import { CorruptError } from '#lib/model/errors.ts'
import { ByteReader } from '#lib/bytes/byte-reader.ts'
import type { ByteWriter } from '#lib/bytes/byte-writer.ts'
import type { ChunkPlaces } from './chunk-places.ts'
import type { IndexVersion } from './toc.ts'

/** Series begin at multiples of this, and version 2 numbers them in these units. */
export const SERIES_ALIGN = 16

/** `segment` counts from 0: `chunks/000001`. `offset` is that of the chunk's size field. */
export interface ChunkMeta {
  readonly minTimeMs: number
  readonly maxTimeMs: number
  readonly segment: number
  readonly offset: number
}

export interface SeriesEntry {
  /** Name, value, name, value…, as symbol references. */
  readonly labelRefs: readonly number[]
  readonly chunks: readonly ChunkMeta[]
  /** Behind the checksum. */
  readonly end: number
}

/** File offset of the series that postings call `id`. */
export function seriesOffset(id: number, version: IndexVersion): number {
  return version === 1 ? id : id * SERIES_ALIGN
}

/** Bytes of the entry that begins at `at`, from its first bytes (ten suffice). */
export function seriesEntrySize(bytes: Uint8Array, at: number): number {
  const reader = new ByteReader(bytes, at)
  const size = reader.uvarint()
  return reader.offset - at + size + 4
}

/** The entry at `at`. Chunks are in time order and don't overlap, says the format. */
export function parseSeries(bytes: Uint8Array, at: number): SeriesEntry {
  const chunks: ChunkMeta[] = []
  const { labelRefs, end } = parseSeriesInto(bytes, at, {
    add(minTimeMs, maxTimeMs, segment, offset) {
      chunks.push({ minTimeMs, maxTimeMs, segment, offset })
    },
  })
  return { labelRefs, chunks, end }
}

/** Takes chunk after chunk of an entry. */
export interface ChunkSink {
  add(minTimeMs: number, maxTimeMs: number, segment: number, offset: number): void
}

/** The same without an object for each chunk. */
export function parseSeriesInto(
  bytes: Uint8Array,
  at: number,
  into: ChunkSink,
): Pick<SeriesEntry, 'labelRefs' | 'end'> {
  const frame = new ByteReader(bytes, at)
  const size = frame.uvarint()
  const from = frame.offset
  frame.skip(size)
  frame.expectCrc(from)
  const reader = new ByteReader(bytes, from, from + size)

  const labelRefs = parseLabelRefs(reader)

  const chunkCount = reader.uvarint32()
  if (chunkCount * 3 > reader.remaining) {
    throw new CorruptError(`${chunkCount} chunks in ${reader.remaining} bytes`, reader.offset)
  }
  let time = 0
  let ref = 0
  for (let i = 0; i < chunkCount; i++) {
    // Less than nothing where chunks are out of order, which blocks of old had.
    const minTimeMs = i === 0 ? reader.varint() : time + reader.uvarintOfInt()
    const maxTimeMs = minTimeMs + reader.uvarint()
    ref = i === 0 ? reader.uvarint() : ref + reader.varint()
    if (ref < 0) throw new CorruptError(`chunk reference ${ref}`, reader.offset)
    time = maxTimeMs
    into.add(minTimeMs, maxTimeMs, Math.floor(ref / 0x1_0000_0000), ref % 0x1_0000_0000)
  }
  if (reader.remaining > 0) {
    throw new CorruptError(`${reader.remaining} bytes behind the last chunk`, reader.offset)
  }
  return { labelRefs, end: frame.offset }
}

function parseLabelRefs(reader: ByteReader): readonly number[] {
  const at = reader.offset
  const labelCount = reader.uvarint32()
  // Two references of a byte each at least.
  if (labelCount * 2 > reader.remaining) {
    throw new CorruptError(`${labelCount} labels in ${reader.remaining} bytes`, at)
  }
  // A typed array would be outside of V8's heap, which costs more than all the rest.
  const labelRefs: number[] = []
  for (let i = 0; i < labelCount * 2; i++) labelRefs.push(reader.uvarint32())
  return labelRefs
}

/** Appends size, body and checksum; gives the number of bytes. */
export function writeSeries(
  out: ByteWriter,
  labelRefs: ArrayLike<number>,
  chunks: ChunkPlaces,
  body: ByteWriter,
): number {
  const { length, minTimes, maxTimes, segments, offsets } = chunks
  body.clear()
  body.uvarint(labelRefs.length / 2)
  for (let i = 0; i < labelRefs.length; i++) body.uvarint(labelRefs[i]!)
  body.uvarint(length)
  let time = 0
  let ref = 0
  for (let i = 0; i < length; i++) {
    const minTimeMs = minTimes[i]!
    const nextRef = segments[i]! * 0x1_0000_0000 + offsets[i]!
    if (i === 0) body.varint(minTimeMs)
    else body.uvarint(minTimeMs - time)
    time = maxTimes[i]!
    body.uvarint(time - minTimeMs)
    if (i === 0) body.uvarint(nextRef)
    else body.varint(nextRef - ref)
    ref = nextRef
  }
  const size = body.length
  const start = out.length
  out.uvarint(size)
  body.crc(0)
  out.append(body.bytes())
  return out.length - start
}

/** What the first bytes of an entry say, checksum unseen. */
export interface SeriesHead {
  /** Name, value, name, value…, as symbol references. */
  readonly labelRefs: readonly number[]
  readonly chunkCount: number
  /** Where the first chunk is; of the block's first where there is none. */
  readonly segment: number
  readonly offset: number
}

/** Of the entry at `at`. Throws CorruptError also where the bytes are too few. */
export function parseSeriesHead(bytes: Uint8Array, at: number): SeriesHead {
  const reader = new ByteReader(bytes, at)
  reader.uvarint()
  const labelRefs = parseLabelRefs(reader)
  const chunkCount = reader.uvarint32()
  if (chunkCount === 0) return { labelRefs, chunkCount, segment: 0, offset: 0 }
  reader.varint()
  reader.uvarint()
  const ref = reader.uvarint()
  return {
    labelRefs,
    chunkCount,
    segment: Math.floor(ref / 0x1_0000_0000),
    offset: ref % 0x1_0000_0000,
  }
}
