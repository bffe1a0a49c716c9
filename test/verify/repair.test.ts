import { beforeEach, describe, expect, it } from 'vitest'
import { scanBlock, scanBlocks } from '#lib/blocks/scan.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { lookupKey } from '#lib/store/lookup.ts'
import { formatBlockMeta } from '#lib/tsdb/block/meta.ts'
import { encodeXor } from '#lib/tsdb/chunk/xor.ts'
import { SegmentWriter } from '#lib/tsdb/block/segment-writer.ts'
import { ChunkPlaces } from '#lib/tsdb/index/chunk-places.ts'
import { duplicatesOf } from '#lib/verify/bucket-check.ts'
import { ALL_ISSUES } from '#lib/verify/problem.ts'
import { removeDuplicates, type Repair, repairBlock } from '#lib/verify/repair.ts'
import { verifyBlock } from '#lib/verify/verify-block.ts'
import { contentsOf, readBlock } from '#test/rewrite/block-contents.ts'
import { every, labels, putBlock, testId } from '#test/store/sample-block.ts'
import { uncheckedIndex, type UncheckedSeries } from './unchecked-index.ts'

const ID = testId(1)
const NEW = testId(2)
const HOUR_MS = 3_600_000

let bucket: Bucket
let backup: Bucket

beforeEach(async () => {
  bucket = memoryBucket()
  backup = memoryBucket()
  await put(ID)
})

async function put(id: string): Promise<void> {
  await putBlock(bucket, {
    id,
    minTimeMs: 0,
    maxTimeMs: HOUR_MS,
    series: ['a', 'b'].map((host) => ({
      labels: labels({ __name__: 'cpu', host }),
      samples: every(15_000, 0, HOUR_MS, (t) => t),
    })),
    meta: (meta) => ({ ...meta, compaction: { level: 2, sources: [testId(8), testId(9)] } }),
  })
}

const options = (dryRun = false) => ({
  bucket,
  backup,
  newUlid: () => NEW,
  now: () => 1_700_000_000_000,
  dryRun,
})

async function repair(dryRun = false): Promise<Repair | undefined> {
  const verified = await verifyBlock({ bucket, id: ID, issues: new Set(ALL_ISSUES) })
  return repairBlock(verified, options(dryRun))
}

async function seriesOf(): Promise<UncheckedSeries[]> {
  const { index } = await readBlock(bucket, ID)
  return [...index.allSeries()].map((one) => ({ labels: one.labels, chunks: one.chunks }))
}

const putIndex = (series: readonly UncheckedSeries[]): Promise<unknown> =>
  bucket.put(`${ID}/index`, uncheckedIndex({ series }))

async function keysOf(of: Bucket): Promise<string[]> {
  const keys: string[] = []
  for await (const { objects } of of.list('')) keys.push(...objects.map(({ key }) => key))
  return keys
}

describe('a repair', () => {
  it('is not made of a good block', async () => {
    expect(await repair()).toBeUndefined()
    expect(await keysOf(backup)).toEqual([])
  })

  it('puts a good block in the place of a broken one, which is kept elsewhere', async () => {
    const good = contentsOf(await readBlock(bucket, ID))
    const series = await seriesOf()
    const [first, second] = series
    await putIndex([
      { ...second!, chunks: second!.chunks.toReversed() },
      { ...first!, chunks: [first!.chunks[0]!, ...first!.chunks] },
    ])
    const broken = (await bucket.get(`${ID}/index`)).body
    expect(await repair(true)).toMatchObject({ status: 'would-repair' })
    expect(await keysOf(backup)).toEqual([])
    expect(await repair()).toEqual({
      id: ID,
      status: 'repaired',
      ulid: NEW,
      text: 'written anew, series sorted',
    })
    const fixed = await readBlock(bucket, NEW)
    expect(contentsOf(fixed)).toEqual(good)
    expect(fixed.meta).toMatchObject({
      minTime: 0,
      maxTime: HOUR_MS,
      compaction: { level: 2, sources: [testId(8), testId(9)] },
      thanos: { source: 'bucket.repair', labels: { cluster: 'a' } },
    })
    const verified = await verifyBlock({ bucket, id: NEW, issues: new Set(ALL_ISSUES) })
    expect(verified.report.problems).toEqual([])
    expect(await scanBlock(bucket, ID)).toMatchObject({
      marks: { deletion: { timeMs: 1_700_000_000_000, details: `compacted into ${NEW}` } },
    })
    expect(await keysOf(backup)).toEqual([`${ID}/chunks/000001`, `${ID}/index`, `${ID}/meta.json`])
    expect((await backup.get(`${ID}/index`)).body).toEqual(broken)
  })

  it('leaves out chunks that can not be read, and says how many', async () => {
    const { body } = await bucket.get(`${ID}/chunks/000001`)
    const bytes = Uint8Array.from(body)
    bytes[100]! ^= 1
    await bucket.put(`${ID}/chunks/000001`, bytes)
    expect(await repair()).toMatchObject({
      status: 'repaired',
      text: 'written anew, without 1 chunks that can not be read',
    })
    const contents = contentsOf(await readBlock(bucket, NEW))
    expect(contents['__name__ cpu host a']).toHaveLength(120)
    expect(contents['__name__ cpu host b']).toHaveLength(240)
  })

  it('leaves out chunks outside of the block', async () => {
    const series = await seriesOf()
    const { meta } = await readBlock(bucket, ID)
    const text = formatBlockMeta({ ...meta, maxTime: 1_790_000 })
    await bucket.put(`${ID}/meta.json`, new TextEncoder().encode(text))
    expect(await repair()).toMatchObject({ status: 'repaired' })
    const contents = contentsOf(await readBlock(bucket, NEW))
    expect(Object.values(contents).map((samples) => samples.length)).toEqual([120, 120])
    expect(series).toHaveLength(2)
  })

  it('has each time of a chunk once, and the times that there are', async () => {
    const times = Float64Array.from([10, 20, 20, 40])
    const values = Float64Array.from([1, 2, 2, 4])
    const files: Uint8Array[] = []
    const writer = new SegmentWriter({ write: (_, bytes) => files.push(bytes) })
    const data = encodeXor(times, values, 0, times.length)
    const places = new ChunkPlaces()
    writer.add({ minTimeMs: 10, maxTimeMs: 50, encoding: 1, data }, places)
    writer.finish()
    await bucket.put(`${ID}/chunks/000001`, Buffer.concat(files))
    await putIndex([
      {
        labels: ['__name__', 'one'],
        chunks: [{ minTimeMs: 10, maxTimeMs: 50, segment: 0, offset: 8 }],
      },
    ])
    expect(await repair()).toMatchObject({
      status: 'repaired',
      text: 'written anew, 1 chunks put right',
    })
    expect(contentsOf(await readBlock(bucket, NEW))).toEqual({
      '__name__ one': ['10 1', '20 2', '40 4'],
    })
  })

  it('takes a wrong lookup away', async () => {
    await bucket.put(lookupKey(ID), new Uint8Array(20))
    expect(await repair(true)).toMatchObject({ status: 'would-repair' })
    expect(await keysOf(bucket)).toContain(lookupKey(ID))
    expect(await repair()).toEqual({ id: ID, status: 'repaired', text: 'without its wrong lookup' })
    expect(await keysOf(bucket)).not.toContain(lookupKey(ID))
  })

  it.each<[string, () => Promise<unknown>, string]>([
    ['meta.json', () => bucket.delete(`${ID}/meta.json`), 'without its meta.json nobody knows'],
    ['an index', () => bucket.put(`${ID}/index`, new Uint8Array(100)), 'its index can not be read'],
    ['chunks', () => bucket.delete(`${ID}/chunks/000001`), 'nothing of it can be read'],
    [
      'times that are inside',
      async () => {
        const { meta } = await readBlock(bucket, ID)
        const text = formatBlockMeta({ ...meta, maxTime: 1_000_000 })
        await bucket.put(`${ID}/meta.json`, new TextEncoder().encode(text))
      },
      'there is no repair for this: chunks are partly outside of the times of the block',
    ],
  ])('is not made of a block without %s', async (_, spoil, text) => {
    await spoil()
    const result = await repair()
    expect(result?.status).toBe('left')
    expect(result?.text).toContain(text)
    const kept = (await keysOf(bucket)).filter((key) => !key.startsWith(ID))
    expect(kept).toEqual([])
    expect(await keysOf(bucket)).not.toContain(`${ID}/deletion-mark.json`)
  })

  it('is not begun where the backup has another block of that id', async () => {
    const [, second] = await seriesOf()
    await putIndex([second!])
    await backup.put(`${ID}/meta.json`, new TextEncoder().encode('{}'))
    await expect(repair()).rejects.toThrow(`memory has another block ${ID}`)
    expect(await keysOf(bucket)).not.toContain(`${NEW}/meta.json`)
  })

  it('marks nothing where the backup refuses', async () => {
    const [, second] = await seriesOf()
    await putIndex([second!])
    backup = { ...backup, put: () => Promise.reject(new Error('full')) }
    await expect(repair()).rejects.toThrow('full')
    expect(await keysOf(bucket)).not.toContain(`${ID}/deletion-mark.json`)
  })
})

describe('duplicates', () => {
  it('are marked, all but one, with a copy elsewhere', async () => {
    await put(testId(3))
    await put(testId(4))
    const { blocks } = await scanBlocks(bucket, new Map())
    const duplicates = duplicatesOf(blocks)
    expect(duplicates.map(({ block, keep }) => [block.id, keep.id])).toEqual([
      [testId(3), ID],
      [testId(4), ID],
    ])
    await removeDuplicates(duplicates, options(true))
    expect(await keysOf(backup)).toEqual([])
    const repairs = await removeDuplicates(duplicates, options())
    expect(repairs.map(({ status }) => status)).toEqual(['repaired', 'repaired'])
    expect((await keysOf(backup)).filter((key) => key.endsWith('meta.json'))).toEqual([
      `${testId(3)}/meta.json`,
      `${testId(4)}/meta.json`,
    ])
    const after = await scanBlocks(bucket, new Map())
    expect(after.blocks.filter(({ marks }) => marks.deletion).map(({ id }) => id)).toEqual([
      testId(3),
      testId(4),
    ])
    expect(duplicatesOf(after.blocks)).toEqual([])
  })
})
