/** The backlog as people and programs are shown it. */
import { describeJob, type Job, type JobType } from '../jobs/job.ts'
import type { Backlog, BacklogJob } from './backlog.ts'
import { type Todo, todoOf } from './todo.ts'

/** In the API's form. */
export interface CompactionStatus {
  /** When the last plan was made; null before the first. */
  readonly plannedAt: string | null
  readonly pending: Omit<Todo, 'oldestMs'> & {
    /** When the oldest of them was first planned; null where nothing waits. */
    readonly oldestPlannedAt: string | null
  }
  /** In the order of their worth. */
  readonly jobs: readonly PendingJob[]
  readonly blocks: readonly { readonly ulid: string; readonly reason: string }[]
}

export interface PendingJob {
  readonly key: string
  readonly type: JobType
  readonly description: string
  readonly reason: string
  readonly inputBytes: number
  readonly estimateSeconds: number
  readonly plannedAt: string
  /** Null while it is not in the queue. */
  readonly sentAt: string | null
}

/** `only`: of these blocks, and of jobs that touch no other; undefined for all. */
export function compactionStatus(
  backlog: Backlog,
  only: ReadonlySet<string> | undefined,
): CompactionStatus {
  const jobs = backlog.jobs.filter(({ job }) => only === undefined || isOf(job, only))
  const { oldestMs, ...pending } = todoOf({ jobs })
  return {
    plannedAt: timeOrNull(backlog.updatedMs || undefined),
    pending: { ...pending, oldestPlannedAt: timeOrNull(oldestMs) },
    jobs: jobs.map(pendingJob),
    blocks: Object.entries(backlog.reasons)
      .filter(([id]) => only === undefined || only.has(id))
      .map(([ulid, reason]) => ({ ulid, reason })),
  }
}

function pendingJob(pending: BacklogJob): PendingJob {
  const { key, job, reason, inputBytes, estimateSeconds, plannedMs, sentMs } = pending
  return {
    key,
    type: job.type,
    description: describeJob(job),
    reason,
    inputBytes,
    estimateSeconds,
    plannedAt: new Date(plannedMs).toISOString(),
    sentAt: timeOrNull(sentMs),
  }
}

function timeOrNull(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString()
}

/** What names no block of the bucket index is of none. */
function isOf(job: Job, only: ReadonlySet<string>): boolean {
  const blocks = blocksOf(job)
  return blocks.length > 0 && blocks.every((id) => only.has(id))
}

/** Blocks that a job touches. */
export function blocksOf(job: Job): readonly string[] {
  switch (job.type) {
    case 'compact':
    case 'cut':
      return job.inputs
    case 'downsample':
      return [job.input]
    case 'mark':
    case 'delete':
      return job.ids
    default:
      return []
  }
}
