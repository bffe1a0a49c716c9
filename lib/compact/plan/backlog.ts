/**
 * What is planned and not done: `thaw/backlog.json.gz`. It is there so that a job is sent once and not with each plan, and so that people
 * see what waits, for how long, and why. It decides nothing: without it all that is planned is sent again, which does no harm.
 */
import { gunzipSync, gzipSync } from 'node:zlib'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { isKind } from '#lib/model/errors.ts'
import type { JobPlan, PlannedJob } from './plan-jobs.ts'

export const BACKLOG_KEY = 'thaw/backlog.json.gz'
const VERSION = 1

export interface Backlog {
  readonly updatedMs: number
  /** In the order of their worth. */
  readonly jobs: readonly BacklogJob[]
  /** Of every block: why it is or is not planned. */
  readonly reasons: Readonly<Record<string, string>>
}

export interface BacklogJob extends PlannedJob {
  /** First, and in each plan since. */
  readonly plannedMs: number
  /** Last given to the queue. */
  readonly sentMs?: number | undefined
}

export const EMPTY_BACKLOG: Backlog = { updatedMs: 0, jobs: [], reasons: {} }

export interface SendRules {
  readonly nowMs: number
  /** What was sent and is still planned is sent again after this long: it failed, or the message was lost. */
  readonly resendMs: number
  /** Keys of jobs that somebody is at. */
  readonly leased: ReadonlySet<string>
}

/** Longer than a function lives. */
export const DEFAULT_RESEND_MS = 20 * 60_000

/** Where nothing else has changed it is written anew after this long, so that people see that somebody plans. */
const REWRITE_MS = 14 * 60_000

/** The plan of now, with what is known of jobs that were planned before. */
export function nextBacklog({ jobs, reasons }: JobPlan, before: Backlog, nowMs: number): Backlog {
  const known = new Map(before.jobs.map((job) => [job.key, job]))
  return {
    updatedMs: nowMs,
    jobs: jobs.map((job) => {
      const { plannedMs = nowMs, sentMs } = known.get(job.key) ?? {}
      return { ...job, plannedMs, ...(sentMs !== undefined && { sentMs }) }
    }),
    reasons: Object.fromEntries(reasons),
  }
}

/** Those to send now, in their order. */
export function due(backlog: Backlog, { nowMs, resendMs, leased }: SendRules): BacklogJob[] {
  return backlog.jobs.filter(
    ({ key, sentMs }) => !leased.has(key) && (sentMs === undefined || nowMs - sentMs >= resendMs),
  )
}

export interface Claim {
  /** To be sent, in their order. */
  readonly due: readonly BacklogJob[]
  /** As it is in the bucket now. */
  readonly backlog: Backlog
}

/**
 * Keeps the plan, and returns the jobs to send. They count as sent before they are: of two planners at once only one sends a job, and a
 * planner that ends in between has it sent again a little later.
 */
export async function claimDue(
  bucket: Bucket,
  plan: JobPlan,
  rules: SendRules,
  signal?: AbortSignal,
): Promise<Claim> {
  for (;;) {
    const before = await readForUpdate(bucket, signal)
    const next = nextBacklog(plan, before.backlog, rules.nowMs)
    const jobs = due(next, rules)
    const claimed = new Set(jobs.map(({ key }) => key))
    const sent = next.jobs.map((job) =>
      claimed.has(job.key) ? { ...job, sentMs: rules.nowMs } : job,
    )
    const backlog = { ...next, jobs: sent }
    if (isAsBefore(backlog, before.backlog)) return { due: jobs, backlog: before.backlog }
    const condition = before.etag === undefined ? { ifAbsent: true } : { ifMatch: before.etag }
    try {
      await bucket.put(BACKLOG_KEY, encode(backlog), { ...condition, signal })
      return { due: jobs, backlog }
    } catch (error) {
      // Another planner was faster: what it sent is not to be sent again.
      if (!isKind(error, 'conflict')) throw error
    }
  }
}

function isAsBefore(backlog: Backlog, before: Backlog): boolean {
  const { updatedMs } = before
  if (backlog.updatedMs < updatedMs || backlog.updatedMs - updatedMs >= REWRITE_MS) return false
  return JSON.stringify({ ...backlog, updatedMs }) === JSON.stringify(before)
}

/** Keeps the plan of who does the jobs itself: none of them is to be sent. */
export async function keepBacklog(
  bucket: Bucket,
  plan: JobPlan,
  nowMs: number,
  signal?: AbortSignal,
): Promise<void> {
  const leased = new Set(plan.jobs.map(({ key }) => key))
  await claimDue(bucket, plan, { nowMs, resendMs: DEFAULT_RESEND_MS, leased }, signal)
}

/** Empty where nothing was ever planned, or what is there can't be read. */
export async function readBacklog(bucket: Bucket, signal?: AbortSignal): Promise<Backlog> {
  return (await readForUpdate(bucket, signal)).backlog
}

async function readForUpdate(
  bucket: Bucket,
  signal: AbortSignal | undefined,
): Promise<{ readonly backlog: Backlog; readonly etag?: string }> {
  try {
    const { body, etag } = await bucket.get(BACKLOG_KEY, { signal })
    return { backlog: decode(body), etag }
  } catch (error) {
    if (isKind(error, 'not-found')) return { backlog: EMPTY_BACKLOG }
    throw error
  }
}

function encode(backlog: Backlog): Uint8Array {
  return gzipSync(JSON.stringify({ version: VERSION, ...backlog }))
}

const MAX_DECODED = 256 * 1024 * 1024

function decode(body: Uint8Array): Backlog {
  try {
    const text = gunzipSync(body, { maxOutputLength: MAX_DECODED }).toString('utf8')
    const { version, ...backlog } = JSON.parse(text) as Backlog & { version: unknown }
    const isBacklog = version === VERSION && Array.isArray(backlog.jobs)
    return isBacklog ? backlog : EMPTY_BACKLOG
  } catch {
    return EMPTY_BACKLOG
  }
}
