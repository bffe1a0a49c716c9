/** Cuts a compaction into parts, each of which one function can make: ranges of series with about equal bytes of chunks. */
import pLimit from 'p-limit'
import { type BlockRecord } from '#lib/blocks/block-record.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { isKind } from '#lib/model/errors.ts'
import type { Labels } from '#lib/model/labels.ts'
import { DEFAULT_SEGMENT_SIZE } from '#lib/tsdb/block/segment-writer.ts'
import { uniteSymbols } from '#lib/tsdb/index/unite-symbols.ts'
import { readLookupParts } from '#lib/store/load-lookup.ts'
import { Lookup } from '#lib/store/lookup.ts'
import type { Dedup } from '../jobs/job.ts'
import { groupOf } from '../compact-blocks.ts'
import { type BlockProfile, openProfile } from './block-profile.ts'
import { chooseBorders, PART_FRACTION } from './choose-borders.ts'
import {
  type Cut,
  cutKey,
  type CutPart,
  formatCut,
  readCut,
  type StoredCut,
  headKey,
} from './cut.ts'

export interface CutOptions {
  readonly bucket: Bucket
  /** Of one group: same resolution, same external labels, but for replica labels where there is `dedup`. At least one. */
  readonly blocks: readonly BlockRecord[]
  /** Of the block that is to be made. */
  readonly ulid: string
  /** There may be fewer. */
  readonly parts: number
  readonly dedup?: Dedup | undefined
  /** Of the new block's chunk files at most, in bytes. */
  readonly segmentSize?: number | undefined
  readonly signal?: AbortSignal | undefined
}

const READS_AT_ONCE = 32

/**
 * The cut of block `ulid`, which is in the bucket: the one that was there before, if there was one, whatever `parts` says now. Rejects with
 * 'corrupt' (and the file's name) where an input is broken, or the cut that is there; 'invalid' where they are no group; 'not-found'.
 */
export async function cutBlocks(options: CutOptions): Promise<StoredCut> {
  const { bucket, ulid, signal } = options
  const known = await knownCut(bucket, ulid, signal)
  if (known) return known
  groupOf(options.blocks, options.dedup)
  const blocks = options.blocks.toSorted(
    (a, b) => a.minTimeMs - b.minTimeMs || (a.id < b.id ? -1 : 1),
  )
  const { head, lookups } = await readHeadOf(bucket, blocks, signal)
  await bucket.put(headKey(ulid), head, { signal })
  const cut = await planCut(options, blocks, lookups)
  try {
    await bucket.put(cutKey(ulid), formatCut(cut), { ifAbsent: true, signal })
  } catch (error) {
    if (!isKind(error, 'conflict')) throw error
  }
  return readCut(bucket, ulid, signal)
}

/** What the index of a block begins with that is made of `blocks`, in the order of the cut; the same bytes each time. */
export async function readHeadOf(
  bucket: Bucket,
  blocks: readonly BlockRecord[],
  signal: AbortSignal | undefined,
): Promise<{ readonly head: Uint8Array; readonly lookups: readonly Lookup[] }> {
  const lookups = await Promise.all(
    blocks.map(async ({ id }) => new Lookup(await readLookupParts(bucket, `${id}/index`, signal))),
  )
  return { head: uniteSymbols(lookups.map((lookup) => lookup.symbols)).head, lookups }
}

async function knownCut(
  bucket: Bucket,
  ulid: string,
  signal: AbortSignal | undefined,
): Promise<StoredCut | undefined> {
  try {
    return await readCut(bucket, ulid, signal)
  } catch (error) {
    if (isKind(error, 'not-found')) return undefined
    throw error
  }
}

async function planCut(
  { bucket, ulid, parts, dedup, segmentSize = DEFAULT_SEGMENT_SIZE, signal }: CutOptions,
  blocks: readonly BlockRecord[],
  lookups: readonly Lookup[],
): Promise<Cut> {
  const limit = pLimit(READS_AT_ONCE)
  const profiles = await Promise.all(
    blocks.map((block, i) => openProfile({ bucket, block, lookup: lookups[i]!, limit, signal })),
  )
  await Promise.all(
    profiles.map((profile) => profile.refine(profile.totalBytes / (parts * PART_FRACTION))),
  )
  const borders = chooseBorders(profiles, parts)
  const found = await Promise.all(borders.map((border) => findBorder(profiles, border)))
  const first = lookups.map(({ series }) => ({ offset: series.start, bytesBefore: 0 }))
  const last = lookups.map(({ series }, i) => {
    return { offset: series.end, bytesBefore: profiles[i]!.totalBytes }
  })
  const growth = mayGrow(blocks, dedup) ? OVERLAP_GROWTH : 1
  let firstSegment = 0
  const cutParts = [undefined, ...borders].map((from, i): CutPart => {
    const start = found[i - 1] ?? first
    const end = found[i] ?? last
    const inputBytes = start.reduce(
      (sum, { bytesBefore }, input) => sum + Math.max(0, end[input]!.bytesBefore - bytesBefore),
      0,
    )
    const segments = Math.max(1, Math.ceil((inputBytes * growth) / segmentSize))
    firstSegment += segments
    return {
      ...(from && { from }),
      index: start.map(({ offset }, input) => [offset, end[input]!.offset]),
      inputBytes,
      firstSegment: firstSegment - segments,
      segments,
    }
  })
  const inputs = blocks.map((block) => ({ ...block, marks: {}, hidden: undefined }))
  return { version: 1, ulid, inputs, ...(dedup && { dedup }), segmentSize, parts: cutParts }
}

interface Border {
  readonly offset: number
  readonly bytesBefore: number
}

function findBorder(profiles: readonly BlockProfile[], labels: Labels): Promise<Border[]> {
  return Promise.all(profiles.map((profile) => profile.find(labels)))
}

/**
 * Blocks that follow each other give no more bytes than they have. Interleaved samples of replicas may take several times as many: each
 * part gets so many numbers of segment files, and what even these don't hold goes into its last file.
 */
const OVERLAP_GROWTH = 4

/** `blocks` by their start. */
function mayGrow(blocks: readonly BlockRecord[], dedup: Dedup | undefined): boolean {
  if (dedup?.func === 'penalty') return false
  let endMs = -Infinity
  for (const { minTimeMs, maxTimeMs } of blocks) {
    if (minTimeMs < endMs) return true
    endMs = Math.max(endMs, maxTimeMs)
  }
  return false
}
