import { beforeEach, describe, expect, it } from 'vitest'
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import {
  BUCKET_INDEX_ROOT,
  BucketIndexReader,
  updateBucketIndex,
} from '#lib/blocks/bucket-index.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { countingBucket } from '#lib/bucket/counting-bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import type { BlockMeta } from '#lib/tsdb/block/meta.ts'
import { formatBlockMeta } from '#lib/tsdb/block/meta.ts'
import { testId } from '#test/store/sample-block.ts'

const HOUR = 3600_000
const DAY = 24 * HOUR
const NOW = 1000 * DAY

interface Meta {
  minTime?: number
  maxTime?: number
  sources?: readonly string[]
  level?: number
  labels?: Record<string, string>
  resolution?: number
}

async function put(bucket: Bucket, n: number, meta: Meta = {}): Promise<string> {
  const ulid = testId(n)
  const full: BlockMeta = {
    ulid,
    minTime: meta.minTime ?? n * 2 * HOUR,
    maxTime: meta.maxTime ?? (n + 1) * 2 * HOUR,
    stats: { numSamples: 10, numSeries: 2, numChunks: 2 },
    compaction: { level: meta.level ?? 1, sources: meta.sources ?? [ulid] },
    version: 1,
    thanos: {
      labels: meta.labels ?? { cluster: 'a' },
      downsample: { resolution: meta.resolution ?? 0 },
      source: 'sidecar',
    },
  }
  await bucket.put(`${ulid}/index`, Uint8Array.of(1, 2, 3))
  await bucket.put(`${ulid}/chunks/000001`, new Uint8Array(100))
  await bucket.put(`${ulid}/meta.json`, new TextEncoder().encode(formatBlockMeta(full)))
  return ulid
}

async function mark(bucket: Bucket, id: string, timeMs: number): Promise<void> {
  const json = { id, version: 1, deletion_time: timeMs / 1000, details: 'test' }
  await bucket.put(`${id}/deletion-mark.json`, new TextEncoder().encode(JSON.stringify(json)))
}

const now = (): number => NOW

async function visible(bucket: Bucket, nowMs = NOW): Promise<string[]> {
  const reader = new BucketIndexReader(bucket, { now: () => nowMs, maxAgeMs: 0 })
  const blocks = await reader.blocks(0, Infinity)
  return blocks.map((block: BlockRecord) => block.id)
}

describe('the bucket index', () => {
  let bucket: Bucket
  beforeEach(() => {
    bucket = memoryBucket()
  })

  it('says what the bucket holds, and is not written again when nothing changed', async () => {
    await put(bucket, 1)
    await put(bucket, 2)
    expect(await updateBucketIndex(bucket, { now })).toEqual({
      blocks: 2,
      hidden: 0,
      partial: [],
      added: [testId(1), testId(2)],
      removed: [],
      written: true,
    })
    expect(await visible(bucket)).toEqual([testId(1), testId(2)])
    expect(await updateBucketIndex(bucket, { now })).toMatchObject({ added: [], written: false })
  })

  it('reads a bucket that has no index by scanning it', async () => {
    await put(bucket, 1)
    expect(await visible(bucket)).toEqual([testId(1)])
  })

  it('fetches only the meta.json that is new', async () => {
    for (let n = 0; n < 20; n++) await put(bucket, n)
    await updateBucketIndex(bucket, { now })
    await put(bucket, 20)
    const counting = countingBucket(bucket)
    await updateBucketIndex(counting.bucket, { now })
    const { gets, lists, puts } = counting.counts
    expect({ gets, lists, puts }).toEqual({ gets: 2, lists: 1, puts: 1 })
  })

  it('lists blocks without meta.json, with a broken one, or with a missing file as partial', async () => {
    const whole = await put(bucket, 1)
    await bucket.put(`${testId(2)}/index`, Uint8Array.of(1))
    await put(bucket, 3)
    await bucket.put(`${testId(3)}/meta.json`, new TextEncoder().encode('{"version":1'))
    await put(bucket, 4)
    await bucket.delete(`${testId(4)}/index`)
    const { partial } = await updateBucketIndex(bucket, { now })
    expect(partial.map(({ id, reason }) => [id, reason])).toEqual([
      [testId(2), 'no meta.json'],
      [testId(3), expect.stringContaining('meta.json')],
      [testId(4), 'no index'],
    ])
    expect(await visible(bucket)).toEqual([whole])
  })

  it('ignores what is not a block', async () => {
    await bucket.put('debug/metas/x.json', Uint8Array.of(1))
    await bucket.put('0000/meta.json', Uint8Array.of(1))
    await bucket.put('thaw/lookup/x', Uint8Array.of(1))
    expect(await updateBucketIndex(bucket, { now })).toMatchObject({ blocks: 0, partial: [] })
  })

  it('hides a block a day after its deletion mark, also from an index made before that', async () => {
    const id = await put(bucket, 1)
    await mark(bucket, id, NOW - 23 * HOUR)
    await updateBucketIndex(bucket, { now })
    expect(await visible(bucket)).toEqual([id])
    expect(await visible(bucket, NOW + 2 * HOUR)).toEqual([])
    expect(await updateBucketIndex(bucket, { now: () => NOW + 2 * HOUR })).toMatchObject({
      hidden: 1,
    })
  })

  it('takes a mark that cannot be read for no mark', async () => {
    const id = await put(bucket, 1)
    await bucket.put(`${id}/deletion-mark.json`, new TextEncoder().encode('{'))
    await updateBucketIndex(bucket, { now })
    expect(await visible(bucket, NOW + 100 * DAY)).toEqual([id])
  })

  it('hides blocks that a compacted one replaced, within their stream and resolution', async () => {
    const sources = [await put(bucket, 1), await put(bucket, 2)]
    const compacted = await put(bucket, 9, {
      sources,
      level: 2,
      minTime: 2 * HOUR,
      maxTime: 6 * HOUR,
    })
    const elsewhere = await put(bucket, 3, { sources: [sources[0]!], labels: { cluster: 'b' } })
    const coarse = await put(bucket, 4, { sources: [sources[0]!], resolution: 300_000 })
    await updateBucketIndex(bucket, { now })
    expect(new Set(await visible(bucket))).toEqual(new Set([compacted, elsewhere, coarse]))
  })

  it('shows the sources again when the compacted block is gone', async () => {
    const sources = [await put(bucket, 1), await put(bucket, 2)]
    const compacted = await put(bucket, 9, { sources, level: 2 })
    await updateBucketIndex(bucket, { now })
    await bucket.delete(`${compacted}/meta.json`)
    await updateBucketIndex(bucket, { now })
    expect(await visible(bucket)).toEqual(sources)
  })

  it('splits old blocks into parts, and reads only those a query reaches', async () => {
    for (let n = 0; n < 1200; n++) await put(bucket, n)
    await updateBucketIndex(bucket, { now })
    const counting = countingBucket(bucket)
    const reader = new BucketIndexReader(counting.bucket, { now, maxAgeMs: 60_000 })
    const recent = await reader.blocks(1199 * 2 * HOUR, Infinity)
    expect(recent.map(({ id }) => id)).toEqual([testId(1199)])
    expect(counting.counts.gets).toBe(1)
    const old = await reader.blocks(0, HOUR)
    expect(old.map(({ id }) => id)).toEqual([testId(0)])
    expect(counting.counts.gets).toBe(2)
    expect(await visible(bucket)).toHaveLength(1200)
    expect(await updateBucketIndex(bucket, { now })).toMatchObject({ written: false })
  })

  it('keeps parts that were replaced for an hour, for who still reads the index before', async () => {
    for (let n = 0; n < 1200; n++) await put(bucket, n)
    await updateBucketIndex(bucket, { now })
    const parts = async (): Promise<string[]> => {
      const keys: string[] = []
      for await (const page of bucket.list('thaw/bucket-index/part-')) {
        keys.push(...page.objects.map(({ key }) => key))
      }
      return keys
    }
    const before = await parts()
    await bucket.delete(`${testId(0)}/meta.json`)
    await updateBucketIndex(bucket, { now })
    expect((await parts()).length).toBe(before.length + 1)
    await updateBucketIndex(bucket, { now: () => NOW + 2 * HOUR })
    expect((await parts()).length).toBe(before.length)
    expect(await visible(bucket)).toHaveLength(1199)
  })

  it('is made anew when it is broken', async () => {
    const id = await put(bucket, 1)
    await bucket.put(BUCKET_INDEX_ROOT, Uint8Array.of(1, 2, 3))
    await expect(visible(bucket)).rejects.toMatchObject({ kind: 'corrupt' })
    expect(await updateBucketIndex(bucket, { now })).toMatchObject({ blocks: 1, written: true })
    expect(await visible(bucket)).toEqual([id])
  })

  it('loses nothing when two update it at once', async () => {
    await put(bucket, 1)
    await updateBucketIndex(bucket, { now })
    await put(bucket, 2)
    const both = await Promise.all([
      updateBucketIndex(bucket, { now }),
      updateBucketIndex(bucket, { now }),
    ])
    expect(both.map(({ blocks }) => blocks)).toEqual([2, 2])
    expect(await visible(bucket)).toEqual([testId(1), testId(2)])
  })

  it('is true in the end where a dozen blocks come at once, and others are always faster', async () => {
    let come = 1
    const overtaken: Bucket = {
      ...bucket,
      async get(key, options) {
        const found = await bucket.get(key, options)
        if (key === BUCKET_INDEX_ROOT && come < 12) await put(bucket, ++come)
        return found
      },
      async put(key, body, options) {
        if (key === BUCKET_INDEX_ROOT && come < 12) await updateBucketIndex(bucket, { now })
        return await bucket.put(key, body, options)
      },
    }
    await updateBucketIndex(bucket, { now })
    await put(bucket, 1)
    const times: number[] = []
    const update = await updateBucketIndex(overtaken, {
      now,
      overtaken: async (n) => void times.push(n),
    })
    expect(update).toMatchObject({ blocks: 12, written: true })
    expect(times).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    expect(await visible(bucket)).toHaveLength(12)
  })

  it('asks by etag only, and only after its age', async () => {
    await put(bucket, 1)
    await updateBucketIndex(bucket, { now })
    const counting = countingBucket(bucket)
    let time = NOW
    const reader = new BucketIndexReader(counting.bucket, { now: () => time, maxAgeMs: 5000 })
    await reader.blocks(0, Infinity)
    const { bytesRead } = counting.counts
    await reader.blocks(0, Infinity)
    expect(counting.counts.gets).toBe(1)
    time += 6000
    await reader.blocks(0, Infinity)
    expect(counting.counts).toMatchObject({ gets: 2, bytesRead })
  })
})
