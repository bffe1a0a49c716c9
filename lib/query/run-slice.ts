/** Answers one slice: the same call in the `query` function, in `store`, and on a laptop. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { countingBucket } from '#lib/bucket/counting-bucket.ts'
import { evaluate } from '#lib/promql/engine.ts'
import { parseExpr } from '#lib/promql/parse/parse.ts'
import { blockStorage } from '#lib/store/block-storage.ts'
import type { StoreCache } from '#lib/store/store-cache.ts'
import type { SliceAnswer } from './frame.ts'
import type { Slice } from './slice.ts'

export interface SliceRunner {
  readonly bucket: Bucket
  readonly cache: StoreCache
  readonly now: () => number
  /** Memory of this function, for what its time costs; 0 where nobody bills it. */
  readonly megabytes?: number | undefined
}

export async function runSlice(
  { bucket, cache, now, megabytes = 0 }: SliceRunner,
  slice: Slice,
  signal?: AbortSignal,
): Promise<SliceAnswer> {
  const startedMs = now()
  const counting = countingBucket(bucket)
  const storage = blockStorage({
    bucket: counting.bucket,
    cache,
    blocks: slice.blocks,
    sources: slice.sources,
    scope: slice.scope,
    shard: slice.shard,
    goneBlockFails: slice.goneBlockFails,
  })
  try {
    const outcome = await evaluate({
      expr: parseExpr(slice.text, { features: slice.options.features }),
      text: slice.text,
      grid: slice.grid,
      whole: slice.whole,
      storage,
      sharded: slice.shard !== undefined,
      options: slice.options,
      ...(signal && { signal }),
      ...(slice.analyze && { analyze: now }),
    })
    const { gets, heads, lists, puts, bytesRead: bytes } = counting.counts
    const milliseconds = now() - startedMs
    return { ...outcome, cost: { gets: gets + heads, lists, puts, bytes, milliseconds, megabytes } }
  } finally {
    storage.close()
  }
}
