import { describe, expect, it } from 'vitest'
import { bucketContract } from '#test/bucket/bucket.contract.ts'
import { collectKeys } from '#test/bucket/listing.ts'
import { faultyBucket, unavailableError } from '#lib/bucket/faulty-bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { NotFoundError } from '#lib/model/errors.ts'

bucketContract('faultyBucket without faults', () => faultyBucket(memoryBucket()).bucket)

describe('faultyBucket', () => {
  it('fails the requests that are named, by operation, key and number', async () => {
    const { bucket, hits } = faultyBucket(memoryBucket(), {
      on: ['get'],
      key: /^a/,
      from: 2,
      times: 1,
      fault: { type: 'fail', error: unavailableError('down') },
    })
    await bucket.put('a', new Uint8Array([1]))
    await bucket.put('b', new Uint8Array([1]))
    await bucket.get('a')
    await bucket.get('b')
    await expect(bucket.get('a')).rejects.toThrow('down')
    await bucket.get('a')
    expect(hits).toEqual(['get a: fail'])
  })

  it('does the write and loses the answer', async () => {
    const { bucket } = faultyBucket(memoryBucket(), {
      on: ['put'],
      fault: { type: 'lose-answer', error: unavailableError('lost') },
    })
    await expect(bucket.put('a', new Uint8Array([1]))).rejects.toThrow('lost')
    expect((await bucket.get('a')).body).toEqual(new Uint8Array([1]))
  })

  it('cuts what is read', async () => {
    const faulty = faultyBucket(memoryBucket(), { fault: { type: 'truncate', length: 2 } })
    await faulty.bucket.put('a', new Uint8Array([1, 2, 3, 4]))
    expect((await faulty.bucket.get('a')).body).toEqual(new Uint8Array([1, 2]))
    expect(await faulty.bucket.getRange('a', 1, 4)).toEqual(new Uint8Array([2, 3]))
    expect((await faulty.bucket.getTail('a', 3)).body).toEqual(new Uint8Array([2, 3]))
    faulty.heal()
    expect((await faulty.bucket.get('a')).body).toHaveLength(4)
  })

  it('lists an object that has vanished', async () => {
    const { bucket } = faultyBucket(memoryBucket(), { key: 'a', fault: { type: 'vanish' } })
    await bucket.put('b', new Uint8Array([1]))
    await expect(bucket.get('a')).rejects.toBeInstanceOf(NotFoundError)
    expect(await collectKeys(bucket, '')).toEqual(['b'])
  })

  it('delays until it is told', async () => {
    const order: string[] = []
    let open = (): void => undefined
    const gate = new Promise<void>((resolve) => (open = resolve))
    const { bucket } = faultyBucket(memoryBucket(), {
      on: ['head'],
      fault: { type: 'delay', until: () => gate },
    })
    await bucket.put('a', new Uint8Array([1]))
    const head = bucket.head('a').then(() => order.push('head'))
    await bucket.get('a')
    order.push('get')
    open()
    await head
    expect(order).toEqual(['get', 'head'])
  })
})
