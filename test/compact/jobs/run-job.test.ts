import { describe, expect, it } from 'vitest'
import { updateBucketIndex } from '#lib/blocks/bucket-index.ts'
import { scanBlocks } from '#lib/blocks/scan.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { faultyBucket, unavailableError } from '#lib/bucket/faulty-bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import type { Job } from '#lib/compact/jobs/job.ts'
import { jobKey } from '#lib/compact/jobs/job.ts'
import { LEASE_PREFIX, takeLease } from '#lib/compact/jobs/lease.ts'
import { DELETION_MARK, putMark } from '#lib/compact/jobs/marks.ts'
import { type JobOutcome, runJob } from '#lib/compact/jobs/run-job.ts'
import { columns, labels, putBlock, testId } from '#test/store/sample-block.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const COMPACT: Job = { type: 'compact', inputs: [testId(1), testId(2)] }

let made = 500

function run(bucket: Bucket, job: Job, nowMs = 0): Promise<JobOutcome> {
  return runJob(job, {
    bucket,
    now: () => nowMs,
    newUlid: () => testId(++made),
    owner: 'worker',
    deleteDelayMs: 2 * DAY_MS,
  })
}

async function twoBlocks(): Promise<Bucket> {
  const bucket = memoryBucket()
  for (const [i, id] of [testId(1), testId(2)].entries()) {
    const points = Array.from({ length: 10 }, (_, at): [number, number] => [
      i * HOUR_MS + at * 1000,
      at,
    ])
    await putBlock(bucket, {
      id,
      minTimeMs: i * HOUR_MS,
      maxTimeMs: (i + 1) * HOUR_MS,
      series: [{ labels: labels({ __name__: 'up' }), samples: columns(points) }],
    })
  }
  return bucket
}

async function keys(bucket: Bucket, prefix = ''): Promise<string[]> {
  const found: string[] = []
  for await (const { objects } of bucket.list(prefix)) found.push(...objects.map(({ key }) => key))
  return found
}

async function json(bucket: Bucket, key: string): Promise<unknown> {
  return JSON.parse(new TextDecoder().decode((await bucket.get(key)).body))
}

describe('a compaction', () => {
  it('makes the block, marks its inputs, and gives the lease back', async () => {
    const bucket = await twoBlocks()
    const outcome = await run(bucket, COMPACT, 5000)
    const ulid = testId(made)
    expect(outcome).toMatchObject({
      status: 'done',
      marked: [testId(1), testId(2)],
      made: { ulid, stats: { numSamples: 20 } },
      report: `2 blocks became ${ulid}`,
    })
    expect(await json(bucket, `${testId(1)}/${DELETION_MARK}`)).toEqual({
      id: testId(1),
      version: 1,
      details: `compacted into ${ulid}`,
      deletion_time: 5,
    })
    expect(await keys(bucket, LEASE_PREFIX)).toEqual([])
    expect(await run(bucket, COMPACT)).toEqual({
      status: 'skipped',
      report: `block ${testId(1)} is marked for deletion`,
    })
  })

  it('is left to who has it', async () => {
    const bucket = await twoBlocks()
    const [now, newUlid] = [() => 0, () => testId(900)]
    await takeLease(bucket, jobKey(COMPACT), { owner: 'other', now, newUlid, ttlMs: 60_000 })
    const before = await keys(bucket)
    expect(await run(bucket, COMPACT)).toMatchObject({ status: 'held', untilMs: 60_000 })
    expect(await keys(bucket)).toEqual(before)
  })

  it('does not show a block when it has lost its lease on the way', async () => {
    const bucket = await twoBlocks()
    const lease = LEASE_PREFIX + jobKey(COMPACT)
    const stolen = new TextEncoder().encode(
      '{"version":1,"writer":1,"owner":"b","ulid":"x","untilMs":1e15}',
    )
    const robbing: Bucket = {
      ...bucket,
      async putStream(key, parts, options) {
        const written = await bucket.putStream(key, parts, options)
        if (key.endsWith('/index')) await bucket.put(lease, stolen)
        return written
      },
    }
    await expect(run(robbing, COMPACT)).rejects.toMatchObject({ kind: 'conflict' })
    const { blocks, partial } = await scanBlocks(bucket, new Map())
    expect(blocks.map(({ id, marks }) => [id, marks])).toEqual([
      [testId(1), {}],
      [testId(2), {}],
    ])
    expect(partial).toMatchObject([{ hasMeta: false }])
    expect((await bucket.get(lease)).body).toEqual(stolen)
  })

  it('sets a broken block aside, by name', async () => {
    const bucket = await twoBlocks()
    const key = `${testId(2)}/chunks/000001`
    const { body } = await bucket.get(key)
    const broken = Uint8Array.from(body)
    broken[20]! ^= 1
    await bucket.put(key, broken)
    expect(await run(bucket, COMPACT, 9000)).toMatchObject({
      status: 'set-aside',
      block: testId(2),
      report: expect.stringContaining(`${key}: checksum`),
    })
    expect(await json(bucket, `${testId(2)}/no-compact-mark.json`)).toMatchObject({
      id: testId(2),
      version: 1,
      no_compact_time: 9,
      reason: 'unreadable',
      details: expect.stringContaining(key),
    })
    expect((await scanBlocks(bucket, new Map())).blocks).toHaveLength(2)
  })

  it('rejects with what the bucket says, and can be run again', async () => {
    const inner = await twoBlocks()
    const faulty = faultyBucket(inner)
    faulty.inject({ on: ['putStream'], fault: { type: 'fail', error: unavailableError() } })
    await expect(run(faulty.bucket, COMPACT)).rejects.toMatchObject({ kind: 'unavailable' })
    faulty.heal()
    expect(await run(faulty.bucket, COMPACT)).toMatchObject({ status: 'done' })
  })
})

describe('a deletion', () => {
  const NOW = 100 * DAY_MS

  async function marked(details: string, atMs = NOW - 3 * DAY_MS): Promise<Bucket> {
    const bucket = await twoBlocks()
    await putMark(bucket, testId(1), DELETION_MARK, { nowMs: atMs, details })
    await bucket.put(`thaw/lookup/${testId(1)}`, new Uint8Array(1))
    return bucket
  }

  const DELETE: Job = { type: 'delete', ids: [testId(1), testId(2), testId(3)] }

  it('takes a block whose mark is old enough, and its lookup; no other', async () => {
    const bucket = await marked('retention')
    const outcome = await run(bucket, DELETE, NOW)
    expect(outcome).toMatchObject({
      deleted: [testId(1)],
      report: `1 blocks are deleted; ${testId(2)}: not marked for deletion`,
    })
    const left = await keys(bucket)
    expect(left.every((key) => key.startsWith(testId(2)))).toBe(true)
  })

  it('waits for the delay', async () => {
    const bucket = await marked('retention', NOW - DAY_MS)
    expect(await run(bucket, DELETE, NOW)).toMatchObject({ deleted: [] })
  })

  it('takes what was compacted where the compacted block is there', async () => {
    const bucket = await twoBlocks()
    await run(bucket, COMPACT, NOW - 3 * DAY_MS)
    await updateBucketIndex(bucket, { now: () => NOW })
    expect(await run(bucket, DELETE, NOW)).toMatchObject({ deleted: [testId(1), testId(2)] })
  })

  it('gives back what was compacted where the compacted block is gone', async () => {
    const bucket = await twoBlocks()
    await run(bucket, COMPACT, NOW - 3 * DAY_MS)
    await updateBucketIndex(bucket, { now: () => NOW })
    await bucket.delete(`${testId(made)}/chunks/000001`)
    expect(await run(bucket, DELETE, NOW)).toMatchObject({
      deleted: [],
      report: expect.stringContaining('what it was compacted into is gone, so its mark is removed'),
    })
    const { blocks } = await scanBlocks(bucket, new Map())
    expect(blocks.map(({ id, marks }) => [id, marks])).toEqual([
      [testId(1), {}],
      [testId(2), {}],
    ])
  })

  it('goes on with one that broke off, and takes old uploads, not young ones', async () => {
    const bucket = await marked('retention')
    await bucket.delete(`${testId(1)}/meta.json`)
    await bucket.delete(`${testId(2)}/meta.json`)
    const young = (await bucket.head(`${testId(2)}/index`)).lastModifiedMs
    expect(await run(bucket, DELETE, young + 47 * HOUR_MS)).toMatchObject({
      deleted: [testId(1)],
    })
    expect(await run(bucket, DELETE, young + 49 * HOUR_MS)).toMatchObject({
      deleted: [testId(2)],
    })
    expect(await keys(bucket)).toEqual([])
  })

  it('never takes a block that lost a file, unless it is marked', async () => {
    const bucket = await twoBlocks()
    await bucket.delete(`${testId(1)}/index`)
    expect(await run(bucket, DELETE, Date.now() + NOW)).toMatchObject({ deleted: [] })
    await putMark(bucket, testId(1), DELETION_MARK, { nowMs: 0, details: 'broken' })
    expect(await run(bucket, DELETE, NOW)).toMatchObject({ deleted: [testId(1)] })
  })

  it('that is killed anywhere is finished by the next', async () => {
    for (let from = 1; ; from++) {
      const inner = await marked('retention')
      const faulty = faultyBucket(inner)
      faulty.inject({ on: ['delete'], from, fault: { type: 'fail', error: unavailableError() } })
      const outcome = await run(faulty.bucket, DELETE, NOW).catch(() => undefined)
      if (faulty.hits.length === 0) break
      expect(outcome?.status).not.toBe('skipped')
      // The lease that the killed one could not give back runs out.
      await run(inner, DELETE, NOW + HOUR_MS)
      expect((await keys(inner)).every((key) => key.startsWith(testId(2)))).toBe(true)
    }
  })
})
