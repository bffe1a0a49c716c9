/** What is in a bucket, and what of it nobody needs. */
import { BucketIndexReader, BUCKET_INDEX_ROOT, type IndexView } from '#lib/blocks/bucket-index.ts'
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { isVisible } from '#lib/blocks/visible-blocks.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { lookupKey } from '#lib/store/lookup.ts'

export async function keysOf(bucket: Bucket, prefix = ''): Promise<string[]> {
  const keys: string[] = []
  for await (const { objects } of bucket.list(prefix)) keys.push(...objects.map(({ key }) => key))
  return keys
}

/** The bucket index as it is now. */
export async function readIndex(bucket: Bucket, now: () => number): Promise<IndexView> {
  return new BucketIndexReader(bucket, { now, maxAgeMs: 0 }).view(-Infinity, Infinity)
}

/** Keys that may stay in a bucket in which nothing is left to do. */
const STATE: readonly RegExp[] = [/^thaw\/backlog\.json\.gz$/]

const BLOCK_FILE =
  /^(meta\.json|index|tombstones|chunks\/\d{6}|no-compact-mark\.json|no-downsample-mark\.json)$/

/** Keys that belong to no visible block and to no state. Blocks that are broken stay for people to look at. */
export async function unreferencedKeys(bucket: Bucket, now: () => number): Promise<string[]> {
  const { blocks, partial } = await readIndex(bucket, now)
  const isGood = (block: BlockRecord): boolean => isVisible(block, now()) && !block.marks.deletion
  const ids = new Set(blocks.filter(isGood).map(({ id }) => id))
  const broken = new Set(partial.filter(({ hasMeta }) => hasMeta).map(({ id }) => id))
  const lookups = new Set([...ids].map(lookupKey))
  return (await keysOf(bucket)).filter((key) => {
    if (key.startsWith('thaw/bucket-index/')) return key !== BUCKET_INDEX_ROOT
    if (lookups.has(key) || STATE.some((state) => state.test(key))) return false
    const id = key.slice(0, 26)
    return !(ids.has(id) && BLOCK_FILE.test(key.slice(27))) && !broken.has(id)
  })
}
