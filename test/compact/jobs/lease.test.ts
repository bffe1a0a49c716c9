import { describe, expect, it, vi } from 'vitest'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { faultyBucket, unavailableError } from '#lib/bucket/faulty-bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { type Lease, LEASE_PREFIX, liveLeases, takeLease } from '#lib/compact/jobs/lease.ts'
import { testId } from '#test/store/sample-block.ts'

let count = 0

function world() {
  const clock = { nowMs: 1_000_000 }
  const take = (bucket: Bucket, owner = 'a') =>
    takeLease(bucket, 'job', {
      owner,
      now: () => clock.nowMs,
      newUlid: () => testId(++count),
      ttlMs: 60_000,
    })
  return { bucket: memoryBucket(), clock, take }
}

async function taken(lease: Promise<unknown>): Promise<Lease> {
  const answer = await lease
  expect(answer).not.toHaveProperty('heldBy')
  return answer as Lease
}

describe('a lease', () => {
  it('is one worker’s', async () => {
    const { bucket, take } = world()
    const lease = await taken(take(bucket))
    expect(await take(bucket, 'b')).toEqual({ heldBy: 'a', untilMs: 1_060_000 })
    await lease.release()
    const next = await taken(take(bucket, 'b'))
    expect(next.ulid).not.toBe(lease.ulid)
  })

  it('of many at once is one’s', async () => {
    const { bucket, take } = world()
    const answers = await Promise.all(Array.from({ length: 20 }, () => take(bucket)))
    expect(answers.filter((answer) => 'ulid' in answer)).toHaveLength(1)
  })

  it('that ran out is taken over, and goes on with the same block', async () => {
    const { bucket, clock, take } = world()
    const slow = await taken(take(bucket))
    clock.nowMs += 60_000
    // A clock that is a little ahead is no reason yet.
    expect(await take(bucket, 'b')).toMatchObject({ heldBy: 'a' })
    clock.nowMs += 10_001
    const next = await taken(take(bucket, 'b'))
    expect(next.ulid).toBe(slow.ulid)
    await expect(slow.confirm()).rejects.toMatchObject({ kind: 'conflict' })
    expect(slow.signal.reason).toMatchObject({
      message: expect.stringContaining('another worker has taken the job over'),
    })
    // Whoever lost it does not give back what is another's.
    await slow.release()
    expect(await take(bucket)).toMatchObject({ heldBy: 'b' })
    await next.confirm()
  })

  it('holds on as long as its worker lives', async () => {
    vi.useFakeTimers()
    try {
      const { bucket, clock, take } = world()
      const lease = await taken(take(bucket))
      for (let i = 0; i < 10; i++) {
        clock.nowMs += 20_000
        await vi.advanceTimersByTimeAsync(20_000)
      }
      expect(await take(bucket, 'b')).toEqual({ heldBy: 'a', untilMs: clock.nowMs + 60_000 })
      expect(lease.signal.aborted).toBe(false)
      await lease.release()
    } finally {
      vi.useRealTimers()
    }
  })

  it('outlives a bucket that is gone for a while, not for longer', async () => {
    vi.useFakeTimers()
    try {
      const { bucket: inner, clock, take } = world()
      const faulty = faultyBucket(inner)
      const lease = await taken(take(faulty.bucket))
      const pass = async (ms: number): Promise<void> => {
        clock.nowMs += ms
        await vi.advanceTimersByTimeAsync(ms)
      }
      faulty.inject({ on: ['put'], fault: { type: 'fail', error: unavailableError() } })
      await pass(20_000)
      await pass(20_000)
      faulty.heal()
      await pass(10_000)
      expect(lease.signal.aborted).toBe(false)
      await lease.confirm()
      faulty.inject({ on: ['put'], fault: { type: 'fail', error: unavailableError() } })
      for (let i = 0; i < 4; i++) await pass(20_000)
      expect(lease.signal.reason).toMatchObject({ kind: 'unavailable' })
    } finally {
      vi.useRealTimers()
    }
  })

  it('that can’t be read is nobody’s', async () => {
    const { bucket, take } = world()
    for (const text of ['', '{', '{"version":0,"ulid":"x","untilMs":1e99}']) {
      await bucket.put(`${LEASE_PREFIX}job`, new TextEncoder().encode(text))
      const lease = await taken(take(bucket))
      expect(await take(bucket, 'b')).toMatchObject({ heldBy: 'a' })
      await lease.release()
    }
  })

  it('is listed while it lives', async () => {
    const { bucket, clock, take } = world()
    const { ulid } = await taken(take(bucket))
    const live = await liveLeases(bucket, clock.nowMs)
    expect([...live]).toEqual([['job', expect.objectContaining({ owner: 'a', ulid })]])
    expect((await liveLeases(bucket, clock.nowMs + 80_000)).size).toBe(0)
  })
})
