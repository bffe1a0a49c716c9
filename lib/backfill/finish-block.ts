/** The parts of one window become a block of the bucket. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { putBlockMeta } from '#lib/blocks/put-block-meta.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { compactBlocks } from '#lib/compact/compact-blocks.ts'
import { assert } from '#lib/model/errors.ts'
import { type Labels, labelsToRecord } from '#lib/model/labels.ts'
import { type BlockMeta, META_FILE } from '#lib/tsdb/block/meta.ts'

export interface FinishBlock {
  /** Has the parts. */
  readonly from: Bucket
  readonly parts: readonly BlockRecord[]
  readonly to: Bucket
  readonly ulid: string
  readonly externalLabels: Labels
  readonly now: () => number
  readonly signal?: AbortSignal | undefined
}

/** Gives the meta.json of the block, which is in the bucket. May be run again. */
export async function finishBlock(finish: FinishBlock): Promise<BlockMeta> {
  const { from, parts, to, ulid, externalLabels, now, signal } = finish
  const metaKey = `${ulid}/${META_FILE}`
  // Reads the parts where they are and writes where the block is to be; its meta.json is not that of a compaction.
  const bucket: Bucket = {
    ...from,
    put: (key, body, options) =>
      key === metaKey ? Promise.resolve({ etag: '' }) : to.put(key, body, options),
    putStream: (key, pieces, options) => to.putStream(key, pieces, options),
  }
  const merged = await compactBlocks({ bucket, blocks: parts, ulid, now, signal })
  assert(merged, 'a part has samples')
  const meta: BlockMeta = {
    ...merged,
    compaction: { level: 1, sources: [ulid] },
    thanos: {
      ...merged.thanos!,
      labels: labelsToRecord(externalLabels),
      source: 'bucket.backfill',
    },
  }
  return putBlockMeta(to, meta, signal)
}
