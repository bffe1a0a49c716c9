import { describe, expect, it } from 'vitest'
import { BucketIndexReader } from '#lib/blocks/bucket-index.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { countingBucket } from '#lib/bucket/counting-bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import type { Scope } from '#lib/storage/scope.ts'
import { blockCardinality } from '#lib/store/cardinality.ts'
import { StoreCache } from '#lib/store/store-cache.ts'
import { columns, labels, putBlock, testId } from './sample-block.ts'

const SCOPE: Scope = {
  dedup: true,
  replicaLabels: ['replica'],
  deduplication: 'nearest',
  partialResponse: true,
  maxSourceResolutionMs: 0,
}

const series = (record: Record<string, string>) => ({
  labels: labels(record),
  samples: columns([[5, 1]]),
})

async function world(): Promise<Bucket> {
  const bucket = memoryBucket()
  const times = { minTimeMs: 0, maxTimeMs: 100 }
  const old = [series({ __name__: 'old' })]
  const now = [
    series({ __name__: 'up', job: 'a' }),
    series({ __name__: 'up', job: 'b' }),
    series({ __name__: 'requests', job: 'a', path: '/über' }),
  ]
  const external = (cluster: string, replica: string) => ({ cluster, replica })
  await putBlock(bucket, {
    id: testId(1),
    ...times,
    externalLabels: external('x', 'a'),
    series: old,
  })
  const later = { minTimeMs: 0, maxTimeMs: 200 }
  await putBlock(bucket, {
    id: testId(2),
    ...later,
    externalLabels: external('x', 'a'),
    series: now,
  })
  await putBlock(bucket, {
    id: testId(3),
    ...later,
    externalLabels: external('x', 'b'),
    series: now,
  })
  const other = [series({ __name__: 'up', job: 'a' })]
  await putBlock(bucket, {
    id: testId(4),
    ...times,
    externalLabels: external('y', 'a'),
    series: other,
  })
  return bucket
}

async function ask(bucket: Bucket, scope: Scope, cluster?: string, limit = 10) {
  const counting = countingBucket(bucket)
  const index = new BucketIndexReader(bucket, { now: () => 1e6, maxAgeMs: 0 })
  const blocks = await index.blocks(-Infinity, Infinity)
  const matchers =
    cluster === undefined ? [] : [{ type: '=', name: 'cluster', value: cluster } as const]
  const parts = { bucket: counting.bucket, cache: new StoreCache(1e6), blocks, scope }
  return { ...(await blockCardinality(parts, { matchers, limit })), counts: counting.counts }
}

describe('cardinality', () => {
  it('is that of the newest block of each stream, of one of its replicas', async () => {
    expect(await ask(await world(), SCOPE)).toMatchObject({
      seriesCount: 4,
      chunkCount: 4,
      labelPairCount: 5,
      minTimeMs: 0,
      maxTimeMs: 199,
      seriesByMetric: [
        { name: 'up', count: 3 },
        { name: 'requests', count: 1 },
      ],
      valuesByLabel: [
        { name: '__name__', count: 2 },
        { name: 'job', count: 2 },
        { name: 'path', count: 1 },
      ],
      bytesByLabel: [
        { name: '__name__', count: 3 * 2 + 8 },
        { name: 'path', count: 6 },
        { name: 'job', count: 4 },
      ],
      seriesByPair: [
        { name: '__name__=up', count: 3 },
        { name: 'job=a', count: 3 },
        { name: '__name__=requests', count: 1 },
        { name: 'job=b', count: 1 },
        { name: 'path=/über', count: 1 },
      ],
      warnings: [],
    })
  })

  it('counts every replica where they are not merged', async () => {
    const { seriesCount } = await ask(await world(), { ...SCOPE, dedup: false })
    expect(seriesCount).toBe(7)
  })

  it('has only the streams whose external labels match, and no more names than asked for', async () => {
    const found = await ask(await world(), SCOPE, 'y', 1)
    expect(found).toMatchObject({ seriesCount: 1, maxTimeMs: 99 })
    expect(found.seriesByPair).toEqual([{ name: '__name__=up', count: 1 }])
    expect(await ask(await world(), SCOPE, 'z')).toMatchObject({ seriesCount: 0, seriesByPair: [] })
  })

  it('reads lookups and nothing else', async () => {
    const bucket = await world()
    await ask(bucket, SCOPE)
    const { counts } = await ask(bucket, SCOPE)
    expect(counts).toMatchObject({ gets: 2, lists: 0 })
  })

  it('says which block it had to leave out', async () => {
    const bucket = await world()
    await bucket.put(`${testId(4)}/index`, new Uint8Array(10))
    const { seriesCount, warnings } = await ask(bucket, SCOPE)
    expect(seriesCount).toBe(3)
    expect(warnings).toHaveLength(1)
    await expect(ask(bucket, { ...SCOPE, partialResponse: false })).rejects.toMatchObject({
      kind: 'corrupt',
    })
  })
})
