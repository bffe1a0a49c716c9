/** Has the deployed functions plan and do all there is to do, so that nobody waits for the schedule. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Cloud } from './cloud/embedded-cloud.ts'

/** What the `plan` function answers. */
export interface PlanAnswer {
  /** That queries see. */
  readonly blocks: number
  readonly jobs: number
  readonly sent: number
}

export interface CompactionOptions {
  readonly cloud: Cloud
  readonly onProgress?: ((done: number, total: number, note: string) => void) | undefined
  readonly signal: AbortSignal
}

export interface CompactionEnd {
  readonly jobs: number
  /** That are still to do, but somebody else is at them, or they failed. */
  readonly left: number
  /** What queries see. */
  readonly blocks: number
}

const LOOK_AGAIN_MS = 50

/** Resolves when the queue is empty and a plan has no job for it. Events of blocks that arrived may have planned some before. */
export async function compactAll(options: CompactionOptions): Promise<CompactionEnd> {
  const { cloud, onProgress, signal } = options
  const queue = cloud.queue(queueName(cloud))
  let total = 0
  for (;;) {
    const waitingBefore = queue.size
    const { jobs, sent, blocks } = await plan(cloud)
    total += total === 0 ? Math.max(waitingBefore, queue.size) : sent
    if (sent === 0 && queue.size === 0) return { jobs: total, left: jobs, blocks }
    while (queue.size > 0 && !signal.aborted) {
      const done = Math.max(0, total - queue.size)
      onProgress?.(done, total, `${done} of ${total} jobs`)
      await sleep(LOOK_AGAIN_MS)
    }
    signal.throwIfAborted()
  }
}

/** Makes the bucket index true, and sends what is to be done. */
export async function plan(cloud: Cloud): Promise<PlanAnswer> {
  const result = await cloud.invoke(functionName(cloud, 'plan'), {})
  const body = JSON.parse(Buffer.from(result.payload).toString('utf8')) as Partial<PlanAnswer> & {
    errorMessage?: string
  }
  const { blocks, jobs = 0, sent = 0, errorMessage } = body
  if (blocks === undefined) throw new Error(`plan: ${errorMessage ?? JSON.stringify(body)}`)
  return { blocks, jobs, sent }
}

/** As the schedules call it: by its alias. */
export function functionName({ assembly }: Cloud, name: string): string {
  const found = assembly.aliases.find((it) => it.functionName.endsWith(`-${name}`))
  if (!found) throw new Error(`the synthesised stack has no ${name} function`)
  return `${found.functionName}:${found.name}`
}

function queueName({ assembly }: Cloud): string {
  const [source] = assembly.eventSources
  if (!source) throw new Error('the synthesised stack has no queue of jobs')
  return source.queueName
}
