/** How much there is to do, in numbers. */
import type { JobType } from '../jobs/job.ts'
import { isReplacement } from '../jobs/marks.ts'
import type { Backlog, BacklogJob } from './backlog.ts'

export interface Todo {
  /** By type: how many jobs, and of how many bytes and seconds. */
  readonly byType: Readonly<Partial<Record<JobType, TodoOfType>>>
  readonly jobs: number
  /** Of all together, one after the other. */
  readonly estimateSeconds: number
  /** Of the longest alone: it can't be sooner, however many work. */
  readonly longestSeconds: number
  /** When the oldest of them was first planned. */
  readonly oldestMs?: number | undefined
}

export interface TodoOfType {
  readonly jobs: number
  readonly inputBytes: number
  readonly estimateSeconds: number
}

export function todoOf({ jobs }: Pick<Backlog, 'jobs'>): Todo {
  const byType: Partial<Record<JobType, TodoOfType>> = {}
  for (const [type, some] of Map.groupBy(jobs, ({ job }) => job.type)) {
    byType[type] = {
      jobs: some.length,
      inputBytes: some.reduce((sum, { inputBytes }) => sum + inputBytes, 0),
      estimateSeconds: secondsOf(some),
    }
  }
  const oldestMs = jobs.reduce((least, { plannedMs }) => Math.min(least, plannedMs), Infinity)
  return {
    byType,
    jobs: jobs.length,
    estimateSeconds: secondsOf(jobs),
    longestSeconds: jobs.reduce((most, job) => Math.max(most, job.estimateSeconds), 0),
    ...(jobs.length > 0 && { oldestMs }),
  }
}

function secondsOf(jobs: readonly BacklogJob[]): number {
  return Math.round(jobs.reduce((sum, job) => sum + job.estimateSeconds, 0) * 10) / 10
}

/** Gauges under Thanos's names, but that they count what is planned now, not what will come of it. */
export function todoMetrics({ jobs }: Pick<Backlog, 'jobs'>): Readonly<Record<string, number>> {
  const count = { compactions: 0, compactionBlocks: 0, downsampled: 0, deleted: 0 }
  for (const { job } of jobs) {
    if (job.type === 'compact' || job.type === 'cut') {
      count.compactions++
      count.compactionBlocks += job.inputs.length
    } else if (job.type === 'finish') count.compactions++
    else if (job.type === 'downsample') count.downsampled++
    else if (job.type === 'mark' && !isReplacement(job.reason)) count.deleted += job.ids.length
  }
  return {
    thanos_compact_todo_compactions: count.compactions,
    thanos_compact_todo_compaction_blocks: count.compactionBlocks,
    thanos_compact_todo_downsample_blocks: count.downsampled,
    thanos_compact_todo_deletion_blocks: count.deleted,
  }
}
