import { beforeEach, describe, expect, it } from 'vitest'
import { updateBucketIndex } from '#lib/blocks/bucket-index.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { DELETION_MARK, putMark } from '#lib/compact/jobs/marks.ts'
import { ALL_ISSUES, type Issue } from '#lib/verify/problem.ts'
import { verifyBucket } from '#lib/verify/verify-bucket.ts'
import { every, labels, putBlock, testId } from '#test/store/sample-block.ts'

const HOUR_MS = 3_600_000
const now = () => 1_700_000_000_000

let bucket: Bucket

async function put(n: number, startHour: number, more: { level?: number; hours?: number } = {}) {
  const { level = 1, hours = 2 } = more
  const minTimeMs = startHour * HOUR_MS
  const maxTimeMs = minTimeMs + hours * HOUR_MS
  await putBlock(bucket, {
    id: testId(n),
    minTimeMs,
    maxTimeMs,
    series: [
      { labels: labels({ a: '1' }), samples: every(60_000, minTimeMs, maxTimeMs, (t) => t) },
    ],
    meta: (meta) => ({ ...meta, compaction: { ...meta.compaction, level } }),
  })
}

beforeEach(async () => {
  bucket = memoryBucket()
  await put(1, 0)
  await put(2, 2)
})

async function found(issues: readonly Issue[] = ALL_ISSUES, ids: readonly string[] = []) {
  const report = await verifyBucket({ bucket, now, issues: new Set(issues), ids })
  const text = report.bucket.map(
    ({ issue, severity, message, examples }) =>
      `${severity} ${issue}: ${message}: ${examples.join(',')}`,
  )
  return { blocks: report.blocks.map(({ id }) => id), text }
}

describe('a bucket', () => {
  it('that is good has no problems, with an index or without', async () => {
    const good = { blocks: [testId(1), testId(2)], text: [] }
    expect(await found()).toEqual(good)
    await updateBucketIndex(bucket, { now })
    expect(await found()).toEqual(good)
  })

  it('with blocks that overlap', async () => {
    await put(3, 1)
    expect((await found()).text).toEqual([
      `error overlapped_blocks: blocks overlap: ${testId(1)} and ${testId(3)} from 1970-01-01T01:00:00.000Z to 1970-01-01T02:00:00.000Z,${testId(3)} and ${testId(2)} from 1970-01-01T02:00:00.000Z to 1970-01-01T03:00:00.000Z`,
    ])
    await putMark(bucket, testId(3), DELETION_MARK, { nowMs: now(), details: 'x' })
    expect(await found()).toEqual({ blocks: [testId(1), testId(2)], text: [] })
  })

  it('with a block that holds others does not say that they overlap', async () => {
    const sources = [testId(1), testId(2)]
    await putBlock(bucket, {
      id: testId(5),
      minTimeMs: 0,
      maxTimeMs: 4 * HOUR_MS,
      series: [{ labels: labels({ a: '1' }), samples: every(60_000, 0, 4 * HOUR_MS, (t) => t) }],
      meta: (meta) => ({ ...meta, compaction: { level: 2, sources } }),
    })
    expect((await found()).text).toEqual([])
  })

  it('with an index that is not of it', async () => {
    await updateBucketIndex(bucket, { now })
    await put(3, 4)
    await put(2, 2, { level: 2 })
    for await (const { objects } of bucket.list(`${testId(1)}/`)) {
      for (const { key } of objects) await bucket.delete(key)
    }
    expect((await found(['bucket_index'])).text).toEqual([
      `error bucket_index: it has a block otherwise than it is: ${testId(2)}`,
      `warning bucket_index: it does not have a block: ${testId(3)}`,
      `error bucket_index: it has a block that is not there: ${testId(1)}`,
    ])
    await bucket.put('thaw/bucket-index/root.json.gz', new Uint8Array(9))
    expect((await found(['bucket_index'])).text[0]).toMatch(
      /^error bucket_index: it can not be read/,
    )
  })

  it('with what is no part of it', async () => {
    await bucket.put('thaw/lookup/gone', new Uint8Array(1))
    await bucket.put('notes.txt', new Uint8Array(1))
    await bucket.put('debug/x', new Uint8Array(1))
    await bucket.put('other/x', new Uint8Array(1))
    expect((await found(['files'])).text).toEqual([
      'warning files: a lookup of a block that is gone: thaw/lookup/gone',
      'warning files: an object that is no part of a block: notes.txt,other/',
    ])
  })

  it('is looked at block by block where ids are given', async () => {
    await put(3, 1)
    expect(await found(ALL_ISSUES, [testId(2)])).toEqual({ blocks: [testId(2)], text: [] })
    await expect(found(ALL_ISSUES, [testId(9)])).rejects.toThrow(`no block ${testId(9)} in memory`)
  })
})
