import { describe, expect, it } from 'vitest'
import { bucketContract } from '#test/bucket/bucket.contract.ts'
import { collectPages } from '#test/bucket/listing.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'

bucketContract('memoryBucket', () => memoryBucket())

describe('memoryBucket', () => {
  it('takes the time of a write from the clock it was given', async () => {
    let nowMs = 1000
    const bucket = memoryBucket({ now: () => nowMs })
    await bucket.put('a', new Uint8Array([1]))
    nowMs = 2000
    expect((await bucket.head('a')).lastModifiedMs).toBe(1000)
  })

  it('counts keys and prefixes together on a page', async () => {
    const bucket = memoryBucket({ pageSize: 2 })
    for (const key of ['a/1', 'a/2', 'b', 'c', 'd/1']) await bucket.put(key, new Uint8Array(0))
    const pages = await collectPages(bucket, '', { delimiter: '/' })
    expect(pages.map((page) => [page.objects.map((o) => o.key), page.prefixes])).toEqual([
      [['b'], ['a/']],
      [['c'], ['d/']],
    ])
  })
})
