import { describe, expect, it } from 'vitest'
import { BucketIndexReader, updateBucketIndex } from '#lib/blocks/bucket-index.ts'
import { FreshPacks } from '#lib/blocks/fresh-packs.ts'
import { blocksFromList, blocksToList } from '#lib/blocks/pack-record.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { countingBucket } from '#lib/bucket/counting-bucket.ts'
import { faultyBucket, unavailableError } from '#lib/bucket/faulty-bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { freshKey } from '#lib/fresh/fresh-key.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import { columns, labels, putBlock, testId } from '#test/store/sample-block.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const NOW = 20_000 * DAY

interface Pack {
  readonly minTimeMs: number
  readonly maxTimeMs: number
  readonly from?: number
  readonly to?: number
  readonly cluster?: string
}

async function put(bucket: Bucket, pack: Pack): Promise<string> {
  const { minTimeMs, maxTimeMs, from = 0, to = from + 1, cluster = 'a' } = pack
  const place = { epoch: 'e', from, to, minTimeMs, maxTimeMs, directoryBytes: 7 }
  const key = freshKey({ labels: labelsFrom({ cluster, replica: 'ä/0' }), ...place })
  await bucket.put(key, new Uint8Array(100))
  return key
}

async function keys(
  packs: FreshPacks,
  startMs: number,
  endMs: number,
  fresh = false,
): Promise<string[]> {
  const found = await packs.packs(startMs, endMs, { fresh })
  return found.map(({ id }) => id).sort()
}

describe('FreshPacks', () => {
  it('gives those with samples in the closed interval, and none that another contains', async () => {
    const bucket = memoryBucket({ pageSize: 2 })
    const at = (minute: number) => NOW - HOUR + minute * MINUTE
    const [a, b, c] = [
      await put(bucket, { from: 0, minTimeMs: at(0), maxTimeMs: at(1) }),
      await put(bucket, { from: 1, minTimeMs: at(1), maxTimeMs: at(2) }),
      await put(bucket, { from: 2, minTimeMs: at(2) + 1, maxTimeMs: at(3) }),
    ]
    const packs = new FreshPacks(bucket, () => NOW)
    expect(await keys(packs, at(1), at(2))).toEqual([a, b])
    expect(await keys(packs, at(0) - 1, at(0))).toEqual([a])
    expect(await keys(packs, at(0) - 2, at(0) - 1)).toEqual([])
    expect(await keys(packs, at(3), at(9))).toEqual([c])
    const merged = await put(bucket, { from: 0, to: 2, minTimeMs: at(0), maxTimeMs: at(2) })
    expect(await keys(packs, at(0), at(9), true)).toEqual([merged, c].sort())
  })

  it('lists once for all who ask within a second, and anew where what it has begins too late', async () => {
    const { bucket, counts } = countingBucket(memoryBucket())
    let nowMs = NOW
    const packs = new FreshPacks(bucket, () => nowMs)
    await Promise.all([packs.packs(NOW - HOUR, NOW), packs.packs(NOW - HOUR, NOW)])
    nowMs += 999
    await packs.packs(NOW - HOUR / 2, NOW)
    expect(counts.lists).toBe(1)
    await packs.packs(NOW - 2 * HOUR, NOW)
    expect(counts.lists).toBe(2)
    nowMs += 1000
    await packs.packs(NOW - HOUR, NOW)
    expect(counts.lists).toBe(3)
    await packs.packs(NOW - HOUR, NOW, { fresh: true })
    expect(counts.lists).toBe(4)
  })

  it('asks less often for times long ago, and never for those of last month', async () => {
    const { bucket, counts } = countingBucket(memoryBucket())
    let nowMs = NOW
    const packs = new FreshPacks(bucket, () => nowMs)
    const yesterday = () => packs.packs(NOW - 2 * DAY, NOW - DAY)
    await yesterday()
    nowMs += MINUTE
    await yesterday()
    expect(counts.lists).toBe(1)
    nowMs += MINUTE
    await yesterday()
    expect(counts.lists).toBe(2)
    await packs.packs(-Infinity, NOW - 31 * DAY)
    expect(counts.lists).toBe(2)
  })

  it('lists from the hour that is asked for on', async () => {
    const memory = memoryBucket()
    const old = await put(memory, { minTimeMs: NOW - 3 * HOUR, maxTimeMs: NOW - 2 * HOUR - 1 })
    const within = await put(memory, {
      from: 1,
      minTimeMs: NOW - 2 * HOUR,
      maxTimeMs: NOW - HOUR - 1,
    })
    const listed: string[] = []
    const bucket: Bucket = {
      ...memory,
      async *list(prefix, options) {
        for await (const page of memory.list(prefix, options)) {
          listed.push(...page.objects.map(({ key }) => key))
          yield page
        }
      },
    }
    const packs = new FreshPacks(bucket, () => NOW)
    expect(await keys(packs, NOW - HOUR - 1, NOW)).toEqual([within])
    expect(listed).toEqual([within])
    expect(await keys(packs, -Infinity, Infinity)).toEqual([old, within].sort())
  })

  it('forgets a listing that failed, and lets who gave up go while others wait', async () => {
    const { bucket } = faultyBucket(memoryBucket(), {
      on: ['list'],
      times: 1,
      fault: { type: 'fail', error: unavailableError() },
    })
    const packs = new FreshPacks(bucket, () => NOW)
    await expect(packs.packs(NOW - HOUR, NOW)).rejects.toThrow('unavailable')
    const gone = packs.packs(NOW - HOUR, NOW, { signal: AbortSignal.abort() })
    const waiting = packs.packs(NOW - HOUR, NOW)
    await expect(gone).rejects.toThrow('canceled')
    expect(await waiting).toEqual([])
  })
})

describe('BucketIndexReader', () => {
  it('gives packs and blocks by their time, and shows packs to nobody who asks for the index', async () => {
    const bucket = memoryBucket()
    const block = (n: number, minTimeMs: number) =>
      putBlock(bucket, {
        id: testId(n),
        minTimeMs,
        maxTimeMs: minTimeMs + HOUR,
        series: [{ labels: labels({ __name__: 'up' }), samples: columns([[minTimeMs, 1]]) }],
      })
    await block(1, NOW - 3 * HOUR)
    await block(2, NOW - HOUR)
    const pack = await put(bucket, { minTimeMs: NOW - 2 * HOUR, maxTimeMs: NOW })
    const now = (): number => NOW
    await updateBucketIndex(bucket, { now })
    const reader = new BucketIndexReader(bucket, { now, maxAgeMs: 0 })
    const ids = (blocks: readonly { id: string }[]): string[] => blocks.map(({ id }) => id)
    expect(ids(await reader.blocks(0, NOW))).toEqual([testId(1), pack, testId(2)])
    expect(ids((await reader.view(0, NOW)).blocks)).toEqual([testId(1), testId(2)])
  })
})

describe('blocksToList', () => {
  it('names packs in few bytes, and forgets nothing that reading needs', async () => {
    const bucket = memoryBucket()
    for (let minute = 0; minute < 46; minute++) {
      for (const cluster of ['a', 'b']) {
        const minTimeMs = NOW - HOUR + minute * MINUTE
        await put(bucket, { from: minute, minTimeMs, maxTimeMs: minTimeMs + MINUTE, cluster })
      }
    }
    const id = testId(1)
    await putBlock(bucket, { id, minTimeMs: NOW - 3 * HOUR, maxTimeMs: NOW - 2 * HOUR, series: [] })
    const now = (): number => NOW
    const blocks = await new BucketIndexReader(bucket, { now, maxAgeMs: 0 }).blocks(0, NOW)
    expect(blocks).toHaveLength(93)
    const json = JSON.stringify(blocksToList(blocks))
    const again = blocksFromList(JSON.parse(json) as ReturnType<typeof blocksToList>)
    expect(again).toEqual(blocks.map((block) => ({ ...block, sources: [] })))
    expect(JSON.stringify(blocksToList(blocks.slice(1))).length / 92).toBeLessThan(60)
  })
})
