/** Which blocks queries find in the bucket: those of the bucket index; where there is none, those with a meta.json. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { BUCKET_INDEX_ROOT, BucketIndexReader } from '#lib/blocks/bucket-index.ts'
import { isKind } from '#lib/model/errors.ts'
import { type Labels, labelsKey } from '#lib/model/labels.ts'
import type { MadeBlock } from './covered.ts'

export interface BucketBlocks {
  /** Of these external labels, made of what Prometheus had and not of packs, with samples in [startMs, endMs]; `local` are those that may be there without an index. */
  list(
    labels: Labels,
    startMs: number,
    endMs: number,
    local: readonly MadeBlock[],
    signal?: AbortSignal,
  ): Promise<readonly MadeBlock[]>
}

export function bucketBlocks(bucket: Bucket, now: () => number): BucketBlocks {
  const reader = new BucketIndexReader(bucket, { now, maxAgeMs: 1000 })
  const there = new Set<string>()

  async function exists(key: string, signal: AbortSignal | undefined): Promise<boolean> {
    if (there.has(key)) return true
    try {
      await bucket.head(key, { signal })
      if (there.size > 10_000) there.clear()
      there.add(key)
      return true
    } catch (error) {
      if (isKind(error, 'not-found')) return false
      throw error
    }
  }

  return {
    async list(labels, startMs, endMs, local, signal) {
      if (await exists(BUCKET_INDEX_ROOT, signal)) {
        const own = labelsKey(labels)
        // The index does not say it; those that matter are on this disk too.
        const partial = new Set(local.filter(({ isPartial }) => isPartial).map(({ ulid }) => ulid))
        const { blocks } = await reader.view(startMs, endMs, { signal })
        const ofPacks = madeOfPacks(blocks)
        return blocks
          .filter((block) => block.resolutionMs === 0 && labelsKey(block.labels) === own)
          .filter((block) => !ofPacks(block))
          .map(({ id, minTimeMs, maxTimeMs, sources }) => ({
            ulid: id,
            sources,
            minTimeMs,
            maxTimeMs,
            isPartial: partial.has(id),
          }))
      }
      const found: MadeBlock[] = []
      for (const block of local) {
        if (block.minTimeMs > endMs || block.maxTimeMs <= startMs) continue
        if (await exists(`${block.ulid}/meta.json`, signal)) found.push(block)
      }
      return found
    },
  }
}

/**
 * Blocks that are made of packs, and what became of them, say nothing about packs that were not there yet: which they have, only a plan
 * knows (lib/compact/fresh), and it deletes those.
 */
function madeOfPacks(blocks: readonly BlockRecord[]): (block: BlockRecord) => boolean {
  const made = new Set(blocks.flatMap(({ id, fresh }) => (fresh ? [id] : [])))
  return ({ id, sources }) => made.has(id) || sources.some((source) => made.has(source))
}
