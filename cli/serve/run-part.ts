/** The thread of a part: messages in, messages out, from its start to its end. */
import type { MessagePort } from 'node:worker_threads'
import { Registry } from 'prom-client'
import { ulid } from 'ulid'
import { createLogger, describeError, loggerWith } from '#agent/logger.ts'
import { meteredBucket } from '#agent/metered-bucket.ts'
import { sleep } from '#agent/sleep.ts'
import { checkConditionalWrites } from '#lib/aws/conditional-writes.ts'
import { openBucket } from '#lib/aws/open-bucket.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { parseObjstoreConfig } from '#lib/bucket/objstore-config.ts'
import { DomainError, isKind } from '#lib/model/errors.ts'
import type { FromPart, PartData, PartMetrics, ToPart } from './part-messages.ts'
import type { OpenPart, PartParts, PartWork } from './part-work.ts'

const ALIVE_MS = 10_000
/** Until a bucket that could not be used is looked at again. */
const AGAIN_MS = 10_000
/** Looking again would not help. */
const FINAL: ReadonlySet<string> = new Set(['invalid', 'unsupported', 'canceled'])

export interface RunPartOptions {
  readonly againMs?: number | undefined
  readonly open?: ((data: PartData) => Promise<Bucket>) | undefined
}

function bucketOf({ yaml, env }: PartData): Promise<Bucket> {
  return openBucket(parseObjstoreConfig(yaml, env))
}

/** Resolves when the work has ended. Rejects with bugs, and where no memory is left: then the thread ends by it. */
export async function runPart(
  data: PartData,
  port: MessagePort,
  load: () => Promise<PartWork>,
  { againMs = AGAIN_MS, open: openIt = bucketOf }: RunPartOptions = {},
): Promise<void> {
  const tell = (message: FromPart): void => port.postMessage(message, [])
  const logger = loggerWith(createLogger(data.log), { component: data.name })
  const registry = new Registry()
  registry.setDefaultLabels({ component: data.name })
  const stop = new AbortController()
  let open: OpenPart | undefined
  const reload = async (): Promise<void> => {
    try {
      await open?.reload()
      logger.info({}, 'files are read again')
    } catch (error) {
      logger.error({ err: error }, 'nothing was reloaded')
    }
  }
  port.on('message', (message: ToPart) => {
    if (message.type === 'stop') stop.abort(new DomainError('canceled', 'stopped'))
    else if (message.type === 'reload') void reload()
    else void answerMetrics(registry, message.id, tell)
  })
  const alive = setInterval(() => tell({ type: 'alive' }), ALIVE_MS)
  try {
    const work = await load()
    const bucket = await openIt(data)
    const parts = { data, registry, logger, now: Date.now, signal: stop.signal, tell }
    await untilUsable({ ...parts, bucket }, againMs)
    open = await work({ ...parts, bucket: meteredBucket(bucket, registry, Date.now) })
    await open.run()
  } catch (error) {
    if (isKind(error, 'canceled') && stop.signal.aborted) return
    if (isKind(error, 'invalid') || isKind(error, 'unsupported')) {
      tell({ type: 'refused', message: describeError(error) })
    } else {
      throw error
    }
  } finally {
    clearInterval(alive)
    port.close()
  }
}

/** Others work on the same bucket: without conditional writes they could undo each other's work. One that is away is waited for. */
async function untilUsable(
  { bucket, logger, signal, tell }: PartParts,
  againMs: number,
): Promise<void> {
  for (;;) {
    try {
      return await checkConditionalWrites(bucket, { id: ulid(), signal })
    } catch (error) {
      if (!(error instanceof DomainError) || FINAL.has(error.kind)) throw error
      logger.error({ err: error }, 'the bucket can not be used yet')
      tell({ type: 'failed', message: describeError(error) })
      await sleep(againMs, signal)
      signal.throwIfAborted()
    }
  }
}

async function answerMetrics(
  registry: Registry,
  id: number,
  tell: (message: FromPart) => void,
): Promise<void> {
  const metrics = (await registry.getMetricsAsJSON()) as PartMetrics
  tell({ type: 'metrics', id, metrics })
}
