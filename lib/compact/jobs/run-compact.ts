/** The job that makes one block of several, and marks those. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { compactBlocks } from '../compact-blocks.ts'
import { readInputs } from './inputs.ts'
import type { Job } from './job.ts'
import { compactedInto, DELETION_MARK, putMark } from './marks.ts'
import type { JobOutcome, Work } from './run-job.ts'
import { setAside } from './set-aside.ts'

export async function runCompact(
  job: Extract<Job, { type: 'compact' }>,
  work: Work,
): Promise<JobOutcome> {
  const { bucket, ulid, now, signal, confirm, onProgress } = work
  const inputs = await readInputs(bucket, job.inputs, signal)
  if ('reason' in inputs) return { status: 'skipped', report: inputs.reason }
  const { blocks } = inputs
  const totalSeries = blocks.reduce((sum, { seriesCount }) => sum + seriesCount, 0)
  try {
    const made = await compactBlocks({
      bucket,
      blocks,
      ulid,
      now,
      dedup: job.dedup,
      signal,
      confirm,
      onSeries: (doneSeries) => onProgress?.({ job, doneSeries, totalSeries }),
    })
    return { ...(await replace(blocks, made?.ulid, work)), made }
  } catch (error) {
    return setAside(error, blocks, 'no-compact', work)
  }
}

/** Marks what has become `ulid`; undefined where it had no samples. */
export async function replace(
  blocks: readonly BlockRecord[],
  ulid: string | undefined,
  { bucket, now, signal }: Work,
): Promise<JobOutcome & { readonly status: 'done' }> {
  const details = ulid === undefined ? 'has no samples' : compactedInto(ulid)
  const marked: string[] = []
  for (const { id } of blocks) {
    const isNew = await putMark(bucket, id, DELETION_MARK, { nowMs: now(), details, signal })
    if (isNew) marked.push(id)
  }
  const report =
    ulid === undefined
      ? `${blocks.length} blocks had no samples`
      : `${blocks.length} blocks became ${ulid}`
  return { status: 'done', report, marked }
}
