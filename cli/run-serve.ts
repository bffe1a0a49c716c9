/** The process of `thaw serve`: queries, what runs beside them, and the end of all. */
import { Registry, collectDefaultMetrics } from 'prom-client'
import { parseAddress } from '#agent/http-server.ts'
import { createLogger, type Logger } from '#agent/logger.ts'
import { aborted } from '#agent/sleep.ts'
import { type Listening, listen } from '#lib/api/node-server.ts'
import { QueryQueue } from '#lib/api/query-queue.ts'
import { openBucket } from '#lib/aws/open-bucket.ts'
import { type ObjstoreConfig, parseObjstoreConfig } from '#lib/bucket/objstore-config.ts'
import type { QuerySettings } from '#lib/lambda/query-flags.ts'
import { DomainError } from '#lib/model/errors.ts'
import { RulerReader } from '#lib/rules/ruler-reader.ts'
import { bucketApp } from './bucket-app.ts'
import { openCliEndpoints } from './cli-endpoints.ts'
import type { CliContext } from './context.ts'
import { defaultWorkers } from './default-workers.ts'
import { rulerMetrics } from './rule/metrics-text.ts'
import { boundMemory, limitOfSystem, registerMemory, settingsUnder } from './serve/memory-limit.ts'
import type { Part } from './serve/part.ts'
import { metricsOfParts, registerParts } from './serve/parts-metrics.ts'
import { meteredFetch } from './serve/request-metrics.ts'
import { type PartFlags, startParts, wantedParts } from './serve/start-parts.ts'
import { openTokenDoor } from './token-door.ts'

export interface ServeFlags extends PartFlags {
  readonly httpAddress: string
  readonly httpGracePeriod: number
  readonly 'auth.tokens'?: boolean | undefined
  readonly 'query.workers'?: number | undefined
  /** Bytes, 0 for none; undefined: that of the system. */
  readonly 'memory.limit'?: number | undefined
}

/** Where another thread is worth it: its caches are warm after a while. */
const SLICE_BYTES = 4 * 1024 * 1024

const KEPT_BYTES = 64 * 1024 * 1024
const RULE_CACHE_BYTES = 256 * 1024 * 1024

export interface Served {
  readonly settings: QuerySettings
  readonly yaml: string | undefined
}

export async function runServe(
  { env, now, signal, killSignal, onHangup }: CliContext,
  flags: ServeFlags,
  { settings, yaml }: Served,
): Promise<void> {
  const address = parseAddress(flags.httpAddress)
  checkSources(flags, { settings, yaml })
  const wanted = wantedParts(flags, yaml)
  const memory = memoryOf(flags, wanted, now)
  const logger = createLogger({ level: flags['log.level'], format: flags['log.format'] })
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  if (memory) registerMemory(registry, memory)
  const log = (message: string): void => logger.warn({}, message)
  const endpoints = await openCliEndpoints(settings.endpoints, { now, log, registry })
  // A wrong list of endpoints is told now, not with the first query.
  await endpoints?.update()
  const config = yaml === undefined ? undefined : parseObjstoreConfig(yaml, env)
  const ruler = wanted.has('rule') ? await metricsOfRuler(config!, now) : undefined
  const parts: Part[] = []
  const limited = memory ? settingsUnder(settings, memory.plan) : settings
  const { app, endIdle, stop } = await bucketApp({
    config,
    endpoints,
    settings: limited,
    workers: memory?.workers ?? flags['query.workers'] ?? defaultWorkers(),
    sliceBytes: SLICE_BYTES,
    keptBytes: memory?.plan.keptBytes ?? KEPT_BYTES,
    cacheBytes: memory?.plan.cacheBytes,
    threadHeapMiB: memory?.plan.threadHeapMiB,
    maxAnswerBytes: memory?.plan.maxAnswerBytes,
    now,
    registry,
    alsoReady: () => firstTrouble(parts.map(({ ready }) => ready)),
    server: {
      ...(config &&
        flags['auth.tokens'] === true && { door: await openTokenDoor(config, now, logger) }),
      queue: memory ? memory.gate.queue(limited.limitsOf) : new QueryQueue(settings.limitsOf),
      queryLog: queryLog(settings, logger),
      healthy: () => firstTrouble(parts.map(({ healthy }) => healthy)),
      metrics: async () =>
        (await Promise.all([registry.metrics(), metricsOfParts(parts), ruler?.()])).join('\n'),
      log: ({ message, error, ...entry }) => logger.error({ ...entry, err: error }, message),
    },
  })
  memory?.gate.freesToo(endIdle)
  const inner = (request: Request): Response | Promise<Response> => app.fetch(request)
  const fetch = meteredFetch(memory ? memory.gate.fetch(inner) : inner, registry, now)
  const server = await listen({ fetch }, { host: address.host, port: address.port }).catch(
    (cause: Error) => {
      throw new DomainError('invalid', `--http-address ${flags.httpAddress}: ${cause.message}`, {
        cause,
      })
    },
  )
  const refused = new AbortController()
  if (yaml !== undefined) {
    const onRefused = (error: DomainError): void => refused.abort(error)
    const cacheBytes = memory?.plan.ruleCacheBytes ?? RULE_CACHE_BYTES
    const heapMiB = memory?.plan.threadHeapMiB
    parts.push(
      ...startParts({ wanted, flags, yaml, env, cacheBytes, heapMiB, logger, now, onRefused }),
    )
    registerParts(registry, parts)
  }
  if (parts.length > 0) onHangup(() => parts.forEach((part) => part.reload()))
  logger.info(
    {
      url: server.url,
      tokens: flags['auth.tokens'] === true,
      endpoints: endpoints !== undefined,
      bucket: yaml !== undefined,
      ...(parts.length > 0 && { parts: parts.map(({ name }) => name).join(' ') }),
      ...(memory && { memory: memory.limitBytes, places: memory.plan.concurrency }),
    },
    'serving',
  )
  const watching = endpoints?.run(signal)
  try {
    await aborted(AbortSignal.any([signal, refused.signal]))
    logger.info({}, 'stopping: no more requests are taken')
    await endAll(server, parts, flags.httpGracePeriod, killSignal)
  } finally {
    endpoints?.close()
    await stop()
  }
  refused.signal.throwIfAborted()
  await watching
}

function checkSources(flags: ServeFlags, { settings, yaml }: Served): void {
  if (yaml === undefined && settings.endpoints === undefined) {
    throw new DomainError(
      'invalid',
      'there is nothing to serve, name a bucket with --objstore.config-file or a StoreAPI with --endpoint',
    )
  }
  if (flags['auth.tokens'] === true && yaml === undefined) {
    throw new DomainError(
      'invalid',
      '--auth.tokens: tokens are in a bucket, name it with --objstore.config-file',
    )
  }
}

function memoryOf(flags: ServeFlags, wanted: ReadonlyMap<string, string>, now: () => number) {
  const limitBytes = flags['memory.limit'] ?? limitOfSystem() ?? 0
  if (limitBytes === 0) return undefined
  const given = flags['query.workers']
  const workers = given ?? defaultWorkers()
  const needs = { limitBytes, workers, compact: wanted.has('compact'), rule: wanted.has('rule') }
  return boundMemory(needs, { mayHaveFewer: given === undefined, now })
}

/** What the ruler says of itself is in the bucket: of whichever process ticked last. */
async function metricsOfRuler(
  config: ObjstoreConfig,
  now: () => number,
): Promise<() => Promise<string>> {
  const reader = new RulerReader({ bucket: await openBucket(config), now })
  return async () => {
    // A bucket that does not answer must not take the other metrics away.
    const state = await reader.state().catch(() => undefined)
    return state ? rulerMetrics(state) : ''
  }
}

function firstTrouble(states: readonly (true | string)[]): true | string {
  return states.find((state) => state !== true) ?? true
}

/** All at the same time: a job is given back while the last requests get their answers. */
async function endAll(
  server: Listening,
  parts: readonly Part[],
  graceMs: number,
  kill: AbortSignal,
): Promise<void> {
  await Promise.all([server.close(graceMs, kill), ...parts.map((part) => part.stop(graceMs, kill))])
}

function queryLog({ slowMs }: QuerySettings, logger: Logger) {
  return {
    slowMs,
    write: ({ slow, ...entry }: { readonly slow: boolean }) =>
      slow ? logger.warn(entry, 'slow query detected') : logger.debug(entry, 'query'),
  }
}
