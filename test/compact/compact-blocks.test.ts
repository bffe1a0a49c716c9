import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { scanBlocks } from '#lib/blocks/scan.ts'
import { supersededBlocks } from '#lib/blocks/visible-blocks.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { compactBlocks } from '#lib/compact/compact-blocks.ts'
import type { Dedup } from '#lib/compact/jobs/job.ts'
import { ConflictError, DomainError } from '#lib/model/errors.ts'
import { NO_HINTS } from '#lib/storage/storage.ts'
import { DEFAULT_SCOPE } from '#lib/api/parts.ts'
import { readLookupParts } from '#lib/store/load-lookup.ts'
import { encodeLookup, lookupKey } from '#lib/store/lookup.ts'
import type { BlockMeta } from '#lib/tsdb/block/meta.ts'
import { blockStorage } from '#lib/store/block-storage.ts'
import { StoreCache } from '#lib/store/store-cache.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { writeTombstones } from '#lib/tsdb/block/tombstones.ts'
import { columns, labels, putBlock, type TestSeries, testId } from '#test/store/sample-block.ts'

const HOUR_MS = 3_600_000

/** Everything in the blocks of a bucket, as queries see it. */
async function contents(
  bucket: Bucket,
  ids: readonly string[],
): Promise<Map<string, [number, number][]>> {
  const { blocks } = await scanBlocks(bucket, new Map())
  const chosen = blocks.filter(({ id }) => ids.includes(id))
  const scope = { ...DEFAULT_SCOPE, partialResponse: false, maxSourceResolutionMs: 0 }
  const storage = blockStorage({ bucket, cache: new StoreCache(1 << 24), blocks: chosen, scope })
  const matchers = [{ name: '__name__', type: '=~', value: '.+' }] as const
  const set = await storage.select({ matchers, startMs: 0, endMs: 1e15, hints: NO_HINTS })
  const found = new Map<string, [number, number][]>()
  for (const [i, series] of set.labels.entries()) {
    const { length, timestamps, values } = set.samples(i)
    const points = Array.from({ length }, (_, at): [number, number] => [
      timestamps[at]!,
      values[at]!,
    ])
    if (length > 0) found.set(series.join(' '), points)
  }
  return found
}

async function compacted(
  bucket: Bucket,
  ids: readonly string[],
  pieceBytes = 4096,
): Promise<string> {
  const { blocks } = await scanBlocks(bucket, new Map())
  const ulid = testId(900)
  await compactBlocks({
    bucket,
    blocks: blocks.filter(({ id }) => ids.includes(id)),
    ulid,
    now: () => 0,
    pieceBytes,
  })
  return ulid
}

function hour(n: number, count: number, metrics: readonly string[]): TestSeries[] {
  return metrics.map((name) => ({
    labels: labels({ __name__: name, instance: `host-${name.length % 3}` }),
    samples: columns(
      Array.from({ length: count }, (_, i) => [
        n * HOUR_MS + i * 15_000,
        Math.sin(i + name.length) * 1000 + n,
      ]),
    ),
  }))
}

const METRICS = Array.from({ length: 150 }, (_, i) => `metric_${i}`)

describe('compactBlocks', () => {
  it('makes one block with the samples of all', async () => {
    const bucket = memoryBucket()
    const ids = [1, 2, 3].map(testId)
    for (const [i, id] of ids.entries()) {
      const series = hour(i, 240, METRICS.slice(i * 10, 120 + i * 10))
      await putBlock(bucket, { id, minTimeMs: i * HOUR_MS, maxTimeMs: (i + 1) * HOUR_MS, series })
    }
    const before = await contents(bucket, ids)
    const ulid = await compacted(bucket, ids)
    expect(await contents(bucket, [ulid])).toEqual(before)
    const { blocks } = await scanBlocks(bucket, new Map())
    expect(blocks.find(({ id }) => id === ulid)).toMatchObject({
      minTimeMs: 0,
      maxTimeMs: 3 * HOUR_MS,
      level: 2,
      sources: ids,
      source: 'compactor',
      seriesCount: 140,
      sampleCount: 3 * 120 * 240,
      chunkCount: 3 * 120 * 2,
    })
  })

  it('reads each byte of chunks and series once, whatever the piece', async () => {
    const bucket = memoryBucket()
    const ids = [testId(1)]
    await putBlock(bucket, {
      id: ids[0]!,
      minTimeMs: 0,
      maxTimeMs: HOUR_MS,
      series: hour(0, 240, METRICS),
    })
    const before = await contents(bucket, ids)
    for (const pieceBytes of [64, 1000, 65_536]) {
      const read: [string, number, number][] = []
      const counting: Bucket = {
        ...bucket,
        getRange(key, start, end, options) {
          if (key.includes('chunks')) read.push([key, start, end])
          return bucket.getRange(key, start, end, options)
        },
      }
      const ulid = await compacted(counting, ids, pieceBytes)
      expect(await contents(bucket, [ulid])).toEqual(before)
      const size = (await bucket.head(`${ids[0]!}/chunks/000001`)).size
      expect(read.reduce((sum, [, start, end]) => sum + end - start, 0)).toBeLessThanOrEqual(size)
    }
  })

  it('merges what overlaps, sample by sample, and leaves out what was deleted', async () => {
    const point = fc.tuple(fc.nat({ max: 400 }), fc.integer({ min: -5, max: 5 }))
    const series = fc.dictionary(
      fc.constantFrom('a', 'b', 'c'),
      fc.array(point, { maxLength: 150 }),
    )
    const deletion = fc.option(fc.tuple(fc.nat({ max: 400 }), fc.nat({ max: 100 })))
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(series, deletion), { minLength: 1, maxLength: 4 }),
        async (input) => {
          const bucket = memoryBucket()
          const ids = input.map((_, i) => testId(i + 1))
          for (const [i, [byName, deleted]] of input.entries()) {
            await putBlock(bucket, {
              id: ids[i]!,
              minTimeMs: 0,
              maxTimeMs: 401,
              series: Object.entries(byName).map(([name, points]) => ({
                labels: labels({ __name__: name }),
                samples: columns([...new Map(points)].sort(([a], [b]) => a - b)),
              })),
            })
            if (!deleted) continue
            // The first series of an index begins at the first multiple of 16 behind its symbols.
            const { blocks } = await scanBlocks(bucket, new Map())
            const first = await firstSeriesId(bucket, blocks.find(({ id }) => id === ids[i])!.id)
            const interval = { minTimeMs: deleted[0], maxTimeMs: deleted[0] + deleted[1] }
            await bucket.put(
              `${ids[i]!}/tombstones`,
              writeTombstones(new Map([[first, [interval]]])),
            )
          }
          const before = await contents(bucket, ids)
          const ulid = await compacted(bucket, ids)
          expect(await contents(bucket, [ulid])).toEqual(before)
        },
      ),
      {
        numRuns: 60,
        // Once, which of two samples of one time counted hung on what lay before them in their chunks.
        examples: [
          [
            [
              [
                {
                  a: [
                    [330, 1],
                    [0, 0],
                  ],
                },
                null,
              ],
              [{ a: [[330, 0]] }, null],
              [{ a: [[0, 0]] }, null],
              [{}, null],
            ],
          ],
        ],
      },
    )
  })

  it('asks whether it still may before there is a block', async () => {
    const bucket = memoryBucket()
    const series = hour(0, 10, METRICS.slice(0, 3))
    await putBlock(bucket, { id: testId(1), minTimeMs: 0, maxTimeMs: HOUR_MS, series })
    const { blocks } = await scanBlocks(bucket, new Map())
    const ulid = testId(900)
    const there: string[] = []
    const lost = new ConflictError('thaw/lease/x', 'another has it')
    const confirm = async (): Promise<void> => {
      for await (const { objects } of bucket.list(ulid))
        there.push(...objects.map(({ key }) => key))
      throw lost
    }
    await expect(compactBlocks({ bucket, blocks, ulid, now: () => 0, confirm })).rejects.toBe(lost)
    expect(there).toEqual([`${ulid}/chunks/000001`, `${ulid}/index`])
    expect((await scanBlocks(bucket, new Map())).blocks).toEqual(blocks)
  })

  it('makes blocks of ranges of series that together have all', async () => {
    const bucket = memoryBucket()
    const ids = [1, 2].map(testId)
    for (const [i, id] of ids.entries()) {
      const series = hour(i, 20, METRICS.slice(i * 10, 120 + i * 10))
      await putBlock(bucket, { id, minTimeMs: i * HOUR_MS, maxTimeMs: (i + 1) * HOUR_MS, series })
    }
    const { blocks } = await scanBlocks(bucket, new Map())
    const borders = [labels({ __name__: 'metric_2' }), labels({ __name__: 'metric_70' })]
    const parts: string[] = []
    for (let i = 0; i <= borders.length; i++) {
      const range = { from: borders[i - 1], until: borders[i] }
      const ulid = testId(900 + i)
      await compactBlocks({ bucket, blocks, ulid, now: () => 0, range })
      parts.push(ulid)
    }
    const found = await Promise.all(parts.map((ulid) => contents(bucket, [ulid])))
    expect(found.every(({ size }) => size > 0)).toBe(true)
    expect(found.flatMap((one) => [...one])).toEqual([...(await contents(bucket, ids))])
  })

  it('makes one block of replicas, without their labels', async () => {
    const bucket = memoryBucket()
    for (const replica of ['0', '1']) {
      await putBlock(bucket, {
        id: testId(Number(replica) + 1),
        minTimeMs: 0,
        maxTimeMs: HOUR_MS,
        externalLabels: { cluster: 'a', replica },
        series: hour(0, 20, METRICS.slice(0, 3)),
      })
    }
    const { blocks } = await scanBlocks(bucket, new Map())
    const ulid = testId(900)
    const compact = (dedup?: Dedup): Promise<BlockMeta | undefined> =>
      compactBlocks({ bucket, blocks, ulid, now: () => 0, dedup })
    await expect(compact()).rejects.toMatchObject({ kind: 'invalid' })
    await expect(compact({ func: '', replicaLabels: ['cluster'] })).rejects.toMatchObject({
      kind: 'invalid',
    })
    const made = await compact({ func: '', replicaLabels: ['replica', 'none'] })
    expect(made!.thanos!.labels).toEqual({ cluster: 'a' })
    expect(made!.stats).toMatchObject({ numSamples: 60, numSeries: 3, numChunks: 3 })
    expect([...(await contents(bucket, [ulid])).keys()].length).toBe(3)
  })

  it('leaves the lookup that would be made of its index', async () => {
    const bucket = memoryBucket()
    const series = hour(0, 20, METRICS)
    await putBlock(bucket, { id: testId(1), minTimeMs: 0, maxTimeMs: HOUR_MS, series })
    const ulid = await compacted(bucket, [testId(1)])
    const { body } = await bucket.get(lookupKey(ulid))
    expect(body).toEqual(encodeLookup(await readLookupParts(bucket, `${ulid}/index`)))
  })

  it('makes the block too where the bucket takes no lookup', async () => {
    const bucket = memoryBucket()
    const series = hour(0, 20, METRICS.slice(0, 2))
    await putBlock(bucket, { id: testId(1), minTimeMs: 0, maxTimeMs: HOUR_MS, series })
    const refusing: Bucket = {
      ...bucket,
      put: (key, body, options) =>
        key.startsWith('thaw/')
          ? Promise.reject(new DomainError('unauthorized', 'no'))
          : bucket.put(key, body, options),
    }
    const ulid = await compacted(refusing, [testId(1)])
    expect((await contents(bucket, [ulid])).size).toBe(2)
  })

  it('replaces a block that it writes again: it has a source more', async () => {
    const bucket = memoryBucket()
    const id = testId(1)
    await putBlock(bucket, { id, minTimeMs: 0, maxTimeMs: HOUR_MS, series: hour(0, 4, METRICS) })
    const ulid = await compacted(bucket, [id])
    const { blocks } = await scanBlocks(bucket, new Map())
    expect(blocks.find((block) => block.id === ulid)?.sources).toEqual([id, ulid])
    expect(supersededBlocks(blocks)).toEqual(new Map([[id, ulid]]))
  })

  it('gives no block where there are no samples', async () => {
    const bucket = memoryBucket()
    await putBlock(bucket, { id: testId(1), minTimeMs: 0, maxTimeMs: 1, series: [] })
    const ulid = await compacted(bucket, [testId(1)])
    const keys: string[] = []
    for await (const { objects } of bucket.list(ulid)) keys.push(...objects.map(({ key }) => key))
    expect(keys).toEqual([])
  })

  it('fails once where one block ends too early and another is broken in what was read of it', async () => {
    const series = hour(0, 3, METRICS.slice(0, 20))
    for (let at = 100; at < 500; at += 9) {
      const bucket = memoryBucket()
      for (const id of [testId(1), testId(2)]) {
        await putBlock(bucket, { id, minTimeMs: 0, maxTimeMs: HOUR_MS, series })
        const key = `${id}/chunks/000001`
        const body = Uint8Array.from((await bucket.get(key)).body)
        body[at]! ^= 1
        await bucket.put(key, id === testId(1) ? body.subarray(0, at) : body)
      }
      // The end is found when it is read for, the wrong byte at once.
      const slow: Bucket = {
        ...bucket,
        async getRange(key, start, end, options) {
          await new Promise((resolve) => setTimeout(resolve, 1))
          return bucket.getRange(key, start, end, options)
        },
      }
      for (const pieceBytes of [100, 250]) {
        const compacting = compacted(slow, [testId(1), testId(2)], pieceBytes)
        await expect(compacting).rejects.toMatchObject({ kind: 'corrupt' })
      }
    }
  })

  it.each(['index', 'chunks/000001'])(
    'names %s where it is broken, and leaves no block',
    async (file) => {
      const bucket = memoryBucket()
      const id = testId(1)
      await putBlock(bucket, {
        id,
        minTimeMs: 0,
        maxTimeMs: HOUR_MS,
        series: hour(0, 240, METRICS),
      })
      const { body } = await bucket.get(`${id}/${file}`)
      const broken = Uint8Array.from(body)
      broken[Math.floor(body.length / 3)]! ^= 0x40
      await bucket.put(`${id}/${file}`, broken)
      await expect(compacted(bucket, [id])).rejects.toMatchObject({ kind: 'corrupt' })
      const { blocks } = await scanBlocks(bucket, new Map())
      expect(blocks.map((block) => block.id)).toEqual([id])
    },
  )

  it('names the index wherever its series are broken', async () => {
    const bucket = memoryBucket()
    const id = testId(1)
    await putBlock(bucket, { id, minTimeMs: 0, maxTimeMs: HOUR_MS, series: hour(0, 4, METRICS) })
    const { series } = await readLookupParts(bucket, `${id}/index`)
    const { body } = await bucket.get(`${id}/index`)
    for (let at = series.start; at < series.end; at += 97) {
      const broken = Uint8Array.from(body)
      broken[at]! ^= 0x40
      await bucket.put(`${id}/index`, broken)
      // Padding may be anything.
      if (body[at] === 0) continue
      await expect(compacted(bucket, [id])).rejects.toMatchObject({ where: `${id}/index` })
    }
  })
})

async function firstSeriesId(bucket: Bucket, id: string): Promise<number> {
  const { series } = await readLookupParts(bucket, `${id}/index`)
  return Math.ceil(series.start / 16)
}
