/** An object that may be gone, or was never there. */
import { isKind } from '#lib/model/errors.ts'
import type { Bucket, BucketObject } from './bucket.ts'

/** Rejects where the bucket does, but for 'not-found'. */
export async function getIfThere(
  bucket: Bucket,
  key: string,
  signal: AbortSignal | undefined,
): Promise<BucketObject | undefined> {
  try {
    return await bucket.get(key, { signal })
  } catch (error) {
    if (isKind(error, 'not-found')) return undefined
    throw error
  }
}
