/** The HTTP API over a bucket in this process, with no functions: the engine here and on worker threads. */
import { availableParallelism } from 'node:os'
import { VERSION } from '#agent/version.ts'
import { apiApp } from '#lib/api/app.ts'
import { DEFAULT_LIMITS, DEFAULT_SCOPE } from '#lib/api/parts.ts'
import { openBucket } from '#lib/aws/open-bucket.ts'
import { BucketIndexReader } from '#lib/blocks/bucket-index.ts'
import type { ObjstoreConfig } from '#lib/bucket/objstore-config.ts'
import { DEFAULT_ENGINE_OPTIONS } from '#lib/promql/options.ts'
import { freshSource } from '#lib/query/fresh-source.ts'
import { queryFrontend } from '#lib/query/query-frontend.ts'
import { SliceWorkers } from '#lib/query/slice-workers.ts'
import { threadedSlices } from '#lib/query/threaded-slices.ts'
import { StoreCache } from '#lib/store/store-cache.ts'
import type { SliceWorkerData } from './slice-worker.ts'

export interface BucketAppOptions {
  readonly config: ObjstoreConfig
  /** Threads besides this one; 0: all is done here. */
  readonly workers: number
  /** Chunk bytes, as the planner guesses them, from which on a slice is worth another thread. */
  readonly sliceBytes: number
  readonly replicaLabels: readonly string[]
  readonly now: () => number
  /** Where `slice-worker.ts` is when it is not beside this file. */
  readonly workerEntry?: URL | undefined
}

export interface BucketApp {
  readonly app: ReturnType<typeof apiApp>
  /** Ends the workers. */
  readonly stop: () => Promise<void>
}

/** The main thread takes its part of the work, and more than a few threads read the same bytes too often. */
export function defaultWorkers(): number {
  return Math.min(4, availableParallelism() - 1)
}

const CACHE_BYTES = 256 * 1024 * 1024

export async function bucketApp(options: BucketAppOptions): Promise<BucketApp> {
  const { config, workers: count, sliceBytes, replicaLabels, now } = options
  const { workerEntry: entry = new URL('./slice-worker.ts', import.meta.url) } = options
  const bucket = await openBucket(config)
  const cacheBytes = Math.floor(CACHE_BYTES / (count + 1))
  const runner = { bucket, cache: new StoreCache(cacheBytes), now }
  const data: SliceWorkerData = { config, cacheBytes }
  const workers = new SliceWorkers({ count, entry, data })
  const index = new BucketIndexReader(bucket, { now, maxAgeMs: 5000 })
  const fresh = freshSource({ ...runner, index })
  const backend = queryFrontend({
    ...runner,
    index,
    cut: { sliceBytes, maxSlices: count + 1 },
    concurrency: count + 1,
    runHere: threadedSlices({ ...runner, workers, deadlineMs: DEFAULT_LIMITS.timeoutMs }),
  })
  const app = apiApp({
    backend,
    sources: () => [fresh],
    now,
    startedMs: now(),
    build: {
      version: '3.14.0',
      revision: VERSION,
      branch: 'thaw',
      buildUser: '',
      buildDate: '',
      goVersion: process.version,
    },
    engine: DEFAULT_ENGINE_OPTIONS,
    scope: { ...DEFAULT_SCOPE, replicaLabels },
    limits: DEFAULT_LIMITS,
  })
  return { app, stop: () => workers.stop() }
}
