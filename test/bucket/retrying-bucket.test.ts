import { describe, expect, it } from 'vitest'
import { bucketContract } from '#test/bucket/bucket.contract.ts'
import { collectKeys, collectPrefixes } from '#test/bucket/listing.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { type FaultRule, faultyBucket, unavailableError } from '#lib/bucket/faulty-bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { pauseMs, type RetryPolicy } from '#lib/bucket/retry.ts'
import { retryingBucket } from '#lib/bucket/retrying-bucket.ts'
import { ConflictError, DomainError, isKind } from '#lib/model/errors.ts'

const patient: RetryPolicy = {
  attempts: 4,
  baseMs: 100,
  maxMs: 300,
  sleep: async () => undefined,
  random: () => 0.5,
}

bucketContract('retryingBucket', () => retryingBucket(memoryBucket(), patient))

/**
 * One in three requests fails, in turn before and after the store has done the work. A racing write only before:
 * who wins, is overwritten and never hears of the first cannot know.
 */
bucketContract('retryingBucket over a store that fails often', () => {
  const inner = memoryBucket()
  let requests = 0
  const flaky = <T>(work: () => Promise<T>, racing = false): Promise<T> => {
    requests++
    if (requests % 6 === 3) return Promise.reject(unavailableError())
    if (requests % 6 === 0 && !racing) return work().then(() => Promise.reject(unavailableError()))
    return work()
  }
  const store: Bucket = {
    ...inner,
    get: (key, options) => flaky(() => inner.get(key, options)),
    getIfChanged: (key, etag, options) => flaky(() => inner.getIfChanged(key, etag, options)),
    getRange: (key, start, end, options) => flaky(() => inner.getRange(key, start, end, options)),
    getTail: (key, length, options) => flaky(() => inner.getTail(key, length, options)),
    head: (key, options) => flaky(() => inner.head(key, options)),
    put: (key, body, options) =>
      flaky(() => inner.put(key, body, options), key.startsWith('race/')),
    delete: (key, options) => flaky(() => inner.delete(key, options)),
  }
  // Requests side by side can meet the same fate many times in a row.
  return retryingBucket(store, { ...patient, attempts: 30 })
})

describe('retryingBucket', () => {
  function setUp(...rules: readonly FaultRule[]) {
    const store = memoryBucket({ pageSize: 2 })
    const faulty = faultyBucket(store, ...rules)
    const pauses: number[] = []
    const bucket = retryingBucket(faulty.bucket, {
      ...patient,
      sleep: async (ms) => void pauses.push(ms),
    })
    return { store, faulty, bucket, pauses }
  }

  it('asks again after unavailable and timeout, with a pause that doubles up to its limit', async () => {
    const { store, bucket, pauses } = setUp(
      { on: ['get'], times: 2, fault: { type: 'fail', error: unavailableError() } },
      {
        on: ['get'],
        from: 3,
        times: 1,
        fault: { type: 'fail', error: new DomainError('timeout', 'slow') },
      },
    )
    await store.put('a', bytes(1))
    expect((await bucket.get('a')).body).toEqual(bytes(1))
    expect(pauses).toEqual([50, 100, 150])
  })

  it('pauses anywhere between nothing and the ceiling', () => {
    expect(pauseMs({ ...patient, random: () => 0 }, 3)).toBe(0)
    expect(pauseMs({ ...patient, random: () => 0.99 }, 1)).toBe(99)
    expect(pauseMs({ ...patient, random: () => 0.99 }, 60)).toBe(297)
  })

  it('gives the last error when the tries are used up', async () => {
    const { bucket, faulty } = setUp({
      on: ['head'],
      fault: { type: 'fail', error: unavailableError('still down') },
    })
    await expect(bucket.head('a')).rejects.toThrow('still down')
    expect(faulty.hits).toHaveLength(4)
  })

  it('does not ask again when asking again cannot help', async () => {
    for (const kind of [
      'not-found',
      'conflict',
      'corrupt',
      'unauthorized',
      'unsupported',
      'invalid',
      'canceled',
    ] as const) {
      const { bucket, faulty, pauses } = setUp({
        fault: { type: 'fail', error: new DomainError(kind, 'no') },
      })
      await expect(bucket.get('a')).rejects.toThrow('no')
      expect([faulty.hits.length, pauses]).toEqual([1, []])
    }
  })

  it('does not ask again when a bug of ours is the cause', async () => {
    const { bucket, faulty } = setUp({ fault: { type: 'fail', error: new TypeError('bug') } })
    await expect(bucket.get('a')).rejects.toThrow(TypeError)
    expect(faulty.hits).toHaveLength(1)
  })

  it('stops in the middle of its tries when the signal aborts', async () => {
    const controller = new AbortController()
    const faulty = faultyBucket(memoryBucket(), {
      fault: { type: 'fail', error: unavailableError() },
    })
    const bucket = retryingBucket(faulty.bucket, {
      ...patient,
      sleep: async () => controller.abort(),
    })
    const error = await bucket.get('a', { signal: controller.signal }).catch((e: unknown) => e)
    expect(isKind(error, 'canceled')).toBe(true)
    expect(faulty.hits).toHaveLength(1)
  })

  it('knows that a create whose answer was lost has won', async () => {
    const { store, bucket } = setUp({
      on: ['put'],
      times: 1,
      fault: { type: 'lose-answer', error: unavailableError() },
    })
    const { etag } = await bucket.put('a', bytes(1), { ifAbsent: true })
    expect(await store.get('a')).toEqual({ body: bytes(1), etag })
  })

  it('knows that a replacement whose answer was lost has won', async () => {
    const { store, bucket } = setUp({
      on: ['put'],
      times: 1,
      fault: { type: 'lose-answer', error: unavailableError() },
    })
    const old = await store.put('a', bytes(1))
    const { etag } = await bucket.put('a', bytes(2), { ifMatch: old.etag })
    expect(await store.get('a')).toEqual({ body: bytes(2), etag })
  })

  it('says conflict when the answer was lost and somebody else holds the object', async () => {
    const { store, bucket } = setUp({
      on: ['put'],
      times: 1,
      fault: { type: 'fail', error: unavailableError() },
    })
    await store.put('a', bytes(9))
    await expect(bucket.put('a', bytes(1), { ifAbsent: true })).rejects.toBeInstanceOf(
      ConflictError,
    )
    expect((await store.get('a')).body).toEqual(bytes(9))
  })

  it('says conflict at once, without reading, when the first answer says so', async () => {
    const { store, bucket, faulty } = setUp({
      on: ['get'],
      fault: { type: 'fail', error: new Error('read') },
    })
    await store.put('a', bytes(1))
    await expect(bucket.put('a', bytes(1), { ifAbsent: true })).rejects.toBeInstanceOf(
      ConflictError,
    )
    expect(faulty.hits).toEqual([])
  })

  it('goes on with a listing behind the page that came last', async () => {
    const { store, bucket, faulty } = setUp({
      on: ['list'],
      from: 2,
      times: 2,
      fault: { type: 'fail', error: unavailableError() },
    })
    for (const key of ['a', 'b', 'c', 'd', 'e']) await store.put(key, bytes(1))
    expect(await collectKeys(bucket, '')).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(faulty.hits).toHaveLength(2)
  })

  it('goes on with a delimited listing and gives each prefix once', async () => {
    const { store, bucket } = setUp({
      on: ['list'],
      from: 2,
      times: 1,
      fault: { type: 'fail', error: unavailableError() },
    })
    for (const key of ['a/1', 'a/2', 'b/1', 'b/2', 'c/1', 'd']) await store.put(key, bytes(1))
    expect(await collectPrefixes(bucket, '')).toEqual(['a/', 'b/', 'c/'])
  })

  it('gives a listing new tries after each page that came', async () => {
    const fail = { type: 'fail', error: unavailableError() } as const
    const { store, bucket } = setUp(
      { on: ['list'], from: 1, times: 3, fault: fail },
      { on: ['list'], from: 5, times: 3, fault: fail },
    )
    for (const key of ['a', 'b', 'c']) await store.put(key, bytes(1))
    expect(await collectKeys(bucket, '')).toEqual(['a', 'b', 'c'])
  })
})

function bytes(...values: readonly number[]): Uint8Array {
  return new Uint8Array(values)
}
