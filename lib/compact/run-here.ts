/** Plans and does what is planned, again and again until nothing is left: all of it in this process, without a queue. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { DomainError } from '#lib/model/errors.ts'
import { type JobOutcome, type JobProgress, runJob } from './jobs/run-job.ts'
import type { PlannedJob } from './plan/job-draft.ts'
import { type JobPlan, planJobs, type PlanInput } from './plan/plan-jobs.ts'
import type { CompactSettings } from './plan/settings.ts'
import { lookAtBucket } from './read-plan-input.ts'
import { restrictPlan } from './restrict-plan.ts'

export interface HereOptions {
  readonly bucket: Bucket
  readonly settings: CompactSettings
  readonly now: () => number
  readonly newUlid: () => string
  /** Names the worker in leases, for people. */
  readonly owner: string
  /** Jobs at one time. */
  readonly concurrency: number
  /** Which jobs are to be done; all of them without it. */
  readonly wanted?: ((job: PlannedJob) => boolean) | undefined
  /** Blocks that it is about; all of them without it. */
  readonly only?: ((block: BlockRecord) => boolean) | undefined
  readonly onEvent?: ((event: HereEvent) => void) | undefined
  /** Told of each plan before its jobs begin; they wait for it. */
  readonly onPlan?: ((plan: JobPlan, input: PlanInput) => Promise<void>) | undefined
  readonly signal?: AbortSignal | undefined
}

export type HereEvent =
  /** A plan was made; `jobs` are those that will be done now, in their order. */
  | { readonly type: 'planned'; readonly jobs: readonly PlannedJob[] }
  | { readonly type: 'began'; readonly job: PlannedJob }
  | { readonly type: 'progress'; readonly job: PlannedJob; readonly progress: JobProgress }
  | ({ readonly type: 'ended' } & DoneJob)

export interface DoneJob {
  readonly job: PlannedJob
  readonly seconds: number
  readonly outcome: JobOutcome | { readonly status: 'failed'; readonly error: DomainError }
}

/** In the order in which they ended. */
export interface HereReport {
  readonly done: readonly DoneJob[]
}

/** A job is begun so often at most. */
const MAX_TRIES = 3

/** Resolves when no job is left that might get on; jobs that fail are in the report, and stop no other. Rejects when the bucket can't be planned. */
export async function runHere(options: HereOptions): Promise<HereReport> {
  const { bucket, settings, now, concurrency, wanted = () => true, only, onEvent, signal } = options
  const done: DoneJob[] = []
  const tries = new Map<string, number>()
  for (;;) {
    const seen = await lookAtBucket(bucket, { settings, now, signal })
    const input = restrictPlan(seen.input, only)
    const plan = planJobs(input)
    await options.onPlan?.(plan, input)
    const jobs = plan.jobs.filter((job) => wanted(job) && (tries.get(job.key) ?? 0) < MAX_TRIES)
    onEvent?.({ type: 'planned', jobs })
    if (jobs.length === 0) return { done }
    const waiting = [...jobs]
    const work = async (): Promise<void> => {
      for (let job = waiting.shift(); job; job = waiting.shift()) {
        if (signal?.aborted) return
        tries.set(job.key, (tries.get(job.key) ?? 0) + 1)
        onEvent?.({ type: 'began', job })
        const one = await runOne(job, options)
        done.push(one)
        onEvent?.({ type: 'ended', ...one })
      }
    }
    await Promise.all(Array.from({ length: Math.min(concurrency, jobs.length) }, work))
    if (signal?.aborted) throw new DomainError('canceled', 'canceled')
  }
}

async function runOne(job: PlannedJob, options: HereOptions): Promise<DoneJob> {
  const { bucket, now, newUlid, owner, settings, onEvent, signal } = options
  const startedMs = now()
  const end = (outcome: DoneJob['outcome']): DoneJob => {
    return { job, seconds: (now() - startedMs) / 1000, outcome }
  }
  try {
    return end(
      await runJob(job.job, {
        bucket,
        now,
        newUlid,
        owner,
        deleteDelayMs: settings.deleteDelayMs,
        onProgress: (progress) => onEvent?.({ type: 'progress', job, progress }),
        signal,
      }),
    )
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    return end({ status: 'failed', error })
  }
}
