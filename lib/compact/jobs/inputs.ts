/** The blocks that a job names, as the bucket has them now. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { scanBlock } from '#lib/blocks/scan.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'

/** In the order of `ids`; or why there is nothing to do any more: one is gone, or marked for deletion. */
export async function readInputs(
  bucket: Bucket,
  ids: readonly string[],
  signal?: AbortSignal,
): Promise<{ readonly blocks: readonly BlockRecord[] } | { readonly reason: string }> {
  const found = await Promise.all(ids.map((id) => scanBlock(bucket, id, signal)))
  const blocks: BlockRecord[] = []
  for (const [i, block] of found.entries()) {
    if (!block) return { reason: `block ${ids[i]!} is gone` }
    if ('reason' in block) return { reason: `block ${block.id}: ${block.reason}` }
    if (block.marks.deletion) return { reason: `block ${block.id} is marked for deletion` }
    blocks.push(block)
  }
  return { blocks }
}
