/** Leaves the lookup of a shipped block in the bucket, so that its first query need not make it. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { DomainError } from '#lib/model/errors.ts'
import { readLookupParts } from '#lib/store/load-lookup.ts'
import { encodeLookup, lookupKey } from '#lib/store/lookup.ts'
import type { Logger } from '../logger.ts'
import type { StagedBlock } from './staging.ts'

/** A block without a lookup is whole: whatever goes wrong here is told and forgotten. */
export async function leaveLookup(
  bucket: Bucket,
  staged: StagedBlock,
  logger: Logger,
  signal?: AbortSignal,
): Promise<void> {
  const { ulid, dir } = staged
  try {
    const parts = await readLookupParts(fileBucket(dir), 'index', signal)
    await bucket.put(lookupKey(ulid), encodeLookup(parts), { signal })
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    logger.warn({ ulid, err: error }, 'no lookup left for the block, its first query will make it')
  }
}
