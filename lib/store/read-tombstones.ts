/** What was deleted of a block. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { CorruptError } from '#lib/model/errors.ts'
import { NO_TOMBSTONES, parseTombstones, type Tombstones } from '#lib/tsdb/block/tombstones.ts'

/** One request, none for a block without deletions. */
export async function readTombstones(
  bucket: Bucket,
  block: BlockRecord,
  signal?: AbortSignal,
): Promise<Tombstones> {
  if (!block.hasTombstones) return NO_TOMBSTONES
  const key = `${block.id}/tombstones`
  try {
    return parseTombstones((await bucket.get(key, { signal })).body)
  } catch (error) {
    throw error instanceof CorruptError ? error.in(key) : error
  }
}
