// A StoreAPI over a bucket, past what every StoreAPI must do: what is deleted, downsampled, gone, limited, too much for a page.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { faultyBucket } from '#lib/bucket/faulty-bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import * as hints from '#lib/grpc/hints-messages.ts'
import { DomainError } from '#lib/model/errors.ts'
import { METRIC_NAME } from '#lib/model/labels.ts'
import { NO_LIMITS } from '#lib/store-api/request-limits.ts'
import { writeTombstones } from '#lib/tsdb/block/tombstones.ts'
import { chunkSampleCount } from '#lib/tsdb/chunk/chunk.ts'
import { every, labels, putBlock, testId } from '../store/sample-block.ts'
import { matchers, samplesOf, testStore } from './fixture.ts'

const HOUR = 3_600_000
const MINUTE = 60_000

const metric = (name: string, from: number, to: number) => ({
  labels: labels({ __name__: name }),
  samples: every(MINUTE, from, to, (t) => t / 1000),
})

/** Two blocks of two hours with `up` and `down`. */
async function twoBlocks(): Promise<Bucket> {
  const bucket = memoryBucket()
  for (const n of [0, 1]) {
    const [minTimeMs, maxTimeMs] = [n * 2 * HOUR, (n + 1) * 2 * HOUR]
    const series = ['up', 'down'].map((name) => metric(name, minTimeMs, maxTimeMs))
    await putBlock(bucket, { id: testId(n), minTimeMs, maxTimeMs, series })
  }
  return bucket
}

const UP = { matchers: matchers('__name__="up"') }
const UP_LABELS = labels({ __name__: 'up', cluster: 'a' })
const ALL = every(MINUTE, 0, 4 * HOUR, (t) => t / 1000)
const ALL_SAMPLES = [...ALL.timestamps].map((t, i) => [t, ALL.values[i]])

describe('chunks', () => {
  it('of neighbouring blocks come in the order of time, as they are stored', async () => {
    const answer = await testStore(await twoBlocks()).series(UP)
    expect(samplesOf(answer, UP_LABELS)).toEqual(ALL_SAMPLES)
    expect(answer.frames).toHaveLength(1)
    expect(answer.frames[0]!.series[0]!.chunks.map((chunk) => chunk.minTimeMs)).toEqual([
      0,
      2 * HOUR,
    ])
  })

  it('that two blocks have alike come once, those that differ both', async () => {
    const bucket = await twoBlocks()
    await putBlock(bucket, {
      id: testId(2),
      minTimeMs: 0,
      maxTimeMs: 2 * HOUR,
      series: [metric('up', 0, 2 * HOUR), metric('down', MINUTE, HOUR)],
    })
    const store = testStore(bucket)
    expect(samplesOf(await store.series(UP), UP_LABELS)).toEqual(ALL_SAMPLES)
    const down = await store.series({ matchers: matchers('__name__="down"') })
    expect(down.frames[0]!.series[0]!.chunks).toHaveLength(3)
  })

  it('are made anew where samples of them are deleted', async () => {
    const bucket = await twoBlocks()
    const deleted = [{ minTimeMs: 10 * MINUTE, maxTimeMs: 20 * MINUTE }]
    const ids = Array.from({ length: 64 }, (_, id) => [id, deleted] as const)
    await bucket.put(`${testId(0)}/tombstones`, writeTombstones(new Map(ids)))
    const samples = samplesOf(await testStore(bucket).series(UP), UP_LABELS)
    expect(samples).toEqual(ALL_SAMPLES.filter(([t]) => t! < 10 * MINUTE || t! > 20 * MINUTE))
  })

  it('of encodings that are new become those that every client reads', async () => {
    const folder = join('test/data/prometheus-3.14-start-times')
    const id = readdirSync(folder).find((name) => name !== 'answer.json')
    const bucket = memoryBucket()
    for (const file of ['index', 'chunks/000001', 'meta.json']) {
      await bucket.put(`${id}/${file}`, readFileSync(join(folder, id!, file)))
    }
    const answer = await testStore(bucket).series({ matchers: matchers('__name__=~".+"') })
    const chunks = answer.frames.flatMap(({ series }) => series.flatMap((one) => one.chunks))
    const encodings = new Set(chunks.map(({ raw }) => raw!.encoding))
    expect(encodings).toEqual(new Set([1, 2, 3]))
    const samples = chunks.map(({ raw }) => chunkSampleCount(raw!.encoding, raw!.data))
    const meta = JSON.parse(readFileSync(join(folder, id!, 'meta.json'), 'utf8')) as {
      readonly stats: { readonly numSamples: number }
    }
    expect(samples.reduce((sum, count) => sum + count, 0)).toBe(meta.stats.numSamples)
  })
})

describe('downsampled blocks', () => {
  const FOLDER = 'test/data/downsampled-e103a81b'
  const ever = { matchers: matchers('__name__=~".+"', 'cluster="us"') }

  async function downsampled(): Promise<Bucket> {
    const bucket = memoryBucket()
    for (const id of readdirSync(FOLDER).filter((name) => !name.endsWith('.gz'))) {
      for (const file of ['index', 'chunks/000001', 'meta.json']) {
        await bucket.put(`${id}/${file}`, readFileSync(join(FOLDER, id, file)))
      }
    }
    return bucket
  }

  it('are read where the resolution may be so coarse, and no coarser', async () => {
    const store = testStore(await downsampled())
    const spans: number[] = []
    for (const maxResolutionWindow of [0, 300_000, 3_600_000]) {
      const { frames } = await store.series({
        ...ever,
        maxResolutionWindow,
        aggregates: ['COUNT'],
      })
      const chunks = frames.flatMap(({ series }) => series.flatMap((one) => one.chunks))
      const samples = chunks.map(({ count }) => chunkSampleCount(count!.encoding, count!.data))
      spans.push(samples.reduce((sum, count) => sum + count, 0))
    }
    expect(spans[0]).toBe(0)
    expect(spans[2]).toBeGreaterThan(0)
    expect(spans[1]).toBeGreaterThan(spans[2]!)
  })

  it('have the aggregates that are asked for, each in a chunk of its own', async () => {
    const store = testStore(await downsampled())
    const asked = { ...ever, maxResolutionWindow: 300_000 }
    const parts = async (
      ...aggregates: ('COUNT' | 'SUM' | 'MIN' | 'MAX' | 'COUNTER' | 'RAW')[]
    ) => {
      const { frames } = await store.series({ ...asked, aggregates })
      const chunks = frames.flatMap(({ series }) => series.flatMap((one) => one.chunks))
      const names = new Set(chunks.flatMap((chunk) => Object.keys(chunk)))
      return [...names].filter((name) => !name.endsWith('TimeMs')).sort()
    }
    expect(await parts('COUNT', 'SUM')).toEqual(['count', 'sum'])
    expect(await parts('MIN')).toEqual(['min'])
    expect(await parts('MAX', 'COUNTER')).toEqual(['counter', 'max'])
    expect(await parts('RAW')).toEqual([])
  })
})

describe('what can not be read', () => {
  const broken = new DomainError('unavailable', 'the store is down')
  const chunksOfFirst = { key: `${testId(0)}/chunks/000001` }

  it.each([['index' as const], ['chunks/000001' as const]])(
    'the %s of a block: a warning, or an error',
    async (file) => {
      const { bucket } = faultyBucket(await twoBlocks(), {
        key: `${testId(0)}/${file}`,
        fault: { type: 'fail', error: broken },
      })
      const store = testStore(bucket)
      const half = await store.series(UP)
      expect(half.warnings).toEqual([`block ${testId(0)} is left out: the store is down`])
      expect(samplesOf(half, UP_LABELS)).toEqual(ALL_SAMPLES.slice(120))
      const whole = { ...UP, partialResponseStrategy: 'ABORT' as const }
      await expect(store.series(whole)).rejects.toThrow('the store is down')
      await expect(store.series({ ...UP, partialResponseDisabled: true })).rejects.toThrow(broken)
    },
  )

  it('leaves out series of which nothing could be read', async () => {
    const { bucket } = faultyBucket(await twoBlocks(), {
      key: /chunks/,
      fault: { type: 'fail', error: broken },
    })
    const answer = await testStore(bucket).series(UP)
    expect([answer.labels, answer.warnings.length]).toEqual([[], 2])
  })

  it('a block that is gone since the index was read is looked for again', async () => {
    const { bucket, hits } = faultyBucket(await twoBlocks(), {
      ...chunksOfFirst,
      times: 1,
      fault: { type: 'vanish' },
    })
    const answer = await testStore(bucket).series(UP)
    expect(hits).toHaveLength(1)
    expect(answer.warnings).toHaveLength(1)
    const index = { key: `${testId(0)}/index`, times: 1 }
    const other = faultyBucket(await twoBlocks(), { ...index, fault: { type: 'vanish' } })
    const again = await testStore(other.bucket).series(UP)
    expect(other.hits).toHaveLength(1)
    expect([again.warnings, samplesOf(again, UP_LABELS)]).toEqual([[], ALL_SAMPLES])
  })

  it('labels too: a warning, or an error', async () => {
    const { bucket } = faultyBucket(await twoBlocks(), {
      key: `${testId(0)}/index`,
      fault: { type: 'fail', error: broken },
    })
    const store = testStore(bucket)
    const warning = `block ${testId(0)} is left out: the store is down`
    expect(await store.names({})).toMatchObject({
      names: [METRIC_NAME, 'cluster'],
      warnings: [warning],
    })
    await expect(store.names({ partialResponseStrategy: 'ABORT' })).rejects.toThrow(broken)
    const values = await store.values({ label: METRIC_NAME })
    expect(values).toMatchObject({ values: ['down', 'up'], warnings: [warning] })
  })
})

describe('limits', () => {
  const limited = async (limits: Partial<typeof NO_LIMITS>) =>
    testStore(await twoBlocks(), { limits: { ...NO_LIMITS, ...limits } })
  const both = { matchers: matchers('__name__=~"up|down"') }

  it.each([
    [{ series: 2 }, { series: 1 }, 'exceeded series limit: 2 series of at most 1'],
    [{ samples: 480 }, { samples: 479 }, 'exceeded samples limit: 480 samples of at most 479'],
    [{ bytes: 1e6 }, { bytes: 100 }, 'exceeded bytes limit: '],
  ])('%j is enough and %j is not', async (enough, few, message) => {
    expect((await (await limited(enough)).series(both)).labels).toHaveLength(2)
    const refused = (await limited(few)).series(both)
    await expect(refused).rejects.toThrow(message)
    await expect(refused).rejects.toMatchObject({ kind: 'limit' })
  })

  it('of samples do not count where only labels are wanted', async () => {
    const store = await limited({ samples: 1 })
    expect((await store.series({ ...both, skipChunks: true })).labels).toHaveLength(2)
  })
})

describe('hints', () => {
  const { seriesRequestHints, seriesResponseHints } = hints

  it('say which blocks may answer, and are answered with those that did', async () => {
    const store = testStore(await twoBlocks())
    const blockMatchers = matchers(`__block_id="${testId(1)}"`)
    const answer = await store.series({
      ...UP,
      hints: hints.packHints(seriesRequestHints, { blockMatchers, enableQueryStats: true }),
    })
    expect(samplesOf(answer, UP_LABELS)).toEqual(ALL_SAMPLES.slice(120))
    const told = hints.unpackHints(seriesResponseHints, answer.frames.at(-1)!.hints)
    expect(told!.queriedBlocks).toEqual([{ id: testId(1) }])
    expect(told!.queryStats).toMatchObject({
      blocksQueried: 1,
      mergedSeriesCount: 1,
      mergedChunksCount: 1,
      getAllDuration: { seconds: 0, nanos: 0 },
    })
    expect(told!.queryStats!.dataDownloadedSizeSum).toBeGreaterThan(100)
  })

  it('are not answered where there were none, and stats only where they were wanted', async () => {
    const store = testStore(await twoBlocks())
    expect((await store.series(UP)).frames.map((frame) => frame.hints)).toEqual([undefined])
    const asked = hints.packHints(seriesRequestHints, {})
    const answer = await store.series({ ...UP, hints: asked })
    const told = hints.unpackHints(seriesResponseHints, answer.frames.at(-1)!.hints)
    expect(told).toEqual({
      queriedBlocks: [{ id: testId(0) }, { id: testId(1) }],
      queryStats: undefined,
    })
  })

  it('of labels', async () => {
    const store = testStore(await twoBlocks())
    const blockMatchers = matchers('cluster="b"')
    const none = hints.packHints(hints.labelNamesRequestHints, { blockMatchers })
    expect(await store.names({ hints: none })).toMatchObject({ names: [] })
    const all = await store.values({
      label: METRIC_NAME,
      hints: hints.packHints(hints.labelValuesRequestHints, {}),
    })
    expect(hints.unpackHints(hints.labelValuesResponseHints, all.hints)).toEqual({
      queriedBlocks: [{ id: testId(0) }, { id: testId(1) }],
    })
  })
})

describe('what is shown', () => {
  it('is within the times of the store', async () => {
    const times = () => ({ startMs: 2 * HOUR, endMs: 3 * HOUR })
    const store = testStore(await twoBlocks(), { times })
    const shown = samplesOf(await store.series(UP), UP_LABELS)
    expect(shown[0]).toEqual([2 * HOUR, (2 * HOUR) / 1000])
    expect((await store.info()).store).toMatchObject({ minTime: 2 * HOUR, maxTime: 3 * HOUR })
    expect((await store.series({ ...UP, maxTime: 2 * HOUR - 1 })).labels).toEqual([])
    expect((await store.names({ end: HOUR })).names).toEqual([])
  })

  it('is of blocks that the store shows', async () => {
    const store = testStore(await twoBlocks(), { shows: ({ id }) => id === testId(0) })
    expect(samplesOf(await store.series(UP), UP_LABELS)).toEqual(ALL_SAMPLES.slice(0, 120))
    expect((await store.info()).store).toMatchObject({ minTime: 0, maxTime: 2 * HOUR })
  })

  it('is nothing where there is nothing', async () => {
    const store = testStore(memoryBucket())
    expect((await store.series(UP)).frames).toEqual([])
    expect((await store.names({})).names).toEqual([])
    expect((await store.info()).store).toMatchObject({ minTime: 2 ** 63, maxTime: -(2 ** 63) })
  })
})

it('gives what is more than a page in pages, each series once', async () => {
  const bucket = memoryBucket()
  // Random bits, so that a sample takes its eight bytes: 6 MB.
  let state = 1
  const noise = (): number => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
  const series = Array.from({ length: 200 }, (_, n) => ({
    labels: labels({ __name__: 'noise', n: String(n).padStart(3, '0') }),
    samples: every(1000, 0, HOUR, noise),
  }))
  await putBlock(bucket, { id: testId(0), minTimeMs: 0, maxTimeMs: 2 * HOUR, series })
  const answer = await testStore(bucket).series({
    matchers: matchers('__name__="noise"'),
    responseBatchSize: 64,
  })
  // One that goes on in the next frame has its labels there again.
  const names = answer.labels.map((one) => one.at(-1))
  const expected = series.map(({ labels }) => labels.at(-1))
  expect(names.filter((name, i) => name !== names[i - 1])).toEqual(expected)
  for (const n of [0, 99, 100, 199]) {
    const { labels: own, samples } = series[n]!
    const full = [own[0]!, own[1]!, 'cluster', 'a', own[2]!, own[3]!]
    const wanted = [...samples.timestamps].map((t, i) => [t, samples.values[i]])
    expect(samplesOf(answer, full)).toEqual(wanted)
  }
  // Frames of about a megabyte.
  const sizes = answer.frames.map((frame) => frame.series.length)
  expect(sizes.length).toBeGreaterThan(4)
  expect(Math.max(...sizes)).toBeLessThanOrEqual(64)
})
