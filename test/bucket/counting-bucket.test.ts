import { beforeEach, describe, expect, it } from 'vitest'
import { bucketContract } from '#test/bucket/bucket.contract.ts'
import { collectKeys } from '#test/bucket/listing.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { type CountingBucket, countingBucket } from '#lib/bucket/counting-bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'

bucketContract('countingBucket', () => countingBucket(memoryBucket()).bucket)
bucketContract(
  'countingBucket in lockstep',
  () => countingBucket(memoryBucket(), { lockstep: true }).bucket,
)

describe('countingBucket', () => {
  let inner: Bucket
  let counting: CountingBucket
  let bucket: Bucket

  beforeEach(async () => {
    inner = memoryBucket({ pageSize: 2 })
    for (const key of ['a', 'b', 'c', 'd', 'e']) await inner.put(key, new Uint8Array(10))
    counting = countingBucket(inner, { lockstep: true })
    bucket = counting.bucket
  })

  it('counts requests by kind and bytes by direction', async () => {
    await bucket.get('a')
    await bucket.getRange('a', 2, 5)
    await bucket.getTail('a', 4)
    const { etag } = await bucket.head('a')
    await bucket.getIfChanged('a', etag)
    await bucket.put('f', new Uint8Array(7))
    await bucket.putStream('g', parts(3, 4))
    await bucket.delete('f')
    await bucket.get('missing').catch(() => undefined)
    expect(counting.counts).toEqual({
      gets: 5,
      lists: 0,
      puts: 2,
      deletes: 1,
      heads: 1,
      bytesRead: 17,
      bytesWritten: 14,
      roundTrips: 9,
    })
  })

  it('counts each page of a listing, and the one empty page of nothing', async () => {
    await collectKeys(bucket, '')
    expect([counting.counts.lists, counting.counts.roundTrips]).toEqual([3, 3])
    await collectKeys(bucket, 'nothing')
    expect([counting.counts.lists, counting.counts.roundTrips]).toEqual([4, 4])
  })

  it('does not count an empty range, which asks nothing', async () => {
    await bucket.getRange('a', 3, 3)
    expect([counting.counts.gets, counting.counts.roundTrips]).toEqual([0, 0])
  })

  it('takes requests that run side by side for one round trip', async () => {
    await Promise.all([
      bucket.get('a'),
      bucket.get('b'),
      bucket.head('c'),
      collectKeys(bucket, 'd'),
    ])
    expect(counting.counts.roundTrips).toBe(1)
  })

  it('takes requests that follow each other for one round trip each', async () => {
    await bucket.get('a')
    await bucket.get('b')
    await bucket.get('c')
    expect(counting.counts.roundTrips).toBe(3)
  })

  it('takes two chains side by side for as many round trips as the longer one has', async () => {
    async function chain(keys: readonly string[]): Promise<void> {
      for (const key of keys) {
        await bucket.get(key)
        // Other branches may take more or fewer turns of the microtask queue between two requests.
        if (keys.length === 2) for (let i = 0; i < 10; i++) await Promise.resolve()
      }
    }
    await Promise.all([chain(['a', 'b', 'c']), chain(['d', 'e'])])
    expect(counting.counts.roundTrips).toBe(3)
  })

  it('counts a failed request as a round trip', async () => {
    await bucket.get('missing').catch(() => undefined)
    await bucket.get('a')
    expect(counting.counts.roundTrips).toBe(2)
  })

  it('puts the write of a stream behind the reads that its parts came from', async () => {
    async function* copied(): AsyncGenerator<Uint8Array> {
      yield (await bucket.get('a')).body
      yield (await bucket.get('b')).body
    }
    await bucket.putStream('copy', copied())
    expect(counting.counts.roundTrips).toBe(3)
  })

  it('starts again from zero', async () => {
    await bucket.get('a')
    counting.reset()
    await bucket.get('b')
    expect(counting.counts).toEqual({
      gets: 1,
      lists: 0,
      puts: 0,
      deletes: 0,
      heads: 0,
      bytesRead: 10,
      bytesWritten: 0,
      roundTrips: 1,
    })
  })
})

async function* parts(...sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  for (const size of sizes) yield new Uint8Array(size)
}
