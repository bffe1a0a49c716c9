import { describe, expect, it } from 'vitest'
import { bucketContract } from '#test/bucket/bucket.contract.ts'
import { cachingBucket } from '#lib/bucket/caching-bucket.ts'
import { countingBucket } from '#lib/bucket/counting-bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { isKind } from '#lib/model/errors.ts'

bucketContract('cachingBucket', () =>
  cachingBucket(memoryBucket(), { maxBytes: 1 << 20, immutable: () => true }),
)

describe('cachingBucket', () => {
  async function setUp(maxBytes: number) {
    const store = memoryBucket()
    await store.put(
      'block/index',
      new Uint8Array(1000).map((_, i) => i & 0xff),
    )
    await store.put('mutable', new Uint8Array(1000))
    const { bucket: counted, counts } = countingBucket(store)
    const bucket = cachingBucket(counted, {
      maxBytes,
      immutable: (key) => key.startsWith('block/'),
    })
    return { store, bucket, counts }
  }

  it('reads a range once, and a part of it not at all', async () => {
    const { bucket, counts } = await setUp(10_000)
    expect(await bucket.getRange('block/index', 10, 20)).toEqual(range(10, 20))
    expect(await bucket.getRange('block/index', 10, 20)).toEqual(range(10, 20))
    expect(await bucket.getRange('block/index', 12, 15)).toEqual(range(12, 15))
    expect(counts.gets).toBe(1)
    expect(await bucket.getRange('block/index', 12, 21)).toEqual(range(12, 21))
    expect(counts.gets).toBe(2)
  })

  it('answers a range from a tail that was read before', async () => {
    const { bucket, counts } = await setUp(10_000)
    await bucket.getTail('block/index', 100)
    expect(await bucket.getRange('block/index', 950, 960)).toEqual(range(950, 960))
    expect(counts.gets).toBe(1)
  })

  it('passes objects that may change through', async () => {
    const { bucket, counts } = await setUp(10_000)
    await bucket.getRange('mutable', 0, 10)
    await bucket.getRange('mutable', 0, 10)
    expect(counts.gets).toBe(2)
  })

  it('drops the range that was not read for longest', async () => {
    const { bucket, counts } = await setUp(1000) // two ranges of 200 bytes and what is around them
    await bucket.getRange('block/index', 0, 200)
    await bucket.getRange('block/index', 200, 400)
    await bucket.getRange('block/index', 0, 200)
    await bucket.getRange('block/index', 400, 600) // and out goes 200..400
    expect(counts.gets).toBe(3)
    await bucket.getRange('block/index', 0, 200)
    await bucket.getRange('block/index', 400, 600)
    expect(counts.gets).toBe(3)
    await bucket.getRange('block/index', 200, 400)
    expect(counts.gets).toBe(4)
  })

  it('does not keep what is larger than all it may hold', async () => {
    const { bucket, counts } = await setUp(300)
    await bucket.getRange('block/index', 0, 500)
    await bucket.getRange('block/index', 0, 500)
    expect(counts.gets).toBe(2)
  })

  it('reads a range once for two who want it at the same time', async () => {
    const { bucket, counts } = await setUp(10_000)
    const [one, two] = await Promise.all([
      bucket.getRange('block/index', 0, 10),
      bucket.getRange('block/index', 0, 10),
    ])
    expect([one, two, counts.gets]).toEqual([range(0, 10), range(0, 10), 1])
  })

  it('does not take the bytes from one when another gives up', async () => {
    const { bucket } = await setUp(10_000)
    const controller = new AbortController()
    const first = bucket.getRange('block/index', 0, 10, { signal: controller.signal })
    const second = bucket.getRange('block/index', 0, 10)
    controller.abort()
    expect(isKind(await first.catch((e: unknown) => e), 'canceled')).toBe(true)
    expect(await second).toEqual(range(0, 10))
  })

  it('does not remember a failure', async () => {
    const { store, bucket } = await setUp(10_000)
    await expect(bucket.getRange('block/late', 0, 1)).rejects.toThrow('no object block/late')
    await store.put('block/late', new Uint8Array([7]))
    expect(await bucket.getRange('block/late', 0, 1)).toEqual(new Uint8Array([7]))
  })

  it('forgets an object that is written or deleted through it', async () => {
    const { bucket } = await setUp(10_000)
    await bucket.getRange('block/index', 0, 3)
    await bucket.put('block/index', new Uint8Array([9, 9, 9]))
    expect(await bucket.getRange('block/index', 0, 3)).toEqual(new Uint8Array([9, 9, 9]))
    await bucket.delete('block/index')
    await expect(bucket.getRange('block/index', 0, 3)).rejects.toThrow('no object block/index')
  })
})

function range(start: number, end: number): Uint8Array {
  return Uint8Array.from({ length: end - start }, (_, i) => (start + i) & 0xff)
}
