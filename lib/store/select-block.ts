/** What one block has for a selection: its series first, their chunks after. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import type { Labels } from '#lib/model/labels.ts'
import type { CompiledMatcher } from '#lib/regex/matcher.ts'
import type { ClosedInterval } from '#lib/storage/storage.ts'
import { NO_TOMBSTONES } from '#lib/tsdb/block/tombstones.ts'
import { fetchChunks } from './block-chunks.ts'
import { type FoundSeries, findSeries } from './block-series.ts'
import { matchExternalLabels } from './external-labels.ts'
import { loadLookup } from './load-lookup.ts'
import type { LoadedChunks } from './loaded-chunks.ts'
import type { SelectedPart } from './pack-deletions.ts'
import { selectPack } from './pack-series.ts'
import { readTombstones } from './read-tombstones.ts'
import type { StoreCache } from './store-cache.ts'

export interface BlockStore {
  readonly bucket: Bucket
  readonly cache: StoreCache
}

export interface BlockSelection {
  readonly matchers: readonly CompiledMatcher[]
  /** What to read: the request's, and further where replicas are merged. */
  readonly interval: ClosedInterval
  /** No chunks are wanted. */
  readonly labelsOnly: boolean
  readonly ofShard: ((labels: Labels) => boolean) | undefined
  /** Gets what is acquired. */
  readonly inUse: LoadedChunks[]
  readonly signal?: AbortSignal | undefined
}

export interface FoundPart extends SelectedPart {
  /** The chunks that are wanted, series after series, loaded or not: those of a pack are, unless only labels were wanted. */
  readonly rows: Uint32Array
}

/** Undefined where the block's external labels do not match. */
export async function findInBlock(
  { bucket, cache }: BlockStore,
  block: BlockRecord,
  { matchers, interval, labelsOnly, ofShard, inUse, signal }: BlockSelection,
): Promise<FoundPart | undefined> {
  const rest = matchExternalLabels(matchers, block.labels)
  if (!rest) return undefined
  const use = (chunks: LoadedChunks): void => {
    chunks.acquire()
    inUse.push(chunks)
  }
  if (block.pack) {
    const selected = await selectPack({ bucket, block, cache, signal }, rest, labelsOnly, use)
    const wanted = wantedChunks(selected.found, interval, ofShard)
    return { ...selected, ...wanted, block, tombstones: NO_TOMBSTONES, isFresh: true }
  }
  const [lookup, tombstones] = await Promise.all([
    loadLookup(bucket, block, cache, signal),
    readTombstones(bucket, block, signal),
  ])
  const found = await findSeries({ bucket, block, lookup, cache, signal }, rest)
  const chunks = cache.chunks(found.key, found.chunks)
  use(chunks)
  return {
    found,
    ...wantedChunks(found, interval, ofShard),
    chunks,
    block,
    tombstones,
    deletions: [],
  }
}

/** Reads those of `rows` that are not there yet. */
export async function loadChunks(
  { bucket, cache }: BlockStore,
  { block, found, chunks }: SelectedPart,
  rows: Uint32Array,
  signal?: AbortSignal,
): Promise<void> {
  const missing = chunks.missing(rows)
  if (missing.length === 0) return
  await fetchChunks({ bucket, cache, block, key: found.key, chunks, signal }, missing)
}

/** The series with chunks in the interval, and the rows of these chunks, series after series. */
function wantedChunks(
  { labels, from, to, chunks }: FoundSeries,
  { startMs, endMs }: ClosedInterval,
  ofShard: ((labels: Labels) => boolean) | undefined,
): { rows: Uint32Array; wanted: Uint8Array } {
  const rows = new Uint32Array(chunks.length)
  const wanted = new Uint8Array(labels.length)
  let count = 0
  for (let i = 0; i < wanted.length; i++) {
    const before = count
    if (ofShard && !ofShard(labels[i]!)) continue
    for (let row = from[i]!; row < to[i]!; row++) {
      if (chunks.isWithin(row, startMs, endMs)) rows[count++] = row
    }
    if (count > before) wanted[i] = 1
  }
  return { rows: rows.subarray(0, count), wanted }
}
