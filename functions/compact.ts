/** Lambda `compact`: does one job of the queue. */
import { ulid } from 'ulid'
import { tellDenials } from '#lib/aws/denials.ts'
import { openBucket } from '#lib/aws/open-bucket.ts'
import { parseObjstoreConfig } from '#lib/bucket/objstore-config.ts'
import { describeJob, parseJob } from '#lib/compact/jobs/job.ts'
import { runJob } from '#lib/compact/jobs/run-job.ts'
import { readCompactFlags } from '#lib/lambda/compact-flags.ts'
import { readEnvironment } from '#lib/lambda/environment.ts'
import { plainErrors } from '#lib/lambda/plain-errors.ts'
import { DomainError } from '#lib/model/errors.ts'

const environment = readEnvironment(process.env)
const settings = readCompactFlags(environment.compactFlags)
const denied = tellDenials({ now: Date.now, warn: (message) => console.warn({ message }) })
const opened = openBucket(parseObjstoreConfig(environment.objstoreConfig, process.env), { denied })
const owner = `compact ${process.env['AWS_LAMBDA_LOG_STREAM_NAME'] ?? ulid()}`

/** What SQS hands over; the queue is set up to give one message at a time. */
export interface QueueEvent {
  readonly Records: readonly { readonly messageId: string; readonly body: string }[]
}

export interface InvokeContext {
  getRemainingTimeInMillis(): number
}

/** Left of the time limit, to give the lease back in. */
const RESERVE_MS = 10_000

/** A job that rejects comes again, until the queue puts it with the dead letters. */
export const handler = plainErrors(
  async (event: QueueEvent, context: InvokeContext): Promise<void> => {
    const bucket = await opened
    for (const { body } of event.Records) {
      const job = parseJob(body)
      const startedMs = Date.now()
      const outcome = await runJob(job, {
        bucket,
        now: Date.now,
        newUlid: () => ulid(),
        owner,
        deleteDelayMs: settings.deleteDelayMs,
        signal: timeLimit(context.getRemainingTimeInMillis() - RESERVE_MS),
      })
      const { status, report } = outcome
      const seconds = (Date.now() - startedMs) / 1000
      console.log({ message: report, status, job: describeJob(job), seconds })
    }
  },
)

function timeLimit(ms: number): AbortSignal {
  const controller = new AbortController()
  const error = new DomainError('timeout', 'the job needs longer than a function may take')
  setTimeout(() => controller.abort(error), ms).unref()
  return controller.signal
}
