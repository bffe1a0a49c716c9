/** What a bucket has at this moment: the bucket index saves reads, and never decides. */
import { beforeEach, describe, expect, it } from 'vitest'
import { BUCKET_INDEX_ROOT, updateBucketIndex } from '#lib/blocks/bucket-index.ts'
import { lookUpBlocks } from '#lib/blocks/look-up-blocks.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { countingBucket } from '#lib/bucket/counting-bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { every, labels, putBlock, testId } from '../store/sample-block.ts'

const HOUR = 3_600_000
const now = (): number => 100 * HOUR

let bucket: Bucket

function put(n: number): Promise<unknown> {
  const [minTimeMs, maxTimeMs] = [n * 2 * HOUR, (n + 1) * 2 * HOUR]
  const series = [
    { labels: labels({ __name__: 'up' }), samples: every(60_000, minTimeMs, maxTimeMs, () => 1) },
  ]
  return putBlock(bucket, { id: testId(n), minTimeMs, maxTimeMs, series })
}

async function counted() {
  const counting = countingBucket(bucket)
  const { blocks } = await lookUpBlocks(counting.bucket, { now })
  const { gets, lists } = counting.counts
  return { ids: blocks.map(({ id }) => id), blocks, gets, lists }
}

beforeEach(async () => {
  bucket = memoryBucket()
  for (const n of [2, 0, 1]) await put(n)
})

describe('lookUpBlocks', () => {
  it('reads every meta.json where there is no index', async () => {
    const { ids, gets, lists } = await counted()
    expect(ids).toEqual([testId(0), testId(1), testId(2)])
    // Root of the index, which is not there, and three metas.
    expect([gets, lists]).toEqual([4, 1])
  })

  it('reads with an index only what is new', async () => {
    await updateBucketIndex(bucket, { now })
    expect(await counted()).toMatchObject({ gets: 1, lists: 1 })
    await put(3)
    const mark = { id: testId(1), version: 1, deletion_time: (now() - 30 * HOUR) / 1000 }
    await bucket.put(
      `${testId(1)}/deletion-mark.json`,
      new TextEncoder().encode(JSON.stringify(mark)),
    )
    await bucket.delete(`${testId(0)}/meta.json`)
    const { ids, blocks, gets } = await counted()
    expect(ids).toEqual([testId(1), testId(2), testId(3)])
    expect(blocks.map(({ hidden }) => hidden)).toEqual([
      'marked-for-deletion',
      undefined,
      undefined,
    ])
    expect(gets).toBe(3)
  })

  it('does without an index that is broken', async () => {
    await bucket.put(BUCKET_INDEX_ROOT, new Uint8Array([1, 2, 3]))
    expect(await counted()).toMatchObject({ ids: [testId(0), testId(1), testId(2)], gets: 4 })
  })
})
