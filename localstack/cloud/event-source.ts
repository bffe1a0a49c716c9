/** What takes messages from a queue to a function, in batches, and deletes those that were handled. */
import type { EventSourceSpec } from './assembly.ts'
import { REGION } from './intrinsics.ts'
import type { BufferedResult, Invoker } from './invoker.ts'
import type { Message, Queue } from './queue.ts'

export class EventSource {
  readonly #spec: EventSourceSpec
  readonly #queue: Queue
  readonly #invoker: Invoker
  readonly #now: () => number
  #running = 0
  #stopped = false
  #timer: NodeJS.Timeout | undefined

  constructor(spec: EventSourceSpec, queue: Queue, invoker: Invoker, now: () => number) {
    this.#spec = spec
    this.#queue = queue
    this.#invoker = invoker
    this.#now = now
    queue.onArrival(() => this.#pump())
    this.#pump()
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  #pump(): void {
    while (!this.#stopped && this.#running < this.#spec.maxConcurrency) {
      const batch = this.#queue.receive(this.#spec.batchSize)
      if (batch.length === 0) break
      this.#running++
      void this.#work(batch).finally(() => {
        this.#running--
        this.#pump()
      })
    }
    this.#wakeWhenVisible()
  }

  #wakeWhenVisible(): void {
    clearTimeout(this.#timer)
    const nextMs = this.#queue.nextVisibleMs()
    if (this.#stopped || nextMs === undefined) return
    const waitMs = Math.max(1, nextMs - this.#now())
    this.#timer = setTimeout(() => this.#pump(), waitMs).unref()
  }

  async #work(batch: readonly Message[]): Promise<void> {
    const event = { Records: batch.map((message) => this.#record(message)) }
    let result: BufferedResult
    try {
      const payload = Buffer.from(JSON.stringify(event))
      result = await this.#invoker.invokeWhenFree(this.#spec.functionName, payload)
    } catch {
      return // the cloud stops
    }
    if (result.failure !== undefined) return
    const failed = this.#spec.reportsFailures ? failedIds(result.payload) : new Set<string>()
    for (const { id } of batch) if (!failed.has(id)) this.#queue.delete(id)
  }

  #record({ id, body, sentMs, receives }: Message): unknown {
    return {
      messageId: id,
      receiptHandle: id,
      body,
      attributes: {
        ApproximateReceiveCount: String(receives),
        SentTimestamp: String(sentMs),
      },
      messageAttributes: {},
      eventSource: 'aws:sqs',
      eventSourceARN: this.#queue.spec.arn,
      awsRegion: REGION,
    }
  }
}

function failedIds(payload: Buffer): Set<string> {
  const answer = JSON.parse(payload.toString()) as {
    batchItemFailures?: readonly { readonly itemIdentifier: string }[]
  } | null
  return new Set(answer?.batchItemFailures?.map(({ itemIdentifier }) => itemIdentifier))
}
