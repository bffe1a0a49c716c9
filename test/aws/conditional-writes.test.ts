import { describe, expect, it } from 'vitest'
import { collectKeys } from '#test/bucket/listing.ts'
import { checkConditionalWrites } from '#lib/aws/conditional-writes.ts'
import type { Bucket, PutOptions } from '#lib/bucket/bucket.ts'
import { faultyBucket, unavailableError } from '#lib/bucket/faulty-bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { DomainError } from '#lib/model/errors.ts'

describe('checkConditionalWrites', () => {
  it('is content with a store that keeps conditions, and leaves nothing behind', async () => {
    const bucket = memoryBucket()
    await checkConditionalWrites(bucket, { id: '01H' })
    expect(await collectKeys(bucket, '')).toEqual([])
  })

  it('refuses a store that ignores If-None-Match', async () => {
    const bucket = ignoring((options) => ({ ...options, ifAbsent: undefined }))
    expect(await failure(bucket)).toEqual([
      'unsupported',
      "memory ignores If-None-Match: two writers could undo each other's work, use a store with conditional writes",
    ])
    expect(await collectKeys(bucket, '')).toEqual([])
  })

  it('refuses a store that ignores If-Match', async () => {
    const bucket = ignoring((options) => ({ ...options, ifMatch: undefined }))
    expect(await failure(bucket)).toEqual([
      'unsupported',
      "memory ignores If-Match: two writers could undo each other's work, use a store with conditional writes",
    ])
  })

  it('refuses a store that does not know If-Match', async () => {
    const bucket = ignoring((options) => {
      if (options?.ifMatch !== undefined) throw new DomainError('unsupported', 'NotImplemented')
      return options
    })
    expect(await failure(bucket)).toEqual([
      'unsupported',
      'memory refuses If-Match that holds: use a store with conditional writes',
    ])
  })

  it('does not judge a store that is away', async () => {
    const { bucket } = faultyBucket(memoryBucket(), {
      on: ['put'],
      fault: { type: 'fail', error: unavailableError() },
    })
    expect(await failure(bucket)).toEqual(['unavailable', 'the store is unavailable'])
  })
})

function ignoring(change: (options: PutOptions | undefined) => PutOptions | undefined): Bucket {
  const inner = memoryBucket()
  return { ...inner, put: async (key, body, options) => inner.put(key, body, change(options)) }
}

async function failure(bucket: Bucket): Promise<[string, string]> {
  try {
    await checkConditionalWrites(bucket, { id: '01H' })
  } catch (error) {
    if (error instanceof DomainError) return [error.kind, error.message]
    throw error
  }
  throw new Error('no failure')
}
