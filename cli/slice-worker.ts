/** A worker thread that answers slices over the bucket that its data names. */
import { parentPort, workerData } from 'node:worker_threads'
import { openBucket } from '#lib/aws/open-bucket.ts'
import type { ObjstoreConfig } from '#lib/bucket/objstore-config.ts'
import { serveSlices } from '#lib/query/serve-slices.ts'
import { StoreCache } from '#lib/store/store-cache.ts'

export interface SliceWorkerData {
  readonly config: ObjstoreConfig
  readonly cacheBytes: number
}

const { config, cacheBytes } = workerData as SliceWorkerData
const cache = new StoreCache(cacheBytes)
serveSlices(
  parentPort!,
  openBucket(config).then((bucket) => ({ bucket, cache, now: Date.now })),
)
