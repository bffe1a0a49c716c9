import { describe, expect, it } from 'vitest'
import { bucketContract } from '#test/bucket/bucket.contract.ts'
import { collectKeys } from '#test/bucket/listing.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { prefixedBucket } from '#lib/bucket/prefixed-bucket.ts'

bucketContract('prefixedBucket', () => prefixedBucket(memoryBucket(), 'tenant/a'), [])

describe('prefixedBucket', () => {
  it('keeps neighbours out of sight', async () => {
    const inner = memoryBucket()
    await inner.put('other/x', new Uint8Array([1]))
    await inner.put('tenant-b/x', new Uint8Array([1]))
    const bucket = prefixedBucket(inner, '/tenant/')
    await bucket.put('x', new Uint8Array([2]))
    expect(await collectKeys(bucket, '')).toEqual(['x'])
    expect(await collectKeys(inner, '')).toEqual(['other/x', 'tenant-b/x', 'tenant/x'])
    expect(bucket.name).toBe('memory/tenant')
  })

  it('is the bucket itself when the prefix is empty or only slashes', () => {
    const inner = memoryBucket()
    expect(prefixedBucket(inner, '')).toBe(inner)
    expect(prefixedBucket(inner, '//')).toBe(inner)
  })

  it('names the whole key in an error', async () => {
    await expect(prefixedBucket(memoryBucket(), 'p').get('a')).rejects.toThrow('no object p/a')
  })
})
