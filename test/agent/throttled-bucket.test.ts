/** Uploads at a bandwidth: what they wait, by a clock that only waiting moves. */
import { describe, expect, it } from 'vitest'
import { throttledBuckets } from '#agent/throttled-bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'

function throttled(bytesPerSecond: number) {
  let nowMs = 0
  const waits: number[] = []
  const inner = memoryBucket()
  const buckets = throttledBuckets(inner, {
    bytesPerSecond,
    now: () => nowMs,
    async wait(ms) {
      waits.push(ms)
      nowMs += ms
    },
  })
  return { ...buckets, inner, waits, pass: (ms: number) => (nowMs += ms), now: () => nowMs }
}

async function* parts(...sizes: number[]): AsyncGenerator<Uint8Array> {
  for (const size of sizes) yield new Uint8Array(size)
}

describe('a bandwidth of 1000 bytes a second', () => {
  it('takes ten seconds for 10,000 bytes, whole or in parts', async () => {
    const { bucket, waits, now, inner } = throttled(1000)
    await bucket.put('a', new Uint8Array(4000))
    await bucket.putStream('b', parts(3000, 3000))
    await bucket.put('c', new Uint8Array(1))
    expect(waits).toEqual([4000, 3000, 3000])
    expect(now()).toBe(10_000)
    expect((await inner.head('b')).size).toBe(6000)
  })

  it('makes up for one second that nobody used, not for more', async () => {
    const { bucket, waits, pass } = throttled(1000)
    pass(60_000)
    await bucket.put('a', new Uint8Array(1000))
    await bucket.put('b', new Uint8Array(1000))
    await bucket.put('c', new Uint8Array(1))
    expect(waits).toEqual([1000])
  })

  it('lets the urgent pass, and the others wait for it', async () => {
    const { bucket, urgent, waits } = throttled(1000)
    await bucket.put('block', new Uint8Array(50_000))
    await urgent.put('fresh', new Uint8Array(500))
    expect(waits).toEqual([])
    await urgent.put('fresh', new Uint8Array(500))
    expect(waits).toEqual([500])
    await bucket.put('block', new Uint8Array(1))
    expect(waits).toEqual([500, 50_500])
  })

  it('ends its waiting when the upload is given up', async () => {
    const buckets = throttledBuckets(memoryBucket(), { bytesPerSecond: 1, now: Date.now })
    const giveUp = new AbortController()
    await buckets.bucket.put('a', new Uint8Array(1_000_000))
    const waiting = buckets.bucket.put('b', new Uint8Array(1), { signal: giveUp.signal })
    giveUp.abort()
    await expect(waiting).rejects.toMatchObject({ kind: 'canceled' })
  })

  it('reads and deletes as fast as it goes', async () => {
    const { bucket, waits } = throttled(1000)
    await bucket.put('a', new Uint8Array(5000))
    await bucket.get('a')
    await bucket.delete('a')
    expect(waits).toEqual([])
  })
})
