/** Fetches the chunks a selection wants: ranges planned over all segments, read side by side, checked where they enter. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { CorruptError } from '#lib/model/errors.ts'
import {
  MAX_CHUNK_OVERHEAD,
  checkChunk,
  chunkFrameSize,
  segmentFileName,
} from '#lib/tsdb/chunk/chunk-frame.ts'
import { type ChunkTable, LoadedChunks } from './chunk-table.ts'
import type { ByteRange, CoalesceOptions, FetchedPart } from './ranges.ts'
import { FetchedRanges, coalesce } from './ranges.ts'

/** Where nothing says how large chunks get: more than 120 samples of a busy gauge take. A larger one is read again. */
const USUAL_CHUNK_BYTES = 2048

export interface SegmentReads {
  readonly segment: number
  readonly ranges: readonly ByteRange[]
}

/**
 * What to read for the chunks of `rows`, in file order. The index has no chunk lengths, but a chunk ends where the next
 * one begins.
 */
export function planChunks(
  block: Pick<BlockRecord, 'segmentSizes' | 'chunkMaxSize'>,
  { segments, offsets, nextOffsets }: ChunkTable,
  rows: Uint32Array,
  options: CoalesceOptions,
): SegmentReads[] {
  const bound = (block.chunkMaxSize || USUAL_CHUNK_BYTES) + MAX_CHUNK_OVERHEAD
  const bySegment = new Map<number, ByteRange[]>()
  let ranges: ByteRange[] = []
  let current = -1
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!
    const segment = segments[row]!
    if (segment !== current) bySegment.set(segment, (ranges = []))
    current = segment
    const start = offsets[row]!
    const segmentSize = block.segmentSizes[segment] ?? Infinity
    const end = Math.min(nextOffsets[row] || segmentSize, start + bound, segmentSize)
    ranges.push({ start, end: Math.max(end, start + 1) })
  }
  return [...bySegment].map(([segment, wanted]) => ({
    segment,
    ranges: coalesce(wanted, options),
  }))
}

/** The chunks of `rows`, in their order. */
export async function fetchChunks(
  bucket: Bucket,
  block: BlockRecord,
  table: ChunkTable,
  rows: Uint32Array,
  options: CoalesceOptions,
  signal?: AbortSignal,
): Promise<LoadedChunks> {
  const fetched = new Map<number, FetchedRanges>()
  await Promise.all(
    planChunks(block, table, table.sorted(rows), options).flatMap(({ segment, ranges }) => {
      const parts = new FetchedRanges()
      fetched.set(segment, parts)
      return ranges.map(async ({ start, end }) => {
        parts.add(start, await bucket.getRange(segmentKey(block, segment), start, end, { signal }))
      })
    }),
  )
  const chunks = new LoadedChunks(rows.length)
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!
    const place: Place = { block, segment: table.segments[row]!, offset: table.offsets[row]! }
    const parts = fetched.get(place.segment)!
    chunks.minTimes[i] = table.minTimes[row]!
    chunks.maxTimes[i] = table.maxTimes[row]!
    if (addFromRead(chunks, i, place, parts.holding(place.offset))) continue
    addChecked(chunks, i, place, await wholeChunk(bucket, place, parts, signal), 0)
  }
  return chunks
}

interface Place {
  readonly block: BlockRecord
  readonly segment: number
  readonly offset: number
}

/** The usual case, without waiting: the chunk lies in one read. */
function addFromRead(
  chunks: LoadedChunks,
  index: number,
  place: Place,
  part: FetchedPart | undefined,
): boolean {
  if (!part) return false
  const { bytes } = part
  const at = place.offset - part.start
  if (at + MAX_CHUNK_OVERHEAD > bytes.length) return false
  const size = inSegment(place, at, () => chunkFrameSize(bytes, at))
  if (at + size > bytes.length) return false
  addChecked(chunks, index, place, bytes, at)
  return true
}

/** The bytes of one chunk, read again where the guess of its end fell short. */
async function wholeChunk(
  bucket: Bucket,
  place: Place,
  parts: FetchedRanges,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const { block, segment, offset } = place
  const head = parts.at(offset, offset + MAX_CHUNK_OVERHEAD) ?? new Uint8Array(0)
  const size = inSegment(place, 0, () => chunkFrameSize(head, 0))
  const segmentSize = block.segmentSizes[segment] ?? Infinity
  if (offset + size > segmentSize) {
    throw new CorruptError(`chunk of ${size} bytes passes the end of ${segmentSize}`, offset, {
      where: segmentKey(block, segment),
    })
  }
  const bytes = parts.at(offset, offset + size)
  if (bytes && bytes.length === size) return bytes
  return bucket.getRange(segmentKey(block, segment), offset, offset + size, { signal })
}

/** The chunk at `at` of `bytes`. */
function addChecked(
  chunks: LoadedChunks,
  index: number,
  place: Place,
  bytes: Uint8Array,
  at: number,
): void {
  const { start, end } = inSegment(place, at, () => checkChunk(bytes, at))
  chunks.set(index, bytes[start - 1]!, bytes, start, end)
}

/** Errors of the chunk, which is read at `at` of some bytes, get the object's key and the offset in it. */
function inSegment<T>({ block, segment, offset }: Place, at: number, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof CorruptError)) throw error
    throw new CorruptError(error.reason, offset + error.offset - at, {
      where: segmentKey(block, segment),
      cause: error,
    })
  }
}

function segmentKey(block: BlockRecord, segment: number): string {
  return `${block.id}/${segmentFileName(segment)}`
}
