/** Makes a block of two hours of packs that no block of Prometheus will replace. */
import pLimit from 'p-limit'
import { putBlockMeta } from '#lib/blocks/put-block-meta.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { type FreshKey, parseFreshKey } from '#lib/fresh/fresh-key.ts'
import { laterDeletions } from '#lib/fresh/later-deletions.ts'
import { type OpenPack, openPack } from '#lib/fresh/open-pack.ts'
import { PackCursors } from '#lib/fresh/pack-cursor.ts'
import { markKey } from '#lib/fresh/pack-marks.ts'
import { asExtensions, packsInBlock, WINDOW_MS } from '#lib/fresh/packs-in-block.ts'
import { DomainError } from '#lib/model/errors.ts'
import { labelsKey } from '#lib/model/labels.ts'
import { BlockWriter } from '#lib/tsdb/block/block-writer.ts'
import type { BlockMeta } from '#lib/tsdb/block/meta.ts'
import { metaOfWritten } from '#lib/tsdb/block/thanos-meta.ts'
import type { Interval } from '#lib/tsdb/chunk/columns.ts'
import { BlockUpload } from '../block-upload.ts'
import { leaveLookup } from '../leave-lookup.ts'
import { ChunkMerger, type MergedChunk } from '../merge-chunks.ts'

export interface PacksToBlock {
  readonly bucket: Bucket
  /** Keys, all of the same external labels. What one of them deletes is deleted in all that came before it. */
  readonly packs: readonly string[]
  /** Samples of [startMs, endMs) are taken. */
  readonly startMs: number
  readonly endMs: number
  /** Of the new block. */
  readonly ulid: string
  readonly now: () => number
  /** Awaited when all but meta.json is in the bucket. Where it rejects, there will be no block. */
  readonly confirm?: (() => Promise<void>) | undefined
  /** Of all packs together that are held at a time, about. */
  readonly maxBytes?: number | undefined
  readonly onSeries?: ((count: number) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/** `source` of its meta.json. */
export const FRESH_SOURCE = 'thaw'

const DEFAULT_MAX_BYTES = 96 * 1024 * 1024
const MIN_PIECE_BYTES = 64 * 1024
const MAX_PIECE_BYTES = 2 * 1024 * 1024
const OPENED_AT_ONCE = 16
/** Asks about the signal, and tells the caller about its progress, this often. */
const TURN = 1000

/**
 * The meta.json of the new block, which is in the bucket and says of which packs it is made; undefined where they have no samples of that
 * time: then marks say so. The packs stay. May be run again with the same ULID. Exemplars and metadata are in no block.
 * Rejects with CorruptError, which names the pack, 'not-found' where a pack is gone, and 'invalid'.
 */
export async function packsToBlock(options: PacksToBlock): Promise<BlockMeta | undefined> {
  const { bucket, ulid, startMs, endMs, now, confirm, signal } = options
  const packs = inOrder(options.packs)
  const upload = new BlockUpload(bucket, ulid, signal)
  const writer = new BlockWriter({ write: upload.write })
  let hull: Interval
  try {
    hull = await writeAll(await openAll(packs, options), writer, upload, options)
    if (writer.seriesCount === 0) {
      await upload.finish()
      await markEmpty(packs, options)
      return undefined
    }
    const written = writer.finish({
      ulid,
      minTimeMs: Math.floor(hull.minTimeMs / WINDOW_MS) * WINDOW_MS,
      maxTimeMs: (Math.floor(hull.maxTimeMs / WINDOW_MS) + 1) * WINDOW_MS,
    })
    await upload.finish()
    await leaveLookup(bucket, ulid, written.index, signal)
    const meta = metaOfWritten(written, {
      labels: packs[0]!.labels,
      resolutionMs: 0,
      source: FRESH_SOURCE,
      uploadTimeMs: now(),
      extensions: asExtensions(packsInBlock(packs, startMs, endMs)),
    })
    await confirm?.()
    return await putBlockMeta(bucket, meta, signal)
  } catch (error) {
    await upload.abort(error)
    throw error
  }
}

type Pack = FreshKey & { readonly key: string }

/** By epoch, and by what came in. */
function inOrder(keys: readonly string[]): readonly Pack[] {
  const packs = keys.map((key) => {
    const parsed = parseFreshKey(key)
    if (!parsed) throw new DomainError('invalid', `${key} is no key of a fresh block`)
    return { ...parsed, key }
  })
  const writers = new Set(packs.map(({ labels }) => labelsKey(labels)))
  if (writers.size !== 1) throw new DomainError('invalid', 'fresh blocks of several writers')
  return packs.sort((a, b) => (a.epoch === b.epoch ? a.to - b.to : a.epoch < b.epoch ? -1 : 1))
}

async function openAll(
  packs: readonly Pack[],
  { bucket, maxBytes = DEFAULT_MAX_BYTES, signal }: PacksToBlock,
): Promise<OpenPack[]> {
  // Of each its end, a piece, and the next one.
  const share = Math.floor(maxBytes / packs.length / 3)
  const pieceBytes = Math.min(Math.max(share, MIN_PIECE_BYTES), MAX_PIECE_BYTES)
  const limit = pLimit(OPENED_AT_ONCE)
  return Promise.all(
    packs.map(({ key, directoryBytes }) =>
      limit(() => openPack({ bucket, key, directoryBytes, pieceBytes, signal })),
    ),
  )
}

/** Gives from when to when the samples are that were written. */
async function writeAll(
  packs: readonly OpenPack[],
  writer: BlockWriter,
  upload: BlockUpload,
  { startMs, endMs, onSeries, signal }: PacksToBlock,
): Promise<Interval> {
  const cursors = packs.map(({ cursor }) => cursor)
  const merged = new PackCursors(cursors)
  const deletedOf = laterDeletions(packs.map(({ deletions }) => deletions))
  const merger = new ChunkMerger()
  let minTimeMs = Infinity
  let maxTimeMs = -Infinity
  for (let count = 1; ; count++) {
    const reading = merged.next()
    if (reading) await reading
    const { labels } = merged
    if (!labels) break
    const chunks: MergedChunk[] = []
    for (const i of merged.here) {
      const deleted = deletedOf(i, labels)
      for (const chunk of cursors[i]!.chunks()) {
        if (chunk.minTimeMs >= endMs || chunk.maxTimeMs < startMs) continue
        chunks.push({ chunk, deleted: notWanted(chunk, deleted, startMs, endMs) })
      }
    }
    const ready = merger.merge(chunks)
    if (ready.length > 0) {
      minTimeMs = Math.min(minTimeMs, ready[0]!.minTimeMs)
      maxTimeMs = Math.max(maxTimeMs, ready.at(-1)!.maxTimeMs)
      writer.addChunks(labels, ready)
    }
    const waiting = upload.room()
    if (waiting) await waiting
    if (count % TURN !== 0) continue
    if (signal?.aborted) throw new DomainError('canceled', 'canceled')
    onSeries?.(count)
  }
  onSeries?.(writer.seriesCount)
  return { minTimeMs, maxTimeMs }
}

const NONE: readonly Interval[] = []

/** What of a chunk is deleted, or of another window. */
function notWanted(
  { minTimeMs, maxTimeMs }: Interval,
  deleted: readonly Interval[],
  startMs: number,
  endMs: number,
): readonly Interval[] {
  if (deleted.length === 0 && minTimeMs >= startMs && maxTimeMs < endMs) return NONE
  const outside = [
    { minTimeMs: -Infinity, maxTimeMs: startMs - 1 },
    { minTimeMs: endMs, maxTimeMs: Infinity },
  ]
  return [...deleted, ...outside].filter(
    (interval) => interval.minTimeMs <= maxTimeMs && interval.maxTimeMs >= minTimeMs,
  )
}

/** So that nobody looks for samples again where there are none. */
async function markEmpty(
  packs: readonly Pack[],
  { bucket, startMs, endMs, signal }: PacksToBlock,
): Promise<void> {
  const { labels } = packs[0]!
  const { epochs } = packsInBlock(packs, startMs, endMs)
  for (const [epoch, ranges] of Object.entries(epochs)) {
    for (const [from, to] of ranges) {
      const key = markKey('empty', { labels, epoch, from, to }, startMs, endMs)
      await bucket.put(key, new Uint8Array(0), { signal })
    }
  }
}
