/** The HTTP API of Prometheus and Thanos over the bucket, for the functions that answer it. */
import { setTimeout } from 'node:timers/promises'
import { pino } from 'pino'
import { Registry, collectDefaultMetrics } from 'prom-client'
import type { Door } from '#lib/api/door.ts'
import type { ApiLimits, ApiParts } from '#lib/api/parts.ts'
import { buildInfo, DEFAULT_LIMITS } from '#lib/api/parts.ts'
import { QueryQueue } from '#lib/api/query-queue.ts'
import { apiApp } from '#lib/api/app.ts'
import { tellDenials } from '#lib/aws/denials.ts'
import { invokeStore, lambdaClient } from '#lib/aws/invoke-store.ts'
import { openBucket } from '#lib/aws/open-bucket.ts'
import { BucketIndexReader } from '#lib/blocks/bucket-index.ts'
import { parseObjstoreConfig } from '#lib/bucket/objstore-config.ts'
import type { EndpointSet } from '#lib/endpoints/endpoint-set.ts'
import { readBacklog } from '#lib/compact/plan/backlog.ts'
import { compactionStatus } from '#lib/compact/plan/status.ts'
import { registerTodoGauges } from '#lib/compact/plan/todo-gauges.ts'
import { readEnvironment } from '#lib/lambda/environment.ts'
import type { FetchApp } from '#lib/lambda/http.ts'
import { readQueryFlags } from '#lib/lambda/query-flags.ts'
import { freshSource } from '#lib/query/fresh-source.ts'
import { runRemoteSlice } from '#lib/query/remote-slice.ts'
import { ResultsCache } from '#lib/query/results-cache.ts'
import { LabelCache } from '#lib/query/label-cache.ts'
import { runRemoteLabelSlice } from '#lib/query/label-slice.ts'
import { queryFrontend } from '#lib/query/query-frontend.ts'
import { RulerReader } from '#lib/rules/ruler-reader.ts'
import { rulesSource } from '#lib/rules/rules-source.ts'
import { StoreCache } from '#lib/store/store-cache.ts'

export const environment = readEnvironment(process.env)
const settings = readQueryFlags(environment.queryFlags)
export const logger = pino({ base: null, formatters: { level: (level) => ({ level }) } })
const denied = tellDenials({ now: Date.now, warn: (message) => logger.warn(message) })
const registry = new Registry()
collectDefaultMetrics({ register: registry })

export interface QueryAppOptions {
  readonly callerOf: Door['callerOf']
  /** Of one answer: what whoever is in front lets through. */
  readonly limits: Partial<ApiLimits>
}

/** The longest that `store` takes for a slice, and less than it is given. */
const STORE_DEADLINE_MS = 25_000

export async function queryApp({ callerOf, limits }: QueryAppOptions): Promise<FetchApp> {
  const [bucket, endpoints] = await Promise.all([
    openBucket(parseObjstoreConfig(environment.objstoreConfig, process.env), { denied }),
    openEndpoints(),
  ])
  const { storeFunction, sliceBytes, maxSlices } = environment
  const deadlineMs = Math.min(environment.deadlineMs, STORE_DEADLINE_MS)
  registerTodoGauges(registry, bucket, Date.now)
  const index = new BucketIndexReader(bucket, { now: Date.now, maxAgeMs: 5000 })
  const cache = new StoreCache(environment.cacheBytes)
  const { megabytes } = environment
  const fresh = freshSource({ bucket, index, cache, now: Date.now, megabytes })
  const ruler = new RulerReader({ bucket, now: Date.now })
  const rules = rulesSource(ruler)
  const store =
    storeFunction === undefined ? undefined : { functionName: storeFunction, client: lambdaClient }
  const backend = queryFrontend({
    bucket,
    index,
    cache,
    now: Date.now,
    cut: { sliceBytes, maxSlices },
    concurrency: Math.min(maxSlices, settings.maxParallelism),
    sources: endpoints && (() => endpoints.sources()),
    limitsOf: settings.limitsOf,
    alignRangeWithStep: settings.alignRangeWithStep,
    megabytes,
    retries: {
      attempts: settings.sliceAttempts,
      pause: (attempt, signal) =>
        setTimeout(Math.random() * 100 * 2 ** attempt, undefined, { signal }),
    },
    results: new ResultsCache({
      maxBytes: environment.resultsBytes,
      maxFreshnessMs: settings.maxFreshnessMs,
      inBucket: true,
      random: Math.random,
    }),
    labelCache: new LabelCache({
      maxBytes: environment.resultsBytes / 4,
      inBucket: true,
      random: Math.random,
    }),
    invokeLabels:
      store &&
      ((slice, signal) => {
        const invoke = (event: unknown): AsyncIterable<Uint8Array> =>
          invokeStore(store, event, signal)
        return runRemoteLabelSlice({ invoke, now: Date.now, deadlineMs }, slice, signal)
      }),
    invokeSlice:
      store &&
      ((slice, signal) => {
        const invoke = (event: unknown): AsyncIterable<Uint8Array> =>
          invokeStore(store, event, signal)
        return runRemoteSlice({ bucket, invoke, now: Date.now, deadlineMs }, slice, signal)
      }),
  })
  const parts: ApiParts = {
    backend,
    sources: async () => [fresh, rules, ...((await endpoints?.knowledge()) ?? [])],
    ...(endpoints && { endpoints: () => endpoints.statuses() }),
    alertmanagers: async (signal) => (await ruler.state(signal))?.alertmanagers,
    compaction: async (blocks, signal) =>
      compactionStatus(await readBacklog(bucket, signal), blocks),
    now: Date.now,
    startedMs: Date.now(),
    build: buildInfo(process.env['AWS_LAMBDA_FUNCTION_VERSION'] ?? '', process.version),
    engine: settings.engine,
    scope: settings.scope,
    limits: {
      ...DEFAULT_LIMITS,
      timeoutMs: settings.timeoutMs,
      deadlineMs: environment.deadlineMs,
      maxAnswerBytes: 256 * 1024 * 1024,
      ...limits,
      defaultStepMs: settings.defaultStepMs,
      remoteReadSamples: settings.remoteReadSamples,
    },
    door: {
      callerOf,
      forbidden: ({ caller, scope, path }) =>
        logger.info({ token: caller.id, scope, path }, 'forbidden'),
    },
    queue: new QueryQueue(settings.limitsOf),
    queryLog: {
      slowMs: settings.slowMs,
      write: ({ slow, ...entry }) =>
        slow ? logger.warn(entry, 'slow query detected') : logger.info(entry, 'query'),
    },
    flags: settings.flags,
    metrics: () => registry.metrics(),
    ready: () =>
      index.blocks(Date.now(), Date.now()).then(
        () => true,
        (error: Error) => error.message,
      ),
    log: ({ message, error, ...entry }) =>
      logger.error({ ...entry, error: String(error) }, message),
  }
  return apiApp(parts)
}

/** Loaded only where there are some: gRPC would be paid for by every cold start. */
async function openEndpoints(): Promise<EndpointSet | undefined> {
  if (!settings.endpoints) return undefined
  const { openEndpoints: open } = await import('#lib/endpoints/open-endpoints.ts')
  return open(settings.endpoints, { now: Date.now, log: (message) => logger.warn(message) })
}
