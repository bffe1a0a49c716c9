import { beforeEach, describe, expect, it } from 'vitest'
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { scanBlocks } from '#lib/blocks/scan.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { formatLabels } from '#lib/model/labels.ts'
import type { Matcher } from '#lib/model/matcher.ts'
import type { SampleColumns } from '#lib/model/samples.ts'
import type { Scope } from '#lib/storage/scope.ts'
import type { SeriesSet, Storage } from '#lib/storage/storage.ts'
import { NO_HINTS } from '#lib/storage/storage.ts'
import { blockStorage } from '#lib/store/block-storage.ts'
import { lookupKey } from '#lib/store/lookup.ts'
import { StoreCache } from '#lib/store/store-cache.ts'
import { writeTombstones } from '#lib/tsdb/block/tombstones.ts'
import { every, labels, putBlock, testId } from './sample-block.ts'

const HOUR = 3600_000
const scope: Scope = {
  dedup: true,
  replicaLabels: [],
  deduplication: 'nearest',
  partialResponse: false,
  maxSourceResolutionMs: 0,
}
const eq = (name: string, value: string): Matcher => ({ type: '=', name, value })

async function open(bucket: Bucket, over: Partial<Scope> = {}): Promise<Storage> {
  const { blocks } = await scanBlocks(bucket, new Map())
  return openBlocks(bucket, blocks, over)
}

function openBlocks(
  bucket: Bucket,
  blocks: readonly BlockRecord[],
  over: Partial<Scope> = {},
): Storage {
  return blockStorage({
    bucket,
    cache: new StoreCache(1 << 24),
    blocks,
    scope: { ...scope, ...over },
  })
}

async function select(
  storage: Storage,
  matchers: Matcher[],
  startMs = 0,
  endMs = 100 * HOUR,
): Promise<SeriesSet> {
  return storage.select({ matchers, startMs, endMs, hints: NO_HINTS })
}

function pairs({ length, timestamps, values }: SampleColumns): [number, number][] {
  return Array.from({ length }, (_, i) => [timestamps[i]!, values[i]!])
}

const names = (set: SeriesSet): string[] => set.labels.map(formatLabels)
const series = (
  record: Record<string, string>,
  startMs: number,
  endMs: number,
  value: (t: number) => number = (t) => t,
) => ({
  labels: labels(record),
  samples: every(60_000, startMs, endMs, value),
})

describe('blockStorage', () => {
  let bucket: Bucket
  beforeEach(async () => {
    bucket = memoryBucket()
    for (const n of [0, 1]) {
      await putBlock(bucket, {
        id: testId(n),
        minTimeMs: n * 2 * HOUR,
        maxTimeMs: (n + 1) * 2 * HOUR,
        series: ['1', '2', '10'].flatMap((instance) => [
          series({ __name__: 'up', instance, job: 'node' }, n * 2 * HOUR, (n + 1) * 2 * HOUR),
          series({ __name__: 'load', instance, job: 'node' }, n * 2 * HOUR, (n + 1) * 2 * HOUR),
        ]),
      })
    }
  })

  it('joins a series over neighbouring blocks and cuts it to the closed interval', async () => {
    const set = await select(
      await open(bucket),
      [eq('__name__', 'up'), eq('instance', '2')],
      HOUR,
      3 * HOUR,
    )
    expect(names(set)).toEqual(['up{cluster="a", instance="2", job="node"}'])
    const expected = Array.from({ length: 121 }, (_, i) => [HOUR + i * 60_000, HOUR + i * 60_000])
    expect(pairs(set.samples(0))).toEqual(expected)
  })

  it('sorts series by their labels and gives samples in any order, again and again', async () => {
    const set = await select(
      await open(bucket),
      [{ type: '=~', name: '__name__', value: 'up|load' }],
      0,
      60_000,
    )
    expect(names(set)).toEqual([
      'load{cluster="a", instance="1", job="node"}',
      'load{cluster="a", instance="10", job="node"}',
      'load{cluster="a", instance="2", job="node"}',
      'up{cluster="a", instance="1", job="node"}',
      'up{cluster="a", instance="10", job="node"}',
      'up{cluster="a", instance="2", job="node"}',
    ])
    for (const index of [5, 0, 5])
      expect(pairs(set.samples(index))).toEqual([
        [0, 0],
        [60_000, 60_000],
      ])
  })

  it.each<[string, Matcher[], number]>([
    ['an absent label', [eq('__name__', 'up'), eq('zone', '')], 3],
    ['a negated value', [eq('__name__', 'up'), { type: '!=', name: 'instance', value: '2' }], 2],
    ['a negated regex', [eq('__name__', 'up'), { type: '!~', name: 'instance', value: '1.*' }], 1],
    ['a regex without a name', [{ type: '=~', name: 'instance', value: '1|2' }], 4],
    ['an external label', [eq('__name__', 'up'), eq('cluster', 'a')], 3],
    ['another external label', [eq('__name__', 'up'), eq('cluster', 'b')], 0],
    ['a value no series has', [eq('__name__', 'up'), eq('instance', '3')], 0],
    ['a metric no block has', [eq('__name__', 'nope')], 0],
  ])('selects by %s', async (_, matchers, count) => {
    expect(names(await select(await open(bucket), matchers))).toHaveLength(count)
  })

  it('makes and leaves a lookup where there is none, and reads again where it is broken', async () => {
    const storage = await open(bucket)
    await select(storage, [eq('__name__', 'up')])
    const good = (await bucket.get(lookupKey(testId(0)))).body
    await bucket.put(lookupKey(testId(0)), good.slice(0, good.length - 9))
    const set = await select(await open(bucket), [eq('__name__', 'up')])
    expect(names(set)).toHaveLength(3)
    expect((await bucket.get(lookupKey(testId(0)))).body).toEqual(good)
  })

  it('collapses a block beside its own copy', async () => {
    const before = await select(await open(bucket), [eq('__name__', 'up'), eq('instance', '1')])
    const expected = pairs(before.samples(0))
    await putBlock(bucket, {
      id: testId(7),
      minTimeMs: 0,
      maxTimeMs: 4 * HOUR,
      series: [series({ __name__: 'up', instance: '1', job: 'node' }, 0, 4 * HOUR)],
    })
    const set = await select(await open(bucket), [eq('__name__', 'up'), eq('instance', '1')])
    expect(pairs(set.samples(0))).toEqual(expected)
  })

  it('leaves out what tombstones delete', async () => {
    const id = testId(0)
    const ids = [...Array(200).keys()].map(
      (n) => [n, [{ minTimeMs: 60_000, maxTimeMs: 180_000 }]] as const,
    )
    await bucket.put(`${id}/tombstones`, writeTombstones(new Map(ids)))
    const set = await select(
      await open(bucket),
      [eq('__name__', 'up'), eq('instance', '1')],
      0,
      300_000,
    )
    expect(pairs(set.samples(0)).map(([t]) => t)).toEqual([0, 240_000, 300_000])
  })

  it('merges replicas into the gap-free series', async () => {
    const two = memoryBucket()
    for (const [n, replica, from] of [
      [0, 'r0', 0],
      [1, 'r1', HOUR],
    ] as const) {
      await putBlock(two, {
        id: testId(n),
        minTimeMs: 0,
        maxTimeMs: 2 * HOUR,
        externalLabels: { cluster: 'a', replica },
        series: [series({ __name__: 'up' }, from, from + HOUR)],
      })
    }
    const apart = await select(await open(two), [eq('__name__', 'up')])
    expect(names(apart)).toEqual(['up{cluster="a", replica="r0"}', 'up{cluster="a", replica="r1"}'])
    const merged = await select(await open(two, { replicaLabels: ['replica'] }), [
      eq('__name__', 'up'),
    ])
    expect(names(merged)).toEqual(['up{cluster="a"}'])
    expect(pairs(merged.samples(0))).toEqual(pairs(every(60_000, 0, 2 * HOUR, (t) => t)))
  })

  it('answers label names and values from the lookup, with matchers from the series', async () => {
    const storage = await open(bucket)
    const all = { matcherSets: [], startMs: 0, endMs: 10 * HOUR, limit: 0 }
    expect(await storage.labelNames(all)).toEqual({
      values: ['__name__', 'cluster', 'instance', 'job'],
      warnings: [],
    })
    expect((await storage.labelValues('instance', all)).values).toEqual(['1', '10', '2'])
    expect((await storage.labelValues('cluster', all)).values).toEqual(['a'])
    const some = {
      ...all,
      matcherSets: [[eq('__name__', 'up'), eq('instance', '2')], [eq('instance', '1')]],
    }
    expect((await storage.labelValues('__name__', some)).values).toEqual(['load', 'up'])
    expect((await storage.labelValues('__name__', { ...some, limit: 1 })).values).toEqual(['load'])
    expect(
      (await storage.labelNames({ ...all, startMs: 50 * HOUR, endMs: 60 * HOUR })).values,
    ).toEqual([])
  })

  describe('with a broken block', () => {
    const up = [eq('__name__', 'up'), eq('instance', '1')]

    async function spoil(
      file: string,
      change: (bytes: Uint8Array) => Uint8Array,
    ): Promise<BlockRecord[]> {
      const { blocks } = await scanBlocks(bucket, new Map())
      const key = `${testId(0)}/${file}`
      await bucket.put(key, change((await bucket.get(key)).body.slice()))
      return [...blocks]
    }

    it('names the object, the offset and the reason', async () => {
      const blocks = await spoil('chunks/000001', (bytes) => bytes.fill(0xff, 20, 22))
      await expect(select(openBlocks(bucket, blocks), [eq('__name__', 'load')])).rejects.toThrow(
        new RegExp(
          `^${testId(0)}/chunks/000001: crc [0-9a-f]{8} where [0-9a-f]{8} is recorded at byte \\d+$`,
        ),
      )
    })

    it('answers with the others and a warning when half an answer is wanted', async () => {
      const blocks = await spoil('chunks/000001', (bytes) => bytes.slice(0, 100))
      const set = await select(openBlocks(bucket, blocks, { partialResponse: true }), up)
      expect(set.warnings).toEqual([
        expect.stringContaining(`block ${testId(0)} is left out: ${testId(0)}/chunks/000001`),
      ])
      expect(pairs(set.samples(0))).toHaveLength(120)
    })

    it('does not give a wrong answer for any byte of the index that is cut off', async () => {
      const { blocks } = await scanBlocks(bucket, new Map())
      const key = `${testId(0)}/index`
      const whole = (await bucket.get(key)).body.slice()
      const expected = pairs((await select(openBlocks(bucket, blocks), up)).samples(0))
      await bucket.delete(lookupKey(testId(0)))
      for (let size = 0; size < whole.length; size += 7) {
        await bucket.put(key, whole.subarray(0, size))
        const read = select(openBlocks(bucket, blocks), up).then((set) => pairs(set.samples(0)))
        const answer = await read.catch(({ kind }: { kind?: string }) => kind)
        expect([expected, 'corrupt']).toContainEqual(answer)
      }
    })

    it('says which object is missing', async () => {
      const { blocks } = await scanBlocks(bucket, new Map())
      await bucket.delete(`${testId(1)}/chunks/000001`)
      await expect(select(openBlocks(bucket, blocks), up)).rejects.toThrow(
        `no object ${testId(1)}/chunks/000001`,
      )
    })
  })
})
