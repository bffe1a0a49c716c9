/** The jobs that take things away. What may go is decided by `plan`, and looked at here once more: the bucket may have changed since. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { BucketIndexReader } from '#lib/blocks/bucket-index.ts'
import { type PartialBlock, scanBlock } from '#lib/blocks/scan.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { lookupKey } from '#lib/store/lookup.ts'
import { META_FILE } from '#lib/tsdb/block/meta.ts'
import type { Job } from './job.ts'
import { DELETION_MARK, isReplacement, putMark, removeMark } from './marks.ts'
import type { JobOutcome, Work } from './run-job.ts'

export async function runMark(
  { ids, reason }: Extract<Job, { type: 'mark' }>,
  { bucket, now, signal }: Work,
): Promise<JobOutcome> {
  const marked: string[] = []
  for (const id of ids) {
    const block = await scanBlock(bucket, id, signal)
    if (!block) continue
    const isNew = await putMark(bucket, id, DELETION_MARK, {
      nowMs: now(),
      details: reason,
      signal,
    })
    if (isNew) marked.push(id)
  }
  return { status: 'done', marked, report: `${marked.length} blocks are marked: ${reason}` }
}

/** As long as nothing was added to it, a directory without meta.json is an upload that may still be going on. */
export const PARTIAL_UPLOAD_MS = 48 * 3600_000

export async function runDelete(
  { ids }: Extract<Job, { type: 'delete' }>,
  work: Work,
): Promise<JobOutcome> {
  const deleted: string[] = []
  const kept: string[] = []
  for (const id of ids) {
    const block = await scanBlock(work.bucket, id, work.signal)
    if (!block) continue
    const why = await whyKept(block, work)
    if (why !== undefined) {
      kept.push(`${id}: ${why}`)
      continue
    }
    await deleteBlock(work.bucket, id, work.signal)
    deleted.push(id)
  }
  const report = [`${deleted.length} blocks are deleted`, ...kept].join('; ')
  return { status: 'done', deleted, report }
}

/** Undefined where the block may go. */
async function whyKept(block: BlockRecord | PartialBlock, work: Work): Promise<string | undefined> {
  const { bucket, now, deleteDelayMs, signal } = work
  const isPartial = 'reason' in block
  const deletion = isPartial ? block.deletion : block.marks.deletion
  if (isPartial && !block.hasMeta) {
    const ageMs = now() - block.lastModifiedMs
    // A deletion that broke off, or an upload.
    if (deletion || ageMs > PARTIAL_UPLOAD_MS) return undefined
    return `no meta.json, but changed ${Math.round(ageMs / 1000)} s ago`
  }
  if (!deletion) return 'not marked for deletion'
  if (now() - deletion.timeMs < deleteDelayMs) return 'marked too short a time ago'
  if (isPartial || !isReplacement(deletion.details) || (await isReplaced(block, work)))
    return undefined
  await removeMark(bucket, block.id, DELETION_MARK, signal)
  return 'what it was compacted into is gone, so its mark is removed'
}

/** A readable block, not marked itself, was made of all that this one was made of. */
async function isReplaced(block: BlockRecord, { bucket, now, signal }: Work): Promise<boolean> {
  const index = new BucketIndexReader(bucket, { now, maxAgeMs: 0 })
  const { blocks } = await index.view(block.minTimeMs, block.maxTimeMs, { signal })
  for (const other of blocks) {
    if (other.id === block.id || other.marks.deletion) continue
    if (other.resolutionMs !== block.resolutionMs || !hasAll(other, block)) continue
    const found = await scanBlock(bucket, other.id, signal)
    if (found && !('reason' in found) && !found.marks.deletion && hasAll(found, block)) return true
  }
  return false
}

function hasAll(holder: BlockRecord, { id, sources }: BlockRecord): boolean {
  const has = new Set(holder.sources)
  return sources.length > 0 ? sources.every((source) => has.has(source)) : has.has(id)
}

/** meta.json first: from then on nobody takes it for a block. The deletion mark last, so that what was begun is finished. */
export async function deleteBlock(bucket: Bucket, id: string, signal?: AbortSignal): Promise<void> {
  await bucket.delete(`${id}/${META_FILE}`, { signal })
  const keys: string[] = []
  for await (const { objects } of bucket.list(`${id}/`, { signal })) {
    keys.push(...objects.map(({ key }) => key))
  }
  const mark = `${id}/${DELETION_MARK}`
  for (const key of keys) if (key !== mark) await bucket.delete(key, { signal })
  await bucket.delete(lookupKey(id), { signal })
  await bucket.delete(mark, { signal })
}

export async function runDeleteObjects(
  { keys }: Extract<Job, { type: 'delete-objects' }>,
  { bucket, signal }: Work,
): Promise<JobOutcome> {
  for (const key of keys) await bucket.delete(key, { signal })
  return { status: 'done', deleted: keys, report: `${keys.length} objects are deleted` }
}
