/** The HTTP API in this process, with no functions: over a bucket, over endpoints, or both; the engine here and on worker threads. */
import type { Registry } from 'prom-client'
import { VERSION } from '#agent/version.ts'
import { apiApp } from '#lib/api/app.ts'
import { type ApiParts, buildInfo, DEFAULT_LIMITS } from '#lib/api/parts.ts'
import { openBucket } from '#lib/aws/open-bucket.ts'
import { BucketIndexReader } from '#lib/blocks/bucket-index.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import type { ObjstoreConfig } from '#lib/bucket/objstore-config.ts'
import { readBacklog } from '#lib/compact/plan/backlog.ts'
import { compactionStatus } from '#lib/compact/plan/status.ts'
import { registerTodoGauges } from '#lib/compact/plan/todo-gauges.ts'
import type { EndpointSet } from '#lib/endpoints/endpoint-set.ts'
import type { QuerySettings } from '#lib/lambda/query-flags.ts'
import { freshSource } from '#lib/query/fresh-source.ts'
import { LabelCache } from '#lib/query/label-cache.ts'
import { queryFrontend } from '#lib/query/query-frontend.ts'
import { ResultsCache } from '#lib/query/results-cache.ts'
import { SliceWorkers } from '#lib/query/slice-workers.ts'
import { threadedSlices } from '#lib/query/threaded-slices.ts'
import { RulerReader } from '#lib/rules/ruler-reader.ts'
import { rulesSource } from '#lib/rules/rules-source.ts'
import { StoreCache } from '#lib/store/store-cache.ts'
import type { SliceWorkerData } from './slice-worker.ts'
import { threadEntry } from './thread-entry.ts'

export interface BucketAppOptions {
  /** Where there is no bucket, endpoints have everything. */
  readonly config: ObjstoreConfig | undefined
  readonly endpoints?: EndpointSet | undefined
  readonly settings: QuerySettings
  /** Threads besides this one; 0: all is done here. */
  readonly workers: number
  /** Chunk bytes, as the planner guesses them, from which on a slice is worth another thread. */
  readonly sliceBytes: number
  /** Of blocks that are read again and again, over all threads. */
  readonly cacheBytes?: number | undefined
  /** Of the heap of each worker thread, in MiB; as Node has it without it. */
  readonly threadHeapMiB?: number | undefined
  /** Of an answer before compression. */
  readonly maxAnswerBytes?: number | undefined
  readonly now: () => number
  /** Of answers that are kept for the next who asks, in memory and in the bucket; 0 for none. */
  readonly keptBytes: number
  /** What waits to be compacted is told there. */
  readonly registry?: Registry | undefined
  /** What a server has besides: logs, metrics, a queue. */
  readonly server?: Partial<ApiParts> | undefined
  /** Where `slice-worker.ts` is when it is not beside this file. */
  readonly workerEntry?: URL | undefined
  /** Asked once the bucket can be read: why it still can't answer, or true. */
  readonly alsoReady?: (() => true | string) | undefined
}

export interface BucketApp {
  readonly app: ReturnType<typeof apiApp>
  /** Ends workers that have nothing to do, for their memory. */
  readonly endIdle: () => Promise<void>
  /** Ends the workers. */
  readonly stop: () => Promise<void>
}

const CACHE_BYTES = 256 * 1024 * 1024

export async function bucketApp(options: BucketAppOptions): Promise<BucketApp> {
  const { config, endpoints, settings, sliceBytes, keptBytes, now } = options
  const { alsoReady = () => true, cacheBytes: allCacheBytes = CACHE_BYTES } = options
  const { workerEntry: entry = threadEntry('slice-worker') } = options
  const bucket = config ? await openBucket(config) : memoryBucket()
  if (config && options.registry) registerTodoGauges(options.registry, bucket, now)
  const count = config ? options.workers : 0
  const cacheBytes = Math.floor(allCacheBytes / (count + 1))
  const runner = { bucket, cache: new StoreCache(cacheBytes), now }
  const data: SliceWorkerData | undefined = config && { config, cacheBytes }
  const workers = new SliceWorkers({ count, entry, data, heapMiB: options.threadHeapMiB })
  const index = new BucketIndexReader(bucket, { now, maxAgeMs: 5000 })
  const fresh = freshSource({ ...runner, index })
  const ruler = new RulerReader(runner)
  const rules = rulesSource(ruler)
  const kept = { inBucket: config !== undefined, random: Math.random }
  const backend = queryFrontend({
    ...runner,
    index,
    sources: endpoints && (() => endpoints.sources()),
    cut: { sliceBytes, maxSlices: count + 1 },
    concurrency: count + 1,
    limitsOf: settings.limitsOf,
    alignRangeWithStep: settings.alignRangeWithStep,
    ...(keptBytes > 0 && {
      results: new ResultsCache({
        ...kept,
        maxBytes: keptBytes,
        maxFreshnessMs: settings.maxFreshnessMs,
      }),
      labelCache: new LabelCache({ ...kept, maxBytes: Math.floor(keptBytes / 4) }),
    }),
    runHere: threadedSlices({ ...runner, workers, deadlineMs: settings.timeoutMs }),
  })
  const app = apiApp({
    backend,
    sources: async () => [fresh, rules, ...((await endpoints?.knowledge()) ?? [])],
    ...(endpoints && { endpoints: () => endpoints.statuses() }),
    alertmanagers: async (signal) => (await ruler.state(signal))?.alertmanagers,
    compaction: async (blocks, signal) =>
      compactionStatus(await readBacklog(bucket, signal), blocks),
    now,
    startedMs: now(),
    build: buildInfo(VERSION, process.version),
    engine: settings.engine,
    scope: settings.scope,
    limits: {
      ...DEFAULT_LIMITS,
      timeoutMs: settings.timeoutMs,
      defaultStepMs: settings.defaultStepMs,
      remoteReadSamples: settings.remoteReadSamples,
      ...(options.maxAnswerBytes !== undefined && { maxAnswerBytes: options.maxAnswerBytes }),
    },
    flags: settings.flags,
    ready: () =>
      index.blocks(now(), now()).then(
        () => alsoReady(),
        (error: Error) => error.message,
      ),
    ...options.server,
  })
  return { app, endIdle: () => workers.endIdle(), stop: () => workers.stop() }
}
