/** Makes one block of several of a group: reads them series by series, and writes into the bucket as it goes. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { putBlockMeta } from '#lib/blocks/put-block-meta.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { CorruptError, DomainError } from '#lib/model/errors.ts'
import { compareLabels, withoutLabels } from '#lib/model/labels.ts'
import { BlockWriter, type WrittenBlock } from '#lib/tsdb/block/block-writer.ts'
import { type BlockMeta, META_FILE, parseBlockMeta } from '#lib/tsdb/block/meta.ts'
import { metaOfWritten } from '#lib/tsdb/block/thanos-meta.ts'
import { Lookup } from '#lib/store/lookup.ts'
import type { FrameList } from '#lib/tsdb/chunk/frame-list.ts'
import type { ByteRange } from '#lib/tsdb/index/toc.ts'
import { uniteSymbols } from '#lib/tsdb/index/unite-symbols.ts'
import { readLookupParts } from '#lib/store/load-lookup.ts'
import { readTombstones } from '#lib/store/read-tombstones.ts'
import { BlockStream, type SeriesRange } from './block-stream.ts'
import { BlockUpload } from './block-upload.ts'
import type { Dedup } from './jobs/job.ts'
import { leaveLookup } from './leave-lookup.ts'
import { ChunkMerger } from './merge-chunks.ts'
import { MergedStream } from './merged-stream.ts'

export interface CompactOptions {
  readonly bucket: Bucket
  /** Of one group: same resolution, same external labels, but for replica labels where there is `dedup`. At least one. */
  readonly blocks: readonly BlockRecord[]
  /** Of the new block. */
  readonly ulid: string
  readonly now: () => number
  /** The new block's external labels lack the replica labels. */
  readonly dedup?: Dedup | undefined
  /** Of all series, without it. */
  readonly range?: SeriesRange | undefined
  /** Awaited when all but meta.json is in the bucket. Where it rejects, there will be no block. */
  readonly confirm?: (() => Promise<void>) | undefined
  /** Of each file that is read, at a time. */
  readonly pieceBytes?: number | undefined
  readonly onSeries?: ((count: number) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

const DEFAULT_PIECE_BYTES = 2 * 1024 * 1024

/**
 * The meta.json of the new block, which is in the bucket; undefined where the blocks have no samples, and then nothing is.
 * The blocks stay: who asked for it marks them. May be run again with the same ULID.
 * Rejects with 'corrupt' (and the file's name) where a block is broken, 'invalid' where they are no group, 'not-found'.
 */
export async function compactBlocks(options: CompactOptions): Promise<BlockMeta | undefined> {
  const { bucket, ulid, now, dedup, signal } = options
  const group = groupOf(options.blocks, dedup)
  const blocks = options.blocks.toSorted(
    (a, b) => a.minTimeMs - b.minTimeMs || (a.id < b.id ? -1 : 1),
  )
  const metas = await Promise.all(blocks.map((block) => readMeta(bucket, block, signal)))
  const { merged, head, times } = await openMerged(options, blocks)
  const upload = new BlockUpload(bucket, ulid, signal)
  let written: WrittenBlock
  try {
    await merged.next()
    if (!merged.refs) return undefined
    const writer = new BlockWriter({ write: upload.write, head })
    await writeMerged(merged, writer, [upload], options)
    written = writer.finish({ ulid, ...times, compaction: compactionOf(ulid, metas) })
    await upload.finish()
  } catch (error) {
    await upload.abort(error)
    throw error
  }
  await leaveLookup(bucket, ulid, written.index, signal)
  const meta = withThanos(written, group, metas, now())
  await options.confirm?.()
  return putBlockMeta(bucket, meta, signal)
}

/** What is read of blocks that become one, and how. */
export interface MergeOptions extends Pick<
  CompactOptions,
  'bucket' | 'dedup' | 'range' | 'pieceBytes' | 'signal'
> {
  /** For each block the bytes of its index with the series that are wanted, which are there whole; all without it. */
  readonly sections?: readonly ByteRange[] | undefined
}

export interface OpenMerge {
  readonly merged: MergedStream
  /** Of an index with the symbols of all of them. */
  readonly head: Uint8Array
  /** From the first start to the last end. */
  readonly times: { readonly minTimeMs: number; readonly maxTimeMs: number }
}

/** `blocks` in the order of their starts. */
export async function openMerged(
  options: MergeOptions,
  blocks: readonly BlockRecord[],
): Promise<OpenMerge> {
  const opened = await Promise.all(
    blocks.map((block, i) => openBlock(options, block, options.sections?.[i])),
  )
  const { head, numbers } = uniteSymbols(opened.map(({ lookup }) => lookup.symbols))
  const inputs = opened.map(({ stream }, i) => ({ stream, numbers: numbers[i]! }))
  const minTimeMs = Math.min(...blocks.map((block) => block.minTimeMs))
  const maxTimeMs = Math.max(...blocks.map((block) => block.maxTimeMs))
  // Prometheus cuts what is outside of the new block, too.
  const keep = { minTimeMs, maxTimeMs: maxTimeMs - 1 }
  const { resolutionMs } = blocks[0]!
  const merger = new ChunkMerger({ func: options.dedup?.func, resolutionMs })
  const merged = new MergedStream(inputs, merger, keep)
  return { merged, head, times: { minTimeMs, maxTimeMs } }
}

/** What a block that is made of several has of them. */
export type BlockGroup = Pick<BlockRecord, 'labels' | 'resolutionMs'>

/** Throws 'invalid' where the blocks are no group. */
export function groupOf(blocks: readonly BlockRecord[], dedup: Dedup | undefined): BlockGroup {
  const replicaLabels = new Set(dedup?.replicaLabels)
  const [first, ...others] = blocks.map(({ labels, resolutionMs }) => {
    return { labels: withoutLabels(labels, replicaLabels), resolutionMs }
  })
  const isGroup = others.every(
    ({ labels, resolutionMs }) =>
      resolutionMs === first!.resolutionMs && compareLabels(labels, first!.labels) === 0,
  )
  if (isGroup) return first!
  const ids = blocks.map(({ id }) => id).join(', ')
  throw new DomainError('invalid', `blocks of different labels or resolutions: ${ids}`)
}

/** What takes series, one after the other. */
export interface SeriesSink {
  readonly seriesCount: number
  addFrames(refs: ArrayLike<number>, frames: FrameList): void
}

/** Asks about the signal, and the caller about its progress, this often. */
const TURN = 1000

/** From the series on at which `merged` is. */
export async function writeMerged(
  merged: MergedStream,
  writer: SeriesSink,
  uploads: readonly BlockUpload[],
  { onSeries, signal }: Pick<CompactOptions, 'onSeries' | 'signal'>,
): Promise<void> {
  for (let count = 1; merged.refs; count++) {
    writer.addFrames(merged.refs, merged.frames)
    for (const upload of uploads) {
      const waiting = upload.room()
      if (waiting) await waiting
    }
    if (count % TURN === 0) {
      if (signal?.aborted) throw new DomainError('canceled', 'canceled')
      onSeries?.(count)
    }
    const reading = merged.next()
    if (reading) await reading
  }
  onSeries?.(writer.seriesCount)
}

/** With the series of `section` alone, which has them whole; all without it. */
export async function openBlock(
  {
    bucket,
    pieceBytes = DEFAULT_PIECE_BYTES,
    range,
    signal,
  }: Pick<MergeOptions, 'bucket' | 'pieceBytes' | 'range' | 'signal'>,
  block: BlockRecord,
  section?: ByteRange,
): Promise<{ lookup: Lookup; stream: BlockStream }> {
  const [parts, tombstones] = await Promise.all([
    readLookupParts(bucket, `${block.id}/index`, signal),
    readTombstones(bucket, block, signal),
  ])
  const lookup = new Lookup({ ...parts, series: section ?? parts.series })
  const source = { bucket, block, lookup, tombstones, pieceBytes, range, signal }
  return { lookup, stream: new BlockStream(source) }
}

export async function readMeta(
  bucket: Bucket,
  { id }: Pick<BlockRecord, 'id'>,
  signal: AbortSignal | undefined,
): Promise<BlockMeta> {
  const key = `${id}/${META_FILE}`
  try {
    return parseBlockMeta((await bucket.get(key, { signal })).body)
  } catch (error) {
    throw error instanceof CorruptError ? error.in(key) : error
  }
}

/**
 * One level above the highest; all sources, and who was merged. Where one of them had all sources already, the new block is a source itself: of two
 * with equal sources, readers take the older one.
 */
export function compactionOf(ulid: string, metas: readonly BlockMeta[]): BlockMeta['compaction'] {
  const each = metas.map((meta) =>
    meta.compaction.sources.length > 0 ? meta.compaction.sources : [meta.ulid],
  )
  const sources = new Set(each.flat())
  if (each.some((some) => new Set(some).size === sources.size)) sources.add(ulid)
  return {
    level: Math.max(...metas.map(({ compaction }) => compaction.level)) + 1,
    sources: [...sources].sort(),
    parents: metas.map(({ ulid, minTime, maxTime }) => ({ ulid, minTime, maxTime })),
  }
}

/** The meta.json of a block that was made of others. */
export function withThanos(
  written: WrittenBlock,
  { labels, resolutionMs }: BlockGroup,
  metas: readonly BlockMeta[],
  nowMs: number,
): BlockMeta {
  return metaOfWritten(written, {
    labels,
    resolutionMs,
    source: 'compactor',
    uploadTimeMs: nowMs,
    extensions: metas.find(({ thanos }) => thanos?.extensions !== undefined)?.thanos?.extensions,
  })
}
