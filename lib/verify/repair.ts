/** `bucket verify --repair`: a new block without what was wrong, in the place of the old, which is kept in another bucket. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { putBlockMeta } from '#lib/blocks/put-block-meta.ts'
import { scanBlock } from '#lib/blocks/scan.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { compactedInto, DELETION_MARK, putMark } from '#lib/compact/jobs/marks.ts'
import { deleteBlock } from '#lib/compact/jobs/run-delete.ts'
import { DomainError, isKind } from '#lib/model/errors.ts'
import { type Labels, labelsFromPairs } from '#lib/model/labels.ts'
import { replicateBlocks } from '#lib/replicate/replicate-blocks.ts'
import { type MendChunks, writeRewritten } from '#lib/rewrite/write-rewritten.ts'
import { lookupKey } from '#lib/store/lookup.ts'
import { AGGREGATE, decodeChunk, type ReadyChunk } from '#lib/tsdb/chunk/chunk.ts'
import { ColumnBuilder, copyColumns, mergeColumns } from '#lib/tsdb/chunk/columns.ts'
import { encodeChunks } from '#lib/tsdb/chunk/encode.ts'
import type { ChunkMeta } from '#lib/tsdb/index/series.ts'
import { type BlockMeta, META_FILE } from '#lib/tsdb/block/meta.ts'
import { metaOfWritten } from '#lib/tsdb/block/thanos-meta.ts'
import { chunkPlace } from './chunk-check.ts'
import type { Issue } from './problem.ts'
import { type FoundInBlock, type VerifiedBlock, verifyBlock } from './verify-block.ts'

export interface RepairOptions {
  readonly bucket: Bucket
  /** Gets the old block before anything is marked. */
  readonly backup: Bucket
  readonly newUlid: () => string
  readonly now: () => number
  readonly dryRun: boolean
  readonly signal?: AbortSignal | undefined
}

export interface Repair {
  readonly id: string
  /** `left`: there is no repair for what is wrong. */
  readonly status: 'repaired' | 'would-repair' | 'left'
  /** The new block. */
  readonly ulid?: string | undefined
  /** In plain language. */
  readonly text: string
}

/** Issues that a new block does not have any more. */
const REWRITTEN: ReadonlySet<Issue> = new Set([
  'index_known_issues',
  'files',
  'meta',
  'index',
  'postings',
  'chunks',
])

/** Undefined where nothing is wrong that a repair is for. Rejects where the bucket does, or the backup has another block of the id. */
export async function repairBlock(
  { report, files, found }: VerifiedBlock,
  options: RepairOptions,
): Promise<Repair | undefined> {
  const { bucket, dryRun, signal } = options
  const { id, problems } = report
  const wrong = problems.filter(
    ({ issue, severity }) => severity === 'error' && REWRITTEN.has(issue),
  )
  const lookup = problems.some(({ issue }) => issue === 'lookup')
  if (lookup && !dryRun) await bucket.delete(lookupKey(id), { signal })
  if (wrong.length === 0) {
    if (!lookup) return undefined
    return { id, status: dryRun ? 'would-repair' : 'repaired', text: 'without its wrong lookup' }
  }
  const { meta } = files
  const left = (text: string): Repair => ({ id, status: 'left', text })
  if (!meta) return left('without its meta.json nobody knows whose block it is')
  if (!found?.allSeries) return left('its index can not be read')
  if (files.segmentSizes.includes(0)) return left('a segment is missing: put it back')
  if (dryRun) return { id, status: 'would-repair', text: planText(found) }
  const record = await scanBlock(bucket, id, signal)
  const block: BlockRecord | undefined = record && 'reason' in record ? undefined : record
  if (!block && !record) return left('it is gone')
  if (!block) return left((record as { reason: string }).reason)
  await backUp(block, options)
  try {
    return await replace({ block, meta, found }, options)
  } catch (error) {
    if (isKind(error, 'unsupported') || isKind(error, 'corrupt')) return left(error.message)
    throw error
  }
}

function planText({ lost, wrong, outOfOrder }: FoundInBlock): string {
  const parts = [
    'written anew',
    ...(lost.size > 0 ? [`without ${lost.size} chunks that can not be read`] : []),
    ...(wrong.size > 0 ? [`${wrong.size} chunks put right`] : []),
    ...(outOfOrder ? ['series sorted'] : []),
  ]
  return parts.join(', ')
}

async function backUp(
  block: BlockRecord,
  { bucket, backup, signal }: Pick<RepairOptions, 'bucket' | 'backup' | 'signal'>,
): Promise<void> {
  const key = `${block.id}/${META_FILE}`
  try {
    const [there, here] = await Promise.all([
      backup.get(key, { signal }),
      bucket.get(key, { signal }),
    ])
    if (Buffer.compare(there.body, here.body) !== 0) {
      const text = `${backup.name} has another block ${block.id}: remove it, if that is safe`
      throw new DomainError('conflict', text)
    }
  } catch (error) {
    if (!isKind(error, 'not-found')) throw error
  }
  await replicateBlocks({ from: bucket, to: backup, blocks: [block], dryRun: false, signal })
}

interface Replaced {
  readonly block: BlockRecord
  readonly meta: BlockMeta
  readonly found: FoundInBlock
}

/** The new block is verified before the old one is marked; where it is no better, it is taken away again. */
async function replace({ block, meta, found }: Replaced, options: RepairOptions): Promise<Repair> {
  const { bucket, now, newUlid, signal } = options
  const { id, resolutionMs } = block
  const ulid = newUlid()
  const { written } = await writeRewritten({
    bucket,
    block,
    ulid,
    relabel: found.outOfOrder ? sortLabels : undefined,
    mend: mending(block, found),
    signal,
  })
  if (!written) return { id, status: 'left', text: 'nothing of it can be read' }
  const fixed = metaOfWritten(
    { ...written, meta: { ...meta, ...written.meta, compaction: meta.compaction } },
    {
      labels: block.labels,
      resolutionMs,
      source: 'bucket.repair',
      uploadTimeMs: now(),
      extensions: meta.thanos?.extensions,
      rewrites: meta.thanos?.rewrites,
    },
  )
  await putBlockMeta(bucket, fixed, signal)
  const after = await verifyBlock({ bucket, id: ulid, issues: REWRITTEN, signal })
  const remaining = after.report.problems.find(({ severity }) => severity === 'error')
  if (remaining) {
    await deleteBlock(bucket, ulid, signal)
    return { id, status: 'left', text: `there is no repair for this: ${remaining.message}` }
  }
  await putMark(bucket, id, DELETION_MARK, { nowMs: now(), details: compactedInto(ulid), signal })
  return { id, status: 'repaired', ulid, text: planText(found) }
}

function sortLabels(labels: Labels): Labels {
  const pairs: [string, string][] = []
  for (let i = 0; i < labels.length; i += 2) pairs.push([labels[i]!, labels[i + 1]!])
  return labelsFromPairs(pairs)
}

/** Chunks that nobody reads go, as in Thanos: those outside of the block, and those that begin where it ends. */
function mending(block: BlockRecord, { lost, wrong }: FoundInBlock): MendChunks {
  const { minTimeMs, maxTimeMs } = block
  return {
    isReadable(chunk) {
      const isInside = chunk.minTimeMs < maxTimeMs && chunk.maxTimeMs >= minTimeMs
      return isInside && !lost.has(chunkPlace(chunk))
    },
    mended(meta: ChunkMeta, chunk: ReadyChunk) {
      return wrong.has(chunkPlace(meta)) && chunk.encoding !== AGGREGATE
        ? encodedAnew(chunk)
        : [chunk]
    },
  }
}

/** The samples of a chunk, each time once, at the times that they have. */
function encodedAnew({ encoding, data }: ReadyChunk): readonly ReadyChunk[] {
  const builder = new ColumnBuilder()
  decodeChunk(encoding, data, builder)
  const all = copyColumns(builder.columns())
  let sorted = { ...all, length: 0 }
  for (let from = 0; from < all.length;) {
    let to = from + 1
    while (to < all.length && all.timestamps[to]! > all.timestamps[to - 1]!) to++
    builder.reset()
    decodeChunk(encoding, data, builder)
    builder.remove(to, builder.length)
    builder.remove(0, from)
    sorted = mergeColumns(sorted, copyColumns(builder.columns()))
    from = to
  }
  return encodeChunks(sorted)
}

/** Copies of blocks are backed up and marked, all but one of each. */
export async function removeDuplicates(
  duplicates: readonly { readonly block: BlockRecord; readonly keep: BlockRecord }[],
  options: RepairOptions,
): Promise<readonly Repair[]> {
  const { bucket, now, dryRun, signal } = options
  const repairs: Repair[] = []
  for (const { block, keep } of duplicates) {
    const text = `marked for deletion, as it is a copy of ${keep.id}`
    if (!dryRun) {
      await backUp(block, options)
      // Whoever deletes it looks once more whether the other is there.
      const details = compactedInto(keep.id)
      await putMark(bucket, block.id, DELETION_MARK, { nowMs: now(), details, signal })
    }
    repairs.push({ id: block.id, status: dryRun ? 'would-repair' : 'repaired', text })
  }
  return repairs
}
