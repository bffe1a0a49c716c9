import { describe, expect, it } from 'vitest'
import { scanBlock } from '#lib/blocks/scan.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import {
  downsampleBlock,
  type DownsampleOptions,
} from '#lib/compact/downsample/downsample-block.ts'
import { NO_DOWNSAMPLE_MARK } from '#lib/compact/jobs/marks.ts'
import { type JobOutcome, runJob } from '#lib/compact/jobs/run-job.ts'
import { readLookupParts } from '#lib/store/load-lookup.ts'
import { writeTombstones } from '#lib/tsdb/block/tombstones.ts'
import { type BlockMeta, formatBlockMeta, parseBlockMeta } from '#lib/tsdb/block/meta.ts'
import { every, labels, putBlock, testId, type TestSeries } from '#test/store/sample-block.ts'
import { chunksOf } from './chunks-of.ts'
import { valuesOf } from './read-aggregates.ts'

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS
const RAW = testId(1)
const FIVE_MS = 300_000

const SERIES: TestSeries[] = ['a', 'b', 'c'].map((name) => ({
  labels: labels({ __name__: name }),
  samples: every(MINUTE_MS, 0, 2 * DAY_MS, (t) => t / MINUTE_MS),
}))

async function rawBucket(series: readonly TestSeries[] = SERIES): Promise<Bucket> {
  const bucket = memoryBucket()
  await putBlock(bucket, {
    id: RAW,
    minTimeMs: 0,
    maxTimeMs: 2 * DAY_MS,
    series,
    meta: (meta) => ({
      ...meta,
      compaction: {
        level: 3,
        sources: [testId(7), testId(8)],
        parents: [{ ulid: testId(7), minTime: 0, maxTime: 1 }],
      },
      thanos: { ...meta.thanos!, extensions: { own: 1 }, rewrites: [{ sources: [] }] },
    }),
  })
  return bucket
}

async function downsample(
  bucket: Bucket,
  more: Partial<DownsampleOptions> = {},
): Promise<BlockMeta | undefined> {
  const block = await scanBlock(bucket, RAW)
  if (!block || 'reason' in block) throw new Error('no block')
  const now = (): number => 5000
  return downsampleBlock({ bucket, block, resolutionMs: FIVE_MS, ulid: testId(2), now, ...more })
}

async function keys(bucket: Bucket, prefix: string): Promise<string[]> {
  const found: string[] = []
  for await (const { objects } of bucket.list(prefix)) found.push(...objects.map(({ key }) => key))
  return found
}

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0)

describe('downsampleBlock', () => {
  it('makes a block that says what it was made of', async () => {
    const bucket = await rawBucket()
    const made = await downsample(bucket, { pieceBytes: 1000 })
    expect(made).toMatchObject(parseBlockMeta((await bucket.get(`${testId(2)}/meta.json`)).body))
    const { body } = await bucket.get(`${testId(2)}/chunks/000001`)
    const index = await bucket.get(`${testId(2)}/index`)
    expect(made).toMatchObject({
      ulid: testId(2),
      minTime: 0,
      maxTime: 2 * DAY_MS,
      stats: { numSamples: 3 * 576, numSeries: 3, numChunks: 3 * 5 },
      compaction: {
        level: 3,
        sources: [testId(7), testId(8)],
        parents: [{ ulid: testId(7), minTime: 0, maxTime: 1 }],
      },
      thanos: {
        labels: { cluster: 'a' },
        downsample: { resolution: FIVE_MS },
        source: 'compactor',
        extensions: { own: 1 },
        rewrites: [{ sources: [] }],
        segment_files: ['000001'],
        files: [
          { rel_path: 'chunks/000001', size_bytes: body.length },
          { rel_path: 'index', size_bytes: index.body.length },
          { rel_path: 'meta.json' },
        ],
        upload_time: '1970-01-01T00:00:05.000Z',
      },
    })
    expect(made!.thanos!.index_stats!.series_max_size).toBeGreaterThan(0)
  })

  it('gives the same bytes when it is run again', async () => {
    const bucket = await rawBucket()
    await downsample(bucket)
    const before = await chunksOf(bucket, testId(2))
    await downsample(bucket)
    expect(await chunksOf(bucket, testId(2))).toEqual(before)
  })

  it('leaves out what is deleted', async () => {
    const bucket = await rawBucket()
    const { series } = await readLookupParts(bucket, `${RAW}/index`)
    const first = Math.ceil(series.start / 16)
    const interval = { minTimeMs: DAY_MS, maxTimeMs: 3 * DAY_MS }
    await bucket.put(`${RAW}/tombstones`, writeTombstones(new Map([[first, [interval]]])))
    await downsample(bucket)
    const counts = [...(await chunksOf(bucket, testId(2))).values()].map((chunks) =>
      total(valuesOf(chunks, 'count')),
    )
    expect(counts).toEqual([1440, 2880, 2880])
  })

  it('puts meta.json last, and only when that is confirmed', async () => {
    const bucket = await rawBucket()
    let seen: string[] = []
    const confirm = async (): Promise<void> => {
      seen = await keys(bucket, testId(2))
      throw new Error('lost')
    }
    await expect(downsample(bucket, { confirm })).rejects.toThrow('lost')
    expect(seen).toEqual([`${testId(2)}/chunks/000001`, `${testId(2)}/index`])
    expect(await keys(bucket, `${testId(2)}/meta`)).toEqual([])
  })

  it('makes none of a block whose samples do not count', async () => {
    const samples = every(MINUTE_MS, 0, DAY_MS, () => NaN)
    const bucket = await rawBucket([{ labels: labels({ __name__: 'a' }), samples }])
    expect(await downsample(bucket)).toBeUndefined()
    expect(await keys(bucket, testId(2))).toEqual([])
  })

  it('refuses other resolutions', async () => {
    await expect(downsample(await rawBucket(), { resolutionMs: 3_600_000 })).rejects.toThrow(
      `block ${RAW} of resolution 0 ms is not downsampled to 3600000 ms`,
    )
  })

  it('says which series has a chunk that cannot be read', async () => {
    const bucket = await rawBucket()
    const key = `${RAW}/meta.json`
    const meta = parseBlockMeta((await bucket.get(key)).body)
    await downsample(bucket)
    // Its aggregate chunks are no raw samples.
    const { body } = await bucket.get(`${testId(2)}/meta.json`)
    const five = parseBlockMeta(body)
    const thanos = { ...five.thanos!, downsample: { resolution: 0 } }
    const text = formatBlockMeta({ ...five, thanos, compaction: meta.compaction })
    await bucket.put(`${testId(2)}/meta.json`, new TextEncoder().encode(text))
    const block = await scanBlock(bucket, testId(2))
    if (!block || 'reason' in block) throw new Error('no block')
    await expect(downsample(bucket, { block, ulid: testId(3) })).rejects.toMatchObject({
      kind: 'corrupt',
      where: `${testId(2)}/chunks`,
      message: `${testId(2)}/chunks: a: chunk encoding 255 is five chunks, not one at byte 0`,
    })
  })

  it('ends when it is canceled', async () => {
    const aborted = AbortSignal.abort()
    const ended = downsample(await rawBucket(), { signal: aborted })
    await expect(ended).rejects.toMatchObject({ kind: 'canceled' })
  })
})

describe('a downsampling job', () => {
  const run = (bucket: Bucket): Promise<JobOutcome> =>
    runJob(
      { type: 'downsample', input: RAW, resolutionMs: FIVE_MS },
      { bucket, now: () => 0, newUlid: () => testId(50), owner: 'worker', deleteDelayMs: DAY_MS },
    )

  it('is done once', async () => {
    const bucket = await rawBucket()
    expect(await run(bucket)).toMatchObject({
      status: 'done',
      report: `block ${RAW} became ${testId(50)} too`,
      made: { ulid: testId(50) },
    })
    expect(await run(bucket)).toEqual({ status: 'skipped', report: `block ${RAW} is downsampled` })
  })

  it('marks a block of which nothing can be made', async () => {
    const samples = every(MINUTE_MS, 0, DAY_MS, () => NaN)
    const bucket = await rawBucket([{ labels: labels({ __name__: 'a' }), samples }])
    expect(await run(bucket)).toEqual({
      status: 'done',
      report: `block ${RAW} has no samples that count`,
    })
    expect(
      JSON.parse(new TextDecoder().decode((await bucket.get(`${RAW}/${NO_DOWNSAMPLE_MARK}`)).body)),
    ).toMatchObject({
      reason: 'empty',
      details: 'has no samples that count',
    })
    expect(await run(bucket)).toEqual({
      status: 'skipped',
      report: `block ${RAW} is marked no-downsample`,
    })
  })

  it('sets a broken block aside', async () => {
    const bucket = await rawBucket()
    const key = `${RAW}/chunks/000001`
    const broken = Uint8Array.from((await bucket.get(key)).body)
    broken[100]! ^= 1
    await bucket.put(key, broken)
    const outcome = await run(bucket)
    expect(outcome).toMatchObject({ status: 'set-aside', block: RAW })
    expect(await keys(bucket, `${RAW}/no-`)).toEqual([`${RAW}/${NO_DOWNSAMPLE_MARK}`])
  })
})
