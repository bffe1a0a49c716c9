/** A block that can't be read must not stop the others: it is marked, with the reason, and left alone. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { scanBlock } from '#lib/blocks/scan.ts'
import { CorruptError, NotFoundError } from '#lib/model/errors.ts'
import { NO_COMPACT_MARK, NO_DOWNSAMPLE_MARK, putMark, UNREADABLE } from './marks.ts'
import type { JobOutcome, Work } from './run-job.ts'

/** Rejects with `error` where it is not the fault of one of `blocks`. */
export async function setAside(
  error: unknown,
  blocks: readonly BlockRecord[],
  mark: 'no-compact' | 'no-downsample',
  { bucket, now, signal }: Work,
): Promise<JobOutcome> {
  const place = placeOf(error)
  const broken = blocks.find(({ id }) => place?.startsWith(`${id}/`))
  if (!broken || !(error instanceof Error)) throw error
  const { id } = broken
  const found = await scanBlock(bucket, id, signal)
  if (!found || 'reason' in found) {
    return { status: 'skipped', report: `block ${id}: ${found?.reason ?? 'is gone'}` }
  }
  const file = mark === 'no-compact' ? NO_COMPACT_MARK : NO_DOWNSAMPLE_MARK
  const details = error.message
  await putMark(bucket, id, file, { nowMs: now(), details, reason: UNREADABLE, signal })
  return { status: 'set-aside', block: id, report: `block ${id} is set aside: ${details}` }
}

/** The key of the object that is broken. */
function placeOf(error: unknown): string | undefined {
  if (error instanceof CorruptError) return error.where
  if (error instanceof NotFoundError) return error.key
  return undefined
}
