/** Lambda `plan`: keeps the bucket index true, and puts what is to be done into the queue. Woken by the schedule and whenever a meta.json arrives. */
import { setTimeout as sleep } from 'node:timers/promises'
import { ulid } from 'ulid'
import { checkConditionalWrites } from '#lib/aws/conditional-writes.ts'
import { tellDenials } from '#lib/aws/denials.ts'
import { openBucket } from '#lib/aws/open-bucket.ts'
import { sendMessages, sqsClient } from '#lib/aws/send-messages.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { parseObjstoreConfig } from '#lib/bucket/objstore-config.ts'
import { formatJob } from '#lib/compact/jobs/job.ts'
import {
  type Claim,
  claimDue,
  DEFAULT_RESEND_MS,
  EMPTY_BACKLOG,
} from '#lib/compact/plan/backlog.ts'
import { planJobs } from '#lib/compact/plan/plan-jobs.ts'
import { planReport } from '#lib/compact/plan/plan-report.ts'
import { knownWriters } from '#lib/compact/plan/writers.ts'
import { lookAtBucket, type ReadPlanInput } from '#lib/compact/read-plan-input.ts'
import { readCompactFlags } from '#lib/lambda/compact-flags.ts'
import { readEnvironment } from '#lib/lambda/environment.ts'
import { openOnce } from '#lib/lambda/open-once.ts'
import { plainErrors } from '#lib/lambda/plain-errors.ts'
import { rulerLabels } from '#lib/rules/ruler-labels.ts'

const { objstoreConfig, compactFlags, queueUrl } = readEnvironment(process.env)
const settings = readCompactFlags(compactFlags)
const queue = queueUrl === undefined ? undefined : { url: queueUrl, client: sqsClient() }
const denied = tellDenials({ now: Date.now, warn: (message) => console.warn({ message }) })
const opened = openOnce(async () => {
  const bucket = await openBucket(parseObjstoreConfig(objstoreConfig, process.env), { denied })
  // Without conditional writes two of them could undo each other's work.
  await checkConditionalWrites(bucket, { id: ulid() })
  return bucket
})

/** `rescan: true` reads every meta.json again instead of trusting what the index knows. */
export interface PlanEvent {
  readonly rescan?: boolean
}

export interface PlanAnswer {
  /** That queries see. */
  readonly blocks: number
  /** What is to be done, and how much of it was put into the queue just now. */
  readonly jobs: number
  readonly sent: number
}

export const handler = plainErrors(async (event: PlanEvent): Promise<PlanAnswer> => {
  const bucket = await opened()
  const rescan = event?.rescan === true
  const options = { settings, now: Date.now, rescan, overtaken: comeApart }
  const { update, input } = await lookAtBucket(bucket, options)
  const { due, backlog } = queue ? await sendJobs(bucket, input, queue) : NOTHING_PLANNED
  const { blocks, packMarks = [], nowMs } = input
  const writers = await knownWriters(input, () => rulerLabels(bucket, Date.now))
  console.log(planReport({ update, blocks, packMarks, backlog, sent: due, writers, nowMs }))
  return { blocks: update.blocks - update.hidden, jobs: backlog.jobs.length, sent: due.length }
})

/** Each block that comes wakes a plan: where dozens come at once, these go on one by one, instead of undoing each other's work. */
function comeApart(times: number): Promise<void> {
  return sleep(Math.random() * Math.min(3000, 250 * times))
}

/** Where another compactor works on the bucket. */
const NOTHING_PLANNED: Claim = { due: [], backlog: EMPTY_BACKLOG }

async function sendJobs(
  bucket: Bucket,
  input: ReadPlanInput,
  { url, client }: NonNullable<typeof queue>,
): Promise<Claim> {
  const { nowMs, leased } = input
  const claim = await claimDue(bucket, planJobs(input), {
    nowMs,
    resendMs: DEFAULT_RESEND_MS,
    leased,
  })
  const messages = claim.due.map(({ job }) => formatJob(job))
  await sendMessages(await client, url, messages)
  return claim
}
