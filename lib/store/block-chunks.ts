/** Fetches the chunks a selection wants: ranges planned over all segments, read side by side, checked where they enter. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { CorruptError } from '#lib/model/errors.ts'
import {
  MAX_CHUNK_OVERHEAD,
  chunkFrameSize,
  readChunk,
  segmentFileName,
} from '#lib/tsdb/chunk/chunk-frame.ts'
import type { ChunkMeta } from '#lib/tsdb/index/series.ts'
import type { ByteRange, CoalesceOptions, FetchedPart } from './ranges.ts'
import { FetchedRanges, coalesce } from './ranges.ts'

/** A chunk in memory, its checksum verified. */
export interface LoadedChunk {
  readonly minTimeMs: number
  readonly maxTimeMs: number
  readonly encoding: number
  readonly data: Uint8Array
}

/** Where nothing says how large chunks get: more than 120 samples of a busy gauge take. A larger one is read again. */
const USUAL_CHUNK_BYTES = 2048

export interface SegmentReads {
  readonly segment: number
  readonly ranges: readonly ByteRange[]
}

/**
 * What to read for `wanted` chunks. The index has no chunk lengths, but a chunk ends where the next one begins: `known`
 * are offsets of other chunks (ascending by segment and offset, `wanted` included), used as ends.
 */
export function planChunks(
  block: Pick<BlockRecord, 'segmentSizes' | 'chunkMaxSize'>,
  wanted: readonly ChunkMeta[],
  known: readonly ChunkMeta[],
  options: CoalesceOptions,
): SegmentReads[] {
  const bound = (block.chunkMaxSize || USUAL_CHUNK_BYTES) + MAX_CHUNK_OVERHEAD
  const bySegment = new Map<number, ByteRange[]>()
  let k = 0
  for (const chunk of wanted) {
    while (k < known.length && compareChunks(known[k]!, chunk) <= 0) k++
    const next = known[k]
    const segmentSize = block.segmentSizes[chunk.segment] ?? Infinity
    const until = next?.segment === chunk.segment ? next.offset : segmentSize
    const end = Math.min(until, chunk.offset + bound, segmentSize)
    let ranges = bySegment.get(chunk.segment)
    if (!ranges) bySegment.set(chunk.segment, (ranges = []))
    ranges.push({ start: chunk.offset, end: Math.max(end, chunk.offset + 1) })
  }
  return [...bySegment].map(([segment, ranges]) => ({ segment, ranges: coalesce(ranges, options) }))
}

export function compareChunks(a: ChunkMeta, b: ChunkMeta): number {
  return a.segment - b.segment || a.offset - b.offset
}

/** Ascending by segment and offset. Mostly they are already, and then this is the same array. */
export function sortedChunks(chunks: readonly ChunkMeta[]): readonly ChunkMeta[] {
  for (let i = 1; i < chunks.length; i++) {
    if (compareChunks(chunks[i - 1]!, chunks[i]!) > 0) return [...chunks].sort(compareChunks)
  }
  return chunks
}

/** `wanted` ascend by segment and offset. The answer is in the same order. */
export async function fetchChunks(
  bucket: Bucket,
  block: BlockRecord,
  wanted: readonly ChunkMeta[],
  known: readonly ChunkMeta[],
  options: CoalesceOptions,
  signal?: AbortSignal,
): Promise<LoadedChunk[]> {
  const fetched = new Map<number, FetchedRanges>()
  await Promise.all(
    planChunks(block, wanted, known, options).flatMap(({ segment, ranges }) => {
      const parts = new FetchedRanges()
      fetched.set(segment, parts)
      return ranges.map(async ({ start, end }) => {
        parts.add(start, await bucket.getRange(segmentKey(block, segment), start, end, { signal }))
      })
    }),
  )
  const chunks: LoadedChunk[] = []
  for (const meta of wanted) {
    const parts = fetched.get(meta.segment)!
    const chunk = chunkWithin(block, meta, parts.holding(meta.offset))
    if (chunk) chunks.push(chunk)
    else {
      const bytes = await wholeChunk(bucket, block, meta, parts, signal)
      chunks.push(checkedChunk(block, meta, bytes, 0))
    }
  }
  return chunks
}

/** The usual case, without waiting and with one view: the chunk lies in one read. */
function chunkWithin(
  block: BlockRecord,
  meta: ChunkMeta,
  part: FetchedPart | undefined,
): LoadedChunk | undefined {
  if (!part) return undefined
  const { bytes } = part
  const at = meta.offset - part.start
  if (at + MAX_CHUNK_OVERHEAD > bytes.length) return undefined
  const size = inSegment(block, meta, at, () => chunkFrameSize(bytes, at))
  return at + size <= bytes.length ? checkedChunk(block, meta, bytes, at) : undefined
}

/** The bytes of one chunk, read again where the guess of its end fell short. */
async function wholeChunk(
  bucket: Bucket,
  block: BlockRecord,
  meta: ChunkMeta,
  parts: FetchedRanges,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const { segment, offset } = meta
  const head = parts.at(offset, offset + MAX_CHUNK_OVERHEAD) ?? new Uint8Array(0)
  const size = inSegment(block, meta, 0, () => chunkFrameSize(head, 0))
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
function checkedChunk(
  block: BlockRecord,
  meta: ChunkMeta,
  bytes: Uint8Array,
  at: number,
): LoadedChunk {
  const { minTimeMs, maxTimeMs } = meta
  const { encoding, data } = inSegment(block, meta, at, () => readChunk(bytes, at))
  return { minTimeMs, maxTimeMs, encoding, data }
}

/** Errors of the chunk, which is read at `at` of some bytes, get the object's key and the offset in it. */
function inSegment<T>(
  block: BlockRecord,
  { segment, offset }: ChunkMeta,
  at: number,
  read: () => T,
): T {
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
