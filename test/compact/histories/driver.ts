/** What plans and works in a history: the parts that functions and `thaw bucket compact` are made of. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { describeJob, type Job } from '#lib/compact/jobs/job.ts'
import { type JobOutcome, runJob } from '#lib/compact/jobs/run-job.ts'
import { claimDue } from '#lib/compact/plan/backlog.ts'
import { planJobs } from '#lib/compact/plan/plan-jobs.ts'
import type { CompactSettings } from '#lib/compact/plan/settings.ts'
import { lookAtBucket } from '#lib/compact/read-plan-input.ts'

/** Who does something: a process with its own view of the bucket, and its own clock. */
export interface Actor {
  readonly name: string
  readonly bucket: Bucket
  readonly now: () => number
  readonly newUlid: () => string
}

export interface Planned {
  readonly job: Job
  readonly reason: string
}

/** One look at the bucket: what is to be done now, and was not sent `resendMs` before. */
export async function planTick(
  { bucket, now }: Actor,
  settings: CompactSettings,
  resendMs: number,
): Promise<readonly Planned[]> {
  const { input } = await lookAtBucket(bucket, { settings, now })
  const { nowMs, leased } = input
  return (await claimDue(bucket, planJobs(input), { nowMs, resendMs, leased })).due
}

export function work(
  job: Job,
  { name, ...actor }: Actor,
  settings: CompactSettings,
): Promise<JobOutcome> {
  return runJob(job, { ...actor, owner: name, deleteDelayMs: settings.deleteDelayMs })
}

export function textOf({ job, reason }: Planned): string {
  return `${describeJob(job)} (${reason})`
}
