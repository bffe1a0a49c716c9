/** Block ids that people wrote, looked up before anything is done with the first of them. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { type PartialBlock, scanBlock } from '#lib/blocks/scan.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { DomainError } from '#lib/model/errors.ts'

/** In the order of `ids`, each once. Rejects with `not-found` and all that are missing. */
export async function knownIds(
  bucket: Bucket,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<(BlockRecord | PartialBlock)[]> {
  if (ids.length === 0) {
    throw new DomainError('invalid', 'no block is named, give --id=… (thaw bucket ls prints ids)')
  }
  const unique = [...new Set(ids)]
  const found = await Promise.all(unique.map((id) => scanBlock(bucket, id, signal)))
  const missing = unique.filter((_, i) => found[i] === undefined)
  if (missing.length > 0) throw noSuchBlocks(missing, bucket)
  return found.filter((block) => block !== undefined)
}

export function noSuchBlocks(ids: readonly string[], bucket: Bucket): DomainError {
  const what = ids.length === 1 ? 'no block' : 'no blocks'
  return new DomainError(
    'not-found',
    `${what} ${ids.join(', ')} in ${bucket.name}, nothing was done (thaw bucket ls prints ids)`,
  )
}
