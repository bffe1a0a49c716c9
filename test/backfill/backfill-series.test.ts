import { beforeEach, describe, expect, it } from 'vitest'
import {
  backfillSeries,
  type BackfillWindow,
  type ReadSeries,
  type SeriesSource,
} from '#lib/backfill/backfill-series.ts'
import type { BackfillTarget } from '#lib/backfill/target.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { DomainError } from '#lib/model/errors.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import { encodeChunks } from '#lib/tsdb/chunk/encode.ts'
import { contentsOf, readBlock } from '#test/rewrite/block-contents.ts'
import { columns } from '#test/store/sample-block.ts'

let bucket: Bucket
let asked: BackfillWindow[]

beforeEach(() => {
  bucket = memoryBucket()
  asked = []
})

/** A sample each 10 ms, in chunks of 120 that know nothing of windows. */
const CHUNKS = encodeChunks(
  columns(Array.from({ length: 600 }, (_, i): [number, number] => [i * 10, i])),
)

async function* read(startMs: number, endMs: number): AsyncGenerator<ReadSeries> {
  asked.push({ startMs, endMs })
  const chunks = CHUNKS.filter((one) => one.minTimeMs <= endMs && one.maxTimeMs >= startMs)
  yield { labels: ['z', '1', '__name__', 'm', 'cluster', 'eu'], chunks }
  yield { labels: ['__name__', 'm', 'cluster', 'us'], chunks }
}

function backfill(source: Partial<SeriesSource> = {}, target: Partial<BackfillTarget> = {}) {
  return backfillSeries(
    {
      name: 'http://a {m}',
      read,
      labels: [],
      startMs: 500,
      endMs: 5500,
      durationMs: 2000,
      ...source,
    },
    {
      bucket,
      externalLabels: labelsFrom({ cluster: 'eu' }),
      parts: memoryBucket,
      maxMemoryBytes: 1 << 28,
      now: () => 0,
      dryRun: false,
      ...target,
    },
  )
}

describe('series of a server', () => {
  it('become blocks window by window, cut to the time that was asked for', async () => {
    const blocks = await backfill()
    expect(asked).toEqual([
      { startMs: 500, endMs: 1999 },
      { startMs: 2000, endMs: 3999 },
      { startMs: 4000, endMs: 5499 },
    ])
    expect(blocks.map((block) => ({ ...block, ulid: undefined }))).toEqual([
      { status: 'made', minTimeMs: 500, maxTimeMs: 1991, series: 2, samples: 300 },
      { status: 'made', minTimeMs: 2000, maxTimeMs: 3991, series: 2, samples: 400 },
      { status: 'made', minTimeMs: 4000, maxTimeMs: 5491, series: 2, samples: 300 },
    ])
    const contents = contentsOf(await readBlock(bucket, blocks[0]!.ulid))
    // The label that the block has is not kept twice; another value of it is no copy.
    expect(Object.keys(contents)).toEqual(['__name__ m cluster us', '__name__ m z 1'])
    expect(contents['__name__ m z 1']).toEqual(
      Array.from({ length: 150 }, (_, i) => `${500 + i * 10} ${50 + i}`),
    )
  })

  it('are asked for once, by who goes on after a fault too', async () => {
    async function* failing(startMs: number, endMs: number): AsyncGenerator<ReadSeries> {
      if (startMs === 4000) throw new DomainError('unavailable', 'gone')
      yield* read(startMs, endMs)
    }
    await expect(backfill({ read: failing })).rejects.toThrow('gone')
    asked = []
    expect((await backfill()).map(({ status }) => status)).toEqual(['there', 'there', 'made'])
    expect(asked).toEqual([{ startMs: 4000, endMs: 5499 }])
    asked = []
    await backfill()
    expect(asked).toEqual([])
    expect((await backfill({ name: 'http://b {m}' })).map(({ status }) => status)).toEqual([
      'made',
      'made',
      'made',
    ])
  })

  it('of a dry run are not asked for', async () => {
    const blocks = await backfill({}, { dryRun: true })
    expect(blocks.map(({ status }) => status)).toEqual(['planned', 'planned', 'planned'])
    expect(asked).toEqual([])
  })

  it('that are none make no block', async () => {
    expect(await backfill({ startMs: 10_000, endMs: 12_000 })).toEqual([])
  })

  it('in little memory are the same', async () => {
    const large = await backfill()
    const before = await Promise.all(large.map(({ ulid }) => readBlock(bucket, ulid)))
    bucket = memoryBucket()
    const small = await backfill({}, { maxMemoryBytes: 1 })
    expect(small).toEqual(large)
    for (const [i, { ulid }] of small.entries()) {
      expect(contentsOf(await readBlock(bucket, ulid))).toEqual(contentsOf(before[i]!))
    }
  })

  it('get labels', async () => {
    const [first] = await backfill({ labels: ['team', 'one', 'z', '2'] })
    expect(Object.keys(contentsOf(await readBlock(bucket, first!.ulid)))).toEqual([
      '__name__ m cluster us team one z 2',
      '__name__ m team one z 2',
    ])
  })
})
