/** Puts messages into an SQS queue. */
import type { SQSClient } from '@aws-sdk/client-sqs'
import { DomainError } from '#lib/model/errors.ts'

/** SQS's limits for one request. */
const MAX_BATCH = 10
const MAX_BATCH_BYTES = 256 * 1024

/** With the credentials and region of the function. */
export async function sqsClient(): Promise<SQSClient> {
  const { SQSClient } = await import('@aws-sdk/client-sqs')
  return new SQSClient({ maxAttempts: 5 })
}

/** In order, as few requests as the limits allow. Rejects with 'unavailable' or 'unauthorized', naming the queue; some may have been sent by then. */
export async function sendMessages(
  client: SQSClient,
  queueUrl: string,
  bodies: readonly string[],
): Promise<void> {
  const { SendMessageBatchCommand } = await import('@aws-sdk/client-sqs')
  for (const batch of batchesOf(bodies)) {
    const Entries = batch.map((MessageBody, i) => ({ Id: String(i), MessageBody }))
    let failed: string | undefined
    try {
      const answer = await client.send(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries }))
      const [first] = answer.Failed ?? []
      failed = first && `${first.Code ?? 'error'} ${first.Message ?? ''}`.trim()
    } catch (error) {
      throw sendError(queueUrl, error as Error)
    }
    if (failed !== undefined) throw new DomainError('unavailable', `${queueUrl}: ${failed}`)
  }
}

/** SQS's JSON protocol has the long name, its queries had the short one. */
const DENIED = new Set(['AccessDeniedException', 'AccessDenied'])

function sendError(queueUrl: string, cause: Error): DomainError {
  const { name, message } = cause
  return DENIED.has(name)
    ? new DomainError(
        'unauthorized',
        `${queueUrl}: ${name}: ${message}, allow sqs:SendMessage on ${queueUrl.slice(queueUrl.lastIndexOf('/') + 1)}`,
        { cause },
      )
    : new DomainError('unavailable', `${queueUrl}: ${message}`, { cause })
}

function batchesOf(bodies: readonly string[]): string[][] {
  const batches: string[][] = []
  let bytes = 0
  for (const body of bodies) {
    const size = Buffer.byteLength(body)
    const last = batches.at(-1)
    if (!last || last.length === MAX_BATCH || bytes + size > MAX_BATCH_BYTES) {
      batches.push([body])
      bytes = size
    } else {
      last.push(body)
      bytes += size
    }
  }
  return batches
}
