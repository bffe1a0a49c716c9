/** The last object of a block: with its meta.json the block exists, and from then on it is what it is. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { getIfThere } from '#lib/bucket/get-if-there.ts'
import { ConflictError, isKind } from '#lib/model/errors.ts'
import { type BlockMeta, formatBlockMeta, META_FILE, parseBlockMeta } from '#lib/tsdb/block/meta.ts'

/**
 * Only onto nothing, as the policy of a bucket may ask of every writer; all else of the block must be in the bucket. Gives the meta.json that
 * is there then: where the same block had one already, an earlier one, of another time. Rejects with ConflictError where another block has it.
 */
export async function putBlockMeta(
  bucket: Bucket,
  meta: BlockMeta,
  signal?: AbortSignal,
): Promise<BlockMeta> {
  const key = `${meta.ulid}/${META_FILE}`
  const body = new TextEncoder().encode(formatBlockMeta(meta))
  try {
    await createBlockMeta(bucket, meta.ulid, body, signal)
    return meta
  } catch (error) {
    if (!isKind(error, 'conflict')) throw error
    const there = await getIfThere(bucket, key, signal)
    if (there === undefined) throw error
    const other = readIfMeta(there.body)
    if (other === undefined || timeless(other) !== timeless(parseBlockMeta(body))) {
      throw new ConflictError(key, 'another block has this ULID, and is left as it is', {
        cause: error,
      })
    }
    return other
  }
}

/** The same of bytes as they are: rejects with ConflictError where there is one already. */
export async function createBlockMeta(
  bucket: Bucket,
  id: string,
  body: Uint8Array,
  signal?: AbortSignal,
): Promise<void> {
  const key = `${id}/${META_FILE}`
  const options = { contentType: 'application/json', signal }
  try {
    await bucket.put(key, body, { ...options, ifAbsent: true })
  } catch (error) {
    if (!isKind(error, 'unsupported')) throw error
    // Stores without conditional writes may be shipped to, though nothing compacts there.
    await bucket.put(key, body, options)
  }
}

function readIfMeta(body: Uint8Array): BlockMeta | undefined {
  try {
    return parseBlockMeta(body)
  } catch {
    return undefined
  }
}

/** Equal for the same block, whenever it was put there. */
function timeless({ thanos, ...meta }: BlockMeta): string {
  return formatBlockMeta({ ...meta, ...(thanos && { thanos: { ...thanos, upload_time: '' } }) })
}
