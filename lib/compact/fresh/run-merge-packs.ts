/** The job that makes a block of fresh ones. They stay until the bucket index has had it for a while: a plan deletes them then. */
import { parseFreshKey } from '#lib/fresh/fresh-key.ts'
import { markKey } from '#lib/fresh/pack-marks.ts'
import { CorruptError, NotFoundError } from '#lib/model/errors.ts'
import type { Job } from '../jobs/job.ts'
import type { JobOutcome, Work } from '../jobs/run-job.ts'
import { packsToBlock } from './packs-to-block.ts'

export async function runMergePacks(
  job: Extract<Job, { type: 'merge-packs' }>,
  work: Work,
): Promise<JobOutcome> {
  const { packs, startMs, endMs } = job
  const { bucket, ulid, now, signal, confirm } = work
  try {
    const made = await packsToBlock({ bucket, packs, startMs, endMs, ulid, now, signal, confirm })
    const became = made ? `became ${ulid}` : 'have no samples of that time'
    return { status: 'done', made, report: `${packs.length} fresh blocks ${became}` }
  } catch (error) {
    if (error instanceof NotFoundError && packs.includes(error.key)) {
      return { status: 'skipped', report: `fresh block ${error.key} is gone` }
    }
    if (error instanceof CorruptError && packs.includes(error.where ?? '')) {
      return setAside(error.where!, error, work)
    }
    throw error
  }
}

/** The others become a block without it, and nobody deletes it. */
async function setAside(key: string, error: Error, { bucket, signal }: Work): Promise<JobOutcome> {
  const pack = parseFreshKey(key)!
  const mark = markKey('broken', pack, pack.minTimeMs, pack.maxTimeMs + 1)
  await bucket.put(mark, new TextEncoder().encode(error.message), { signal })
  const report = `fresh block ${key} is set aside: ${error.message}`
  return { status: 'set-aside', block: key, report }
}
