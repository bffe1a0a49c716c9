/** Whether the blocks of a cut are still what they were when it was made. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { isKind } from '#lib/model/errors.ts'
import { META_FILE } from '#lib/tsdb/block/meta.ts'
import { DELETION_MARK } from '../jobs/marks.ts'
import type { Cut } from './cut.ts'

/** Why there is no use in going on: one is gone, is another now, or was replaced already. */
export async function changedInput(
  bucket: Bucket,
  { inputs }: Cut,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const reasons = await Promise.all(
    inputs.map(async ({ id, metaEtag }) => {
      const [etag, isMarked] = await Promise.all([
        etagOf(bucket, `${id}/${META_FILE}`, signal),
        exists(bucket, `${id}/${DELETION_MARK}`, signal),
      ])
      if (etag === undefined) return `block ${id} is gone`
      if (etag !== metaEtag) return `block ${id} has changed`
      return isMarked ? `block ${id} is marked for deletion` : undefined
    }),
  )
  return reasons.find((reason) => reason !== undefined)
}

export async function exists(bucket: Bucket, key: string, signal?: AbortSignal): Promise<boolean> {
  return (await etagOf(bucket, key, signal)) !== undefined
}

async function etagOf(
  bucket: Bucket,
  key: string,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  try {
    return (await bucket.head(key, { signal })).etag
  } catch (error) {
    if (isKind(error, 'not-found')) return undefined
    throw error
  }
}
