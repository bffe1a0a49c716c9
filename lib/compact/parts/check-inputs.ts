/** Whether the blocks of a cut are still what they were when it was made. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { isKind } from '#lib/model/errors.ts'
import { META_FILE } from '#lib/tsdb/block/meta.ts'
import type { Cut } from './cut.ts'

/** Why there is no use in going on: one is gone, or is another now. */
export async function changedInput(
  bucket: Bucket,
  { inputs }: Cut,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const reasons = await Promise.all(
    inputs.map(async ({ id, metaEtag }) => {
      const etag = await etagOf(bucket, `${id}/${META_FILE}`, signal)
      if (etag === metaEtag) return undefined
      return etag === undefined ? `block ${id} is gone` : `block ${id} has changed`
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
