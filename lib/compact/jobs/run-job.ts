/** Runs one job of the queue: takes its lease, sees whether there still is something to do, does it, and says what it did. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { DomainError } from '#lib/model/errors.ts'
import type { BlockMeta } from '#lib/tsdb/block/meta.ts'
import { runMergePacks } from '../fresh/run-merge-packs.ts'
import { describeJob, type Job, jobKey } from './job.ts'
import { type Lease, takeLease } from './lease.ts'
import { runCompact } from './run-compact.ts'
import { runDelete, runDeleteObjects, runMark } from './run-delete.ts'
import { runDownsample } from './run-downsample.ts'
import { runCut, runFinish, runPart } from './run-parts.ts'

export interface JobContext {
  readonly bucket: Bucket
  readonly now: () => number
  readonly newUlid: () => string
  /** Names the worker in leases, for people. */
  readonly owner: string
  /** How long a worker that says nothing keeps its job. */
  readonly leaseTtlMs?: number | undefined
  /** From deletion mark to deletion. */
  readonly deleteDelayMs: number
  readonly onProgress?: ((progress: JobProgress) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

export interface JobProgress {
  readonly job: Job
  readonly doneSeries: number
  /** Of all inputs together: the result has at most as many. */
  readonly totalSeries: number
}

/** `report` is one line for people. */
export type JobOutcome =
  | {
      readonly status: 'done'
      readonly report: string
      /** The block that is in the bucket now. */
      readonly made?: BlockMeta | undefined
      /** Blocks that were marked for deletion. */
      readonly marked?: readonly string[] | undefined
      /** Blocks, or objects, that are gone. */
      readonly deleted?: readonly string[] | undefined
    }
  /** Nothing is left to do. */
  | { readonly status: 'skipped'; readonly report: string }
  /** Another worker is at it. */
  | { readonly status: 'held'; readonly report: string; readonly untilMs: number }
  /** A block is broken: it has a mark now that says so, and is left alone from here on. */
  | { readonly status: 'set-aside'; readonly report: string; readonly block: string }

/** What the work of a job may use. */
export interface Work extends Omit<JobContext, 'owner' | 'leaseTtlMs'> {
  /** Of the block to make. */
  readonly ulid: string
  readonly signal: AbortSignal
  /** To be awaited before meta.json is put: rejects where another worker has taken over. */
  readonly confirm: () => Promise<void>
}

export const DEFAULT_LEASE_TTL_MS = 2 * 60_000

/** Rejects with what another try may cure, the bucket's errors and the signal's; the job is as if it had not begun, or goes on from where it was. */
export async function runJob(job: Job, context: JobContext): Promise<JobOutcome> {
  const { bucket, now, newUlid, owner, leaseTtlMs = DEFAULT_LEASE_TTL_MS, signal } = context
  const lease = await takeLease(bucket, jobKey(job), {
    owner,
    now,
    newUlid,
    ttlMs: leaseTtlMs,
    signal,
  })
  if ('heldBy' in lease) {
    const { heldBy, untilMs } = lease
    return { status: 'held', report: `${heldBy} is at it: ${describeJob(job)}`, untilMs }
  }
  try {
    return await runWith(job, workOf(context, lease))
  } catch (error) {
    // Who lost the lease hears of that, not of the request that was given up for it.
    if (lease.signal.aborted && lease.signal.reason instanceof DomainError)
      throw lease.signal.reason
    throw error
  } finally {
    await lease.release()
  }
}

function workOf(context: JobContext, lease: Lease): Work {
  return { ...context, ulid: lease.ulid, signal: lease.signal, confirm: () => lease.confirm() }
}

function runWith(job: Job, work: Work): Promise<JobOutcome> {
  switch (job.type) {
    case 'compact':
      return runCompact(job, work)
    case 'downsample':
      return runDownsample(job, work)
    case 'mark':
      return runMark(job, work)
    case 'delete':
      return runDelete(job, work)
    case 'delete-objects':
      return runDeleteObjects(job, work)
    case 'merge-packs':
      return runMergePacks(job, work)
    case 'cut':
      return runCut(job, work)
    case 'part':
      return runPart(job, work)
    case 'finish':
      return runFinish(job, work)
    default:
      return job satisfies never
  }
}
