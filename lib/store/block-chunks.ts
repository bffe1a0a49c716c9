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
import type { ChunkTable } from './chunk-table.ts'
import type { LoadedChunks } from './loaded-chunks.ts'
import type { ByteRange, CoalesceOptions, FetchedPart } from './ranges.ts'
import { FetchedRanges, coalesce, readsOf } from './ranges.ts'
import type { StoreCache } from './store-cache.ts'

/** Where nothing says how large chunks get: more than 120 samples of a busy gauge take. A larger one is read again. */
const USUAL_CHUNK_BYTES = 2048

export interface SegmentReads {
  readonly segment: number
  /** Bytes that are wanted of the ranges. */
  readonly wanted: number
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
  const reads: { segment: number; wanted: number; ranges: { start: number; end: number }[] }[] = []
  let current: (typeof reads)[number] | undefined
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!
    const segment = segments[row]!
    if (segment !== current?.segment) reads.push((current = { segment, wanted: 0, ranges: [] }))
    const { ranges } = current
    const last = ranges[ranges.length - 1]
    const start = offsets[row]!
    const segmentSize = block.segmentSizes[segment] ?? Infinity
    const guess = Math.min(nextOffsets[row] || segmentSize, start + bound, segmentSize)
    const end = Math.max(guess, start + 1)
    current.wanted += end - start
    // Joined on the way, or there would be an object for each of a million chunks.
    if (last && start - last.end <= options.maxGap) last.end = Math.max(last.end, end)
    else ranges.push({ start, end })
  }
  return reads.map((read) => ({ ...read, ranges: coalesce(read.ranges, options) }))
}

export interface ChunkRead {
  readonly bucket: Bucket
  readonly block: BlockRecord
  readonly chunks: LoadedChunks
  readonly signal?: AbortSignal | undefined
}

export interface ChunkFetch extends ChunkRead {
  readonly cache: StoreCache
  /** What the cache calls the chunks. */
  readonly key: string
}

/** Reads the chunks of `rows`, which are not loaded yet. */
export async function readRows(read: ChunkRead, rows: Uint32Array): Promise<void> {
  const { table } = read.chunks
  const sorted = table.sorted(rows)
  await readChunks(read, sorted, planChunks(read.block, table, sorted, readsOf(read.bucket)))
}

/** Reads the chunks of `rows`, which are not loaded yet, and keeps them. */
export async function fetchChunks(fetch: ChunkFetch, rows: Uint32Array): Promise<void> {
  const { bucket, cache, block, key, chunks } = fetch
  const sorted = chunks.table.sorted(rows)
  const reads = planChunks(block, chunks.table, sorted, readsOf(bucket))
  const bytes = reads.reduce((sum, { wanted }) => sum + wanted, 0)
  await cache.addChunks(key, chunks, bytes, () => readChunks(fetch, sorted, reads))
}

async function readChunks(
  { bucket, block, chunks, signal }: ChunkRead,
  rows: Uint32Array,
  reads: readonly SegmentReads[],
): Promise<void> {
  const { table } = chunks
  const fetched = new Map<number, FetchedSegment>()
  await Promise.all(
    reads.flatMap(({ segment, ranges, wanted }) => {
      const parts = new FetchedRanges()
      const read = ranges.reduce((sum, { start, end }) => sum + end - start, 0)
      fetched.set(segment, { parts, copyBytes: wanted * 2 < read ? wanted : 0 })
      return ranges.map(async ({ start, end }) => {
        parts.add(start, await bucket.getRange(segmentKey(block, segment), start, end, { signal }))
      })
    }),
  )
  const cutOff = addWhole(block, chunks, rows, fetched)
  for (const row of cutOff) {
    const segment = table.segments[row]!
    const place: Place = { block, segment, offset: table.offsets[row]! }
    const bytes = await wholeChunk(bucket, place, fetched.get(segment)!.parts, signal)
    const { start, end } = inSegment(place, 0, () => checkChunk(bytes, 0))
    chunks.set(row, chunks.addBuffer(bytes), start, end)
  }
}

interface FetchedSegment {
  readonly parts: FetchedRanges
  /** Where most of what was read is not wanted, the wanted bytes are copied out of it: so many, 0 where not. */
  readonly copyBytes: number
}

interface Place {
  readonly block: BlockRecord
  readonly segment: number
  readonly offset: number
}

/** Those that lie in one read each, nearly all; gives the others. */
function addWhole(
  block: BlockRecord,
  chunks: LoadedChunks,
  rows: Uint32Array,
  fetched: ReadonlyMap<number, FetchedSegment>,
): number[] {
  const { segments, offsets } = chunks.table
  const cutOff: number[] = []
  let segment = -1
  let part: FetchedPart | undefined
  let copy: Uint8Array | undefined
  let copied = 0
  let buffer = 0
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!
    const offset = offsets[row]!
    if (segments[row] !== segment) {
      segment = segments[row]!
      part = undefined
      const { copyBytes } = fetched.get(segment)!
      copy = copyBytes > 0 ? new Uint8Array(copyBytes) : undefined
      copied = 0
      if (copy) buffer = chunks.addBuffer(copy)
    }
    if (!part || offset >= part.end) {
      part = fetched.get(segment)!.parts.holding(offset)
      if (part && !copy) buffer = chunks.addBuffer(part.bytes)
    }
    const at = part ? offset - part.start : 0
    if (!part || at + MAX_CHUNK_OVERHEAD > part.bytes.length) {
      cutOff.push(row)
      continue
    }
    const { bytes } = part
    try {
      const size = chunkFrameSize(bytes, at)
      if (at + size > bytes.length || (copy && copied + size > copy.length)) {
        cutOff.push(row)
        continue
      }
      const { start, end } = checkChunk(bytes, at)
      if (copy) {
        copy.set(bytes.subarray(start - 1, end), copied)
        chunks.set(row, buffer, copied + 1, copied + 1 + end - start)
        copied += 1 + end - start
      } else chunks.set(row, buffer, start, end)
    } catch (error) {
      throw placed(error, { block, segment, offset }, at)
    }
  }
  return cutOff
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

function inSegment<T>(place: Place, at: number, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw placed(error, place, at)
  }
}

/** Errors of the chunk, which is read at `at` of some bytes, get the object's key and the offset in it. */
function placed(error: unknown, { block, segment, offset }: Place, at: number): unknown {
  if (!(error instanceof CorruptError)) return error
  return new CorruptError(error.reason, offset + error.offset - at, {
    where: segmentKey(block, segment),
    cause: error,
  })
}

function segmentKey(block: BlockRecord, segment: number): string {
  return `${block.id}/${segmentFileName(segment)}`
}
