/** Keeps compacted blocks out of a bucket that already has their samples under the same external labels. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { DomainError } from '#lib/model/errors.ts'
import { labelsFrom, labelsKey } from '#lib/model/labels.ts'
import type { BlockMeta } from '#lib/tsdb/block/meta.ts'
import { fetchBucketMetas } from './bucket-metas.ts'

export interface OverlapCheck {
  /**
   * Whether all that the block was compacted from is in the bucket already. Rejects with kind `conflict` when only
   * some of it is: the block overlaps one in the bucket and still holds something new.
   */
  isCovered(meta: BlockMeta, signal?: AbortSignal): Promise<boolean>
  /** A block that has been uploaded since. */
  add(meta: BlockMeta): void
}

/** Reads the bucket's metas once, when first asked. */
export function overlapCheck(
  bucket: Bucket,
  externalLabels: Readonly<Record<string, string>>,
): OverlapCheck {
  const stream = labelsKey(labelsFrom(externalLabels))
  const added: BlockMeta[] = []
  let known: readonly BlockMeta[] | undefined

  return {
    async isCovered(meta, signal) {
      if (known === undefined) {
        const { metas } = await fetchBucketMetas(bucket, signal)
        known = metas.filter(({ thanos }) => labelsKey(labelsFrom(thanos?.labels ?? {})) === stream)
      }
      const others = [...known, ...added].filter(
        (other) => other.minTime < meta.maxTime && meta.minTime < other.maxTime,
      )
      const other = others[0]
      if (other === undefined) return false
      const sources = new Set(others.flatMap(({ compaction }) => compaction.sources))
      if (!meta.compaction.sources.every((source) => sources.has(source))) {
        throw new DomainError(
          'conflict',
          `compacted block ${meta.ulid} [${meta.minTime}, ${meta.maxTime}) overlaps ${other.ulid} [${other.minTime}, ${other.maxTime}) in ${bucket.name}`,
        )
      }
      return true
    },
    add(meta) {
      added.push(meta)
    },
  }
}
