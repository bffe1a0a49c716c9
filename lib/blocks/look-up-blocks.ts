/** What a bucket has at this moment, at the price of one listing: the bucket index says what need not be read again. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { isKind } from '#lib/model/errors.ts'
import { BucketIndexReader, type IndexView } from './bucket-index.ts'
import { scanBlocks } from './scan.ts'
import { markHidden } from './visible-blocks.ts'

/** Blocks by minimum time, hidden ones too. An index that is old or broken costs requests and never makes it untrue. */
export async function lookUpBlocks(
  bucket: Bucket,
  { now, signal }: { readonly now: () => number; readonly signal?: AbortSignal | undefined },
): Promise<IndexView> {
  const index = await readIndex(bucket, now, signal)
  // It had none, and was scanned.
  if (index?.updatedMs === 0) return index
  const known = new Map(index?.blocks.map((block) => [block.id, block]))
  const { blocks, partial } = await scanBlocks(bucket, known, signal)
  const sorted = markHidden(blocks, now()).sort((a, b) => a.minTimeMs - b.minTimeMs)
  return { updatedMs: index?.updatedMs ?? 0, blocks: sorted, partial }
}

async function readIndex(
  bucket: Bucket,
  now: () => number,
  signal: AbortSignal | undefined,
): Promise<IndexView | undefined> {
  try {
    const reader = new BucketIndexReader(bucket, { now, maxAgeMs: 0 })
    return await reader.view(-Infinity, Infinity, { signal })
  } catch (error) {
    // Another process changes it, or it is broken: the bucket itself is the truth.
    if (isKind(error, 'corrupt') || isKind(error, 'not-found')) return undefined
    throw error
  }
}
