/** After a change: queries learn of it from the bucket index, where the bucket has one. */
import { BUCKET_INDEX_ROOT, updateBucketIndex } from '#lib/blocks/bucket-index.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { isKind } from '#lib/model/errors.ts'

export async function refreshIndex(
  bucket: Bucket,
  now: () => number,
  signal: AbortSignal,
): Promise<void> {
  try {
    await bucket.head(BUCKET_INDEX_ROOT, { signal })
  } catch (error) {
    // A bucket that only Thanos looks at stays as it is.
    if (isKind(error, 'not-found')) return
    throw error
  }
  await updateBucketIndex(bucket, { now, signal })
}
