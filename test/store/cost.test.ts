// What a query costs in requests, bytes and dependent round trips. These numbers are the product; a change shows here.
import { beforeAll, describe, expect, it } from 'vitest'
import { BucketIndexReader, updateBucketIndex } from '#lib/blocks/bucket-index.ts'
import { type Bucket, OBJECT_STORE_READ_GAP } from '#lib/bucket/bucket.ts'
import { countingBucket } from '#lib/bucket/counting-bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { freshKey } from '#lib/fresh/fresh-key.ts'
import { writePack } from '#lib/fresh/pack-writer.ts'
import { compareLabels } from '#lib/model/labels.ts'
import type { Matcher } from '#lib/model/matcher.ts'
import type { Scope } from '#lib/storage/scope.ts'
import { NO_HINTS } from '#lib/storage/storage.ts'
import { blockStorage } from '#lib/store/block-storage.ts'
import { readLookupParts } from '#lib/store/load-lookup.ts'
import { encodeLookup, lookupKey } from '#lib/store/lookup.ts'
import { StoreCache } from '#lib/store/store-cache.ts'
import { encodeChunks } from '#lib/tsdb/chunk/encode.ts'
import { every, labels, putBlock, testId } from './sample-block.ts'

const HOUR = 3600_000
const DAY = 24 * HOUR
const METRICS = 40
const INSTANCES = 25
const scope: Scope = {
  dedup: true,
  replicaLabels: [],
  deduplication: 'nearest',
  partialResponse: false,
  maxSourceResolutionMs: 0,
}
const metric: Matcher[] = [{ type: '=', name: '__name__', value: 'metric_7' }]

/** Series at 15 s, 25 of each metric, of which one is asked for. */
async function put2hBlock(bucket: Bucket, n: number, metrics = METRICS): Promise<void> {
  await putBlock(bucket, {
    id: testId(n),
    minTimeMs: n * 2 * HOUR,
    maxTimeMs: (n + 1) * 2 * HOUR,
    series: Array.from({ length: metrics * INSTANCES }, (_, i) => ({
      labels: labels({
        __name__: `metric_${i % metrics}`,
        instance: `host-${Math.floor(i / metrics)}:9100`,
        job: 'node',
      }),
      samples: every(15_000, n * 2 * HOUR, (n + 1) * 2 * HOUR, (t) => t / 15_000 + i),
    })),
  })
}

interface Cost {
  readonly gets: number
  readonly puts: number
  readonly lists: number
  readonly roundTrips: number
  readonly bytes: number
}

/**
 * A query by one function instance: reads the bucket index, then selects. Cold; by an instance that knows the series but has
 * none of the chunks; and again by that one.
 */
async function costs(
  bucket: Bucket,
  startMs: number,
  endMs: number,
): Promise<{ cold: Cost; warm: Cost; again: Cost }> {
  const instance = await instanceOf(bucket)
  const cold = await instance.query(startMs, endMs)
  const other = await instanceOf(bucket)
  await other.query(startMs, endMs, true)
  return {
    cold,
    warm: await other.query(startMs, endMs),
    again: await other.query(startMs, endMs),
  }
}

interface Instance {
  readonly query: (startMs: number, endMs: number, labelsOnly?: boolean) => Promise<Cost>
}

async function instanceOf(
  bucket: Bucket,
  cacheBytes = 1 << 26,
  now = (): number => 0,
): Promise<Instance> {
  const counting = countingBucket(bucket, { lockstep: true })
  const cache = new StoreCache(cacheBytes)
  const index = new BucketIndexReader(counting.bucket, { now, maxAgeMs: 1000 })
  return {
    async query(startMs, endMs, labelsOnly = false) {
      counting.reset()
      const blocks = await index.blocks(startMs, endMs)
      const storage = blockStorage({ bucket: counting.bucket, cache, blocks, scope })
      const hints = { ...NO_HINTS, labelsOnly }
      const set = await storage.select({ matchers: metric, startMs, endMs, hints })
      expect(set.labels).toHaveLength(INSTANCES)
      for (let i = 0; i < (labelsOnly ? 0 : INSTANCES); i++) {
        const { length, timestamps } = set.samples(i)
        const ends = [timestamps[0]! - startMs, endMs - timestamps[length - 1]!]
        expect(ends.every((distance) => distance >= 0 && distance <= 15_000)).toBe(true)
      }
      const { gets, puts, lists, roundTrips, bytesRead } = counting.counts
      return { gets, puts, lists, roundTrips, bytes: bytesRead }
    },
  }
}

describe('a query for one metric over one block of two hours', () => {
  let bucket: Bucket
  beforeAll(async () => {
    bucket = memoryBucket({ readGap: OBJECT_STORE_READ_GAP })
    await put2hBlock(bucket, 0)
    await updateBucketIndex(bucket, { now: () => 0 })
    await bucket.put(
      lookupKey(testId(0)),
      encodeLookup(await readLookupParts(bucket, `${testId(0)}/index`)),
    )
  })

  it('cold takes the bucket index, the lookup, the series and the chunks; warm the chunks', async () => {
    expect(await costs(bucket, 0, 2 * HOUR - 1)).toMatchInlineSnapshot(`
      {
        "again": {
          "bytes": 0,
          "gets": 0,
          "lists": 0,
          "puts": 0,
          "roundTrips": 0,
        },
        "cold": {
          "bytes": 19701,
          "gets": 4,
          "lists": 1,
          "puts": 0,
          "roundTrips": 4,
        },
        "warm": {
          "bytes": 17468,
          "gets": 1,
          "lists": 0,
          "puts": 0,
          "roundTrips": 1,
        },
      }
    `)
  })

  it('reads 1.3 times the bytes of its chunks at most, once lookup and series are known', async () => {
    const { warm } = await costs(bucket, 0, 2 * HOUR - 1)
    // 480 samples a series are four chunks; their sizes are in the segment file.
    const segment = (await bucket.head(`${testId(0)}/chunks/000001`)).size
    expect(warm.bytes / (segment / METRICS)).toBeLessThanOrEqual(1.3)
  })

  it('reads only the chunks that it has not read before', async () => {
    const { query } = await instanceOf(bucket)
    await query(0, HOUR - 1)
    const more = await query(0, 2 * HOUR - 1)
    // Two of four chunks of each series: what lies between them is cheaper read than left out.
    const { warm } = await costs(bucket, 0, 2 * HOUR - 1)
    expect([more.gets, more.bytes < warm.bytes]).toEqual([1, true])
    expect(await query(HOUR, 2 * HOUR - 1)).toMatchObject({ gets: 0, bytes: 0 })
  })

  it('does not keep chunks that are more than their share of memory', async () => {
    const { query } = await instanceOf(bucket, 128 * 1024)
    await query(0, 2 * HOUR - 1)
    const { gets, bytes } = await query(0, 2 * HOUR - 1)
    expect(gets).toBeGreaterThan(0)
    expect(bytes).toBeGreaterThanOrEqual((await costs(bucket, 0, 2 * HOUR - 1)).warm.bytes)
  })

  it('over a local disk reads what is wanted and little between', async () => {
    const near = memoryBucket({ readGap: 64 })
    await put2hBlock(near, 0)
    await updateBucketIndex(near, { now: () => 0 })
    const [disk, network] = [await instanceOf(near), await instanceOf(bucket)]
    for (const instance of [disk, network]) await instance.query(0, HOUR / 2, true)
    const [small, large] = [await disk.query(0, HOUR / 4), await network.query(0, HOUR / 4)]
    // A chunk of each series, and three that nobody wants between two of them.
    expect([small.gets, large.gets]).toEqual([INSTANCES, 1])
    expect(large.bytes / small.bytes).toBeGreaterThan(3)
  })

  it('without a lookup reads the head of the index first and leaves a lookup', async () => {
    await bucket.delete(lookupKey(testId(0)))
    expect((await costs(bucket, 0, 2 * HOUR - 1)).cold).toMatchInlineSnapshot(`
      {
        "bytes": 25827,
        "gets": 9,
        "lists": 1,
        "puts": 1,
        "roundTrips": 8,
      }
    `)
  })
})

describe('a query for one metric over 15 days of two-hour blocks', () => {
  it('takes three requests a block cold and one warm, 64 blocks side by side', async () => {
    const bucket = memoryBucket({ readGap: OBJECT_STORE_READ_GAP })
    for (let n = 0; n < 180; n++) await put2hBlock(bucket, n, 8)
    await updateBucketIndex(bucket, { now: () => 0 })
    for (let n = 0; n < 180; n++) {
      await bucket.put(
        lookupKey(testId(n)),
        encodeLookup(await readLookupParts(bucket, `${testId(n)}/index`)),
      )
    }
    expect(await costs(bucket, 0, 15 * DAY - 1)).toMatchInlineSnapshot(`
      {
        "again": {
          "bytes": 0,
          "gets": 0,
          "lists": 0,
          "puts": 0,
          "roundTrips": 0,
        },
        "cold": {
          "bytes": 3657805,
          "gets": 541,
          "lists": 1,
          "puts": 0,
          "roundTrips": 10,
        },
        "warm": {
          "bytes": 3340571,
          "gets": 180,
          "lists": 0,
          "puts": 0,
          "roundTrips": 3,
        },
      }
    `)
  }, 120_000)
})

describe('a query for one metric over fresh blocks', () => {
  const SERIES = 12_000
  const INTERVAL = 30_000
  const MERGED = 10 * INTERVAL

  /** Series at 15 s, 480 metrics; one pack of [startMs, endMs). */
  async function putPack(bucket: Bucket, startMs: number, endMs: number): Promise<number> {
    const all = Array.from({ length: SERIES }, (_, i) => ({
      labels: labels({
        __name__: `metric_${i % (SERIES / INSTANCES)}`,
        instance: `host-${Math.floor(i / (SERIES / INSTANCES))}:9100`,
        job: 'node',
      }),
      chunks: encodeChunks(every(15_000, startMs, endMs, (t) => t / 15_000 + i)),
    }))
    const series = all.sort((a, b) => compareLabels(a.labels, b.labels))
    const { bytes, directoryBytes, minTimeMs, maxTimeMs } = writePack({ series })
    const times = { minTimeMs, maxTimeMs, directoryBytes }
    const place = { epoch: 'e', from: startMs / INTERVAL, to: endMs / INTERVAL }
    const key = freshKey({ labels: labels({ cluster: 'a' }), ...place, ...times })
    await bucket.put(key, bytes)
    return bytes.length
  }

  it('takes a list and the pack, whole where it is small', async () => {
    const bucket = memoryBucket({ readGap: OBJECT_STORE_READ_GAP })
    const size = await putPack(bucket, 0, INTERVAL)
    await updateBucketIndex(bucket, { now: () => 0 })
    const { cold, again } = await costs(bucket, 0, INTERVAL - 1)
    expect(cold).toMatchObject({ gets: 2, lists: 1, roundTrips: 2 })
    expect(cold.bytes - size).toBeLessThan(200) // the index
    expect(again).toEqual({ gets: 0, puts: 0, lists: 0, roundTrips: 0, bytes: 0 })
  })

  it('takes the directory and a page of a pack where reading over a gap costs more', async () => {
    const bucket = memoryBucket({ readGap: 4096 })
    const size = await putPack(bucket, 0, INTERVAL)
    await updateBucketIndex(bucket, { now: () => 0 })
    const { cold } = await costs(bucket, 0, INTERVAL - 1)
    expect(cold).toMatchObject({ gets: 3, lists: 1, roundTrips: 3 })
    expect(size / cold.bytes).toBeGreaterThan(4)
  })

  it('takes all packs of an hour side by side, the next minute only those that came', async () => {
    const bucket = memoryBucket({ readGap: OBJECT_STORE_READ_GAP })
    for (let i = 0; i < 12; i++) await putPack(bucket, i * MERGED, (i + 1) * MERGED)
    for (let i = 0; i < 10; i++)
      await putPack(bucket, HOUR + i * INTERVAL, HOUR + (i + 1) * INTERVAL)
    await updateBucketIndex(bucket, { now: () => 0 })
    let nowMs = HOUR + MERGED
    const instance = await instanceOf(bucket, 1 << 26, () => nowMs)
    const end = (): number => nowMs - 1
    const cold = await instance.query(end() - HOUR, end())
    await putPack(bucket, nowMs, nowMs + INTERVAL)
    await putPack(bucket, nowMs + INTERVAL, nowMs + 2 * INTERVAL)
    nowMs += 2 * INTERVAL
    const minuteLater = await instance.query(end() - HOUR, end())
    expect({ cold, minuteLater }).toMatchInlineSnapshot(`
      {
        "cold": {
          "bytes": 1660815,
          "gets": 22,
          "lists": 1,
          "puts": 0,
          "roundTrips": 2,
        },
        "minuteLater": {
          "bytes": 85178,
          "gets": 3,
          "lists": 1,
          "puts": 0,
          "roundTrips": 2,
        },
      }
    `)
  })

  it('lists nothing for times of last year', async () => {
    const bucket = memoryBucket({ readGap: OBJECT_STORE_READ_GAP })
    await put2hBlock(bucket, 0)
    await updateBucketIndex(bucket, { now: () => 0 })
    const instance = await instanceOf(bucket, 1 << 26, () => 365 * DAY)
    expect(await instance.query(0, 2 * HOUR - 1)).toMatchObject({ lists: 0 })
  })
})
