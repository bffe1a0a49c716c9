/** Keeps compacted blocks out of a bucket that already has their samples under the same external labels. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { DomainError } from '#lib/model/errors.ts'
import { labelsFrom, labelsKey } from '#lib/model/labels.ts'
import type { BlockMeta } from '#lib/tsdb/block/meta.ts'
import { fetchBucketMetas } from './bucket-metas.ts'

export interface OverlapCheck {
  /** Rejects with kind `conflict` when the block overlaps one in the bucket. */
  check(meta: BlockMeta, signal?: AbortSignal): Promise<void>
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
    async check(meta, signal) {
      if (known === undefined) {
        const { metas } = await fetchBucketMetas(bucket, signal)
        known = metas.filter(({ thanos }) => labelsKey(labelsFrom(thanos?.labels ?? {})) === stream)
      }
      const other = [...known, ...added].find(
        (candidate) => candidate.minTime < meta.maxTime && meta.minTime < candidate.maxTime,
      )
      if (other !== undefined) {
        throw new DomainError(
          'conflict',
          `compacted block ${meta.ulid} [${meta.minTime}, ${meta.maxTime}) overlaps ${other.ulid} [${other.minTime}, ${other.maxTime}) in ${bucket.name}`,
        )
      }
    },
    add(meta) {
      added.push(meta)
    },
  }
}
