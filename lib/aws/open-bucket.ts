/** From configuration to a bucket that is ready to use: store, prefix, retries. */
import { randomInt } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { abortError } from '#lib/bucket/cancellation.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import type { ObjstoreConfig } from '#lib/bucket/objstore-config.ts'
import { prefixedBucket } from '#lib/bucket/prefixed-bucket.ts'
import { type RetryPolicy } from '#lib/bucket/retry.ts'
import { retryingBucket } from '#lib/bucket/retrying-bucket.ts'
import type { Denial } from './denials.ts'

export interface OpenBucketOptions {
  /** Any field of the policy, for tests and for callers in a hurry. */
  readonly retry?: Partial<RetryPolicy> | undefined
  /** Between the store and the retries, so that every request is seen: counting. */
  readonly wrap?: ((store: Bucket) => Bucket) | undefined
  /** Told of each request that S3 refuses for want of a right, before whoever asked is. */
  readonly denied?: ((denial: Denial) => void) | undefined
}

/** The SDK is loaded here and only for S3, because it costs more to load than everything else together. */
export async function openBucket(
  config: ObjstoreConfig,
  { retry, wrap = (store) => store, denied }: OpenBucketOptions = {},
): Promise<Bucket> {
  switch (config.type) {
    case 'FILESYSTEM':
      return prefixedBucket(wrap(fileBucket(config.directory)), config.prefix)
    case 'S3': {
      const policy: RetryPolicy = {
        ...DEFAULT_RETRY,
        ...(config.s3.maxRetries === undefined ? {} : { attempts: config.s3.maxRetries }),
        ...retry,
      }
      const { s3Bucket } = await import('./s3-bucket.ts')
      const store = wrap(s3Bucket(config.s3, { retry: policy, denied }))
      return prefixedBucket(retryingBucket(store, policy), config.prefix)
    }
  }
}

/** Five tries within about three seconds: S3's 503 pass in less, and a query has 25 seconds in all. */
export const DEFAULT_RETRY: RetryPolicy = {
  attempts: 5,
  baseMs: 100,
  maxMs: 2000,
  sleep: async (ms, signal) => {
    try {
      await setTimeout(ms, undefined, signal ? { signal } : {})
    } catch (error) {
      throw signal?.aborted ? abortError(signal) : error
    }
  },
  random: () => randomInt(0, 2 ** 32) / 2 ** 32,
}
