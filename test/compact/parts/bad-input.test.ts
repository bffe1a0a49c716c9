import { beforeEach, describe, expect, it } from 'vitest'
import { scanBlocks } from '#lib/blocks/scan.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { cutBlocks } from '#lib/compact/parts/cut-blocks.ts'
import { cutKey } from '#lib/compact/parts/cut.ts'
import { finishParts } from '#lib/compact/parts/finish-parts.ts'
import { readCuts } from '#lib/compact/parts/read-cuts.ts'
import { writePart } from '#lib/compact/parts/write-part.ts'
import { ConflictError } from '#lib/model/errors.ts'
import { writeTombstones } from '#lib/tsdb/block/tombstones.ts'
import { columns, labels, putBlock, testId } from '#test/store/sample-block.ts'
import { readBlock } from './random-blocks.ts'

const ULID = testId(900)
const HOUR_MS = 3_600_000
const partKey = (number: number): string => `thaw/compact/${ULID}/part-000${number}`

let bucket: Bucket

/** Two blocks, cut into three parts. */
beforeEach(async () => {
  bucket = memoryBucket()
  for (const i of [0, 1]) {
    const series = Array.from({ length: 30 }, (_, at) => ({
      labels: labels({ __name__: 'up', instance: `host-${100 + at}` }),
      samples: columns(
        Array.from({ length: 20 }, (__, n) => [i * 1000 + n, Math.sin(at * 20 + n)]),
      ),
    }))
    await putBlock(bucket, {
      id: testId(i + 1),
      minTimeMs: i * 1000,
      maxTimeMs: (i + 1) * 1000,
      series,
    })
  }
  const { blocks } = await scanBlocks(bucket, new Map())
  await cutBlocks({ bucket, blocks, ulid: ULID, parts: 3, segmentSize: 2000 })
})

async function allParts(): Promise<void> {
  for (const part of [0, 1, 2]) await writePart({ bucket, ulid: ULID, part })
}

function finish(confirm?: () => Promise<void>): ReturnType<typeof finishParts> {
  return finishParts({ bucket, ulid: ULID, now: () => 0, confirm })
}

async function keys(prefix: string): Promise<string[]> {
  const found: string[] = []
  for await (const { objects } of bucket.list(prefix)) found.push(...objects.map(({ key }) => key))
  return found
}

async function change(key: string, how: (body: Uint8Array) => Uint8Array): Promise<void> {
  await bucket.put(key, how((await bucket.get(key)).body))
}

describe('a block in parts', () => {
  it.each([
    ['is gone', () => bucket.delete(`${testId(2)}/meta.json`)],
    [
      'has changed',
      () => change(`${testId(2)}/meta.json`, (body) => Buffer.concat([body, Buffer.from('\n')])),
    ],
    [
      'is marked for deletion',
      () => bucket.put(`${testId(2)}/deletion-mark.json`, new Uint8Array(1)),
    ],
  ])('is given up where an input %s', async (text, happen) => {
    await writePart({ bucket, ulid: ULID, part: 0 })
    await happen()
    const reason = `block ${testId(2)} ${text}`
    expect(await writePart({ bucket, ulid: ULID, part: 1 })).toEqual({ status: 'skipped', reason })
    expect(await finish()).toEqual({ status: 'skipped', reason })
    expect(await keys(`${ULID}/`)).not.toContain(`${ULID}/meta.json`)
  })

  it('waits for the parts that are not there', async () => {
    await writePart({ bucket, ulid: ULID, part: 1 })
    expect(await finish()).toEqual({ status: 'pending', parts: [0, 2] })
  })

  it('does not make a part twice', async () => {
    await allParts()
    const puts: string[] = []
    const watched: Bucket = {
      ...bucket,
      putStream(key, parts, options) {
        puts.push(key)
        return bucket.putStream(key, parts, options)
      },
    }
    for (const part of [0, 1, 2]) await writePart({ bucket: watched, ulid: ULID, part })
    expect(puts).toEqual([])
  })

  it.each([
    ['cut off', (body: Uint8Array) => body.slice(0, -20)],
    [
      'changed in its entries',
      (body: Uint8Array) => body.map((byte, i) => (i === 40 ? byte ^ 1 : byte)),
    ],
    [
      'changed in its summary',
      (body: Uint8Array) => body.map((byte, i) => (i === body.length - 30 ? byte ^ 1 : byte)),
    ],
    ['empty', () => new Uint8Array(0)],
  ])('makes a part anew whose file is %s', async (_, how) => {
    await allParts()
    await change(partKey(2), how)
    expect(await finish()).toEqual({ status: 'pending', parts: [1] })
    expect(await keys(`${ULID}/`)).not.toContain(`${ULID}/meta.json`)
    await writePart({ bucket, ulid: ULID, part: 1 })
    expect((await finish()).status).toBe('done')
  })

  it('makes a part anew whose chunks are gone, or shorter', async () => {
    await allParts()
    const segments = (await keys(`${ULID}/chunks/`)).length
    await bucket.delete(`${ULID}/chunks/000001`)
    await change(`${ULID}/chunks/${String(segments).padStart(6, '0')}`, (body) => body.slice(1))
    expect(await finish()).toEqual({ status: 'pending', parts: [0, 2] })
    await allParts()
    expect((await finish()).status).toBe('done')
  })

  it('is no block where the lease was lost', async () => {
    await allParts()
    const lost = new ConflictError('thaw/lease/x', 'another has it')
    await expect(finish(() => Promise.reject(lost))).rejects.toBe(lost)
    expect(await keys(`${ULID}/`)).not.toContain(`${ULID}/meta.json`)
    expect((await finish()).status).toBe('done')
  })

  it('is left alone when it is made, by a part that comes late and by one of a later cut', async () => {
    await allParts()
    expect(await finish()).toMatchObject({ status: 'done', meta: { ulid: ULID } })
    const reason = `block ${ULID} is made`
    await bucket.delete(partKey(1))
    expect(await writePart({ bucket, ulid: ULID, part: 0 })).toEqual({ status: 'skipped', reason })
    expect(await finish()).toMatchObject({ status: 'done', meta: { ulid: ULID } })
  })

  it('refuses a part of another cut', async () => {
    await allParts()
    await change(cutKey(ULID), (body) => Buffer.concat([body, Buffer.from(' ')]))
    expect(await finish()).toEqual({ status: 'pending', parts: [0, 1, 2] })
    await allParts()
    expect((await finish()).status).toBe('done')
  })

  it('has no numbers of segment files that are missing, though a part without samples needed none', async () => {
    const { index } = await readBlock(bucket, testId(1))
    const all = { minTimeMs: 0, maxTimeMs: HOUR_MS }
    for (const id of [testId(1), testId(2)]) {
      const intervals = [...index.allPostings()].slice(5, 25).map((one) => [one, [all]] as const)
      await bucket.put(`${id}/tombstones`, writeTombstones(new Map(intervals)))
    }
    const { blocks } = await scanBlocks(bucket, new Map())
    const ulid = testId(901)
    await cutBlocks({ bucket, blocks, ulid, parts: 3 })
    for (const part of [0, 1, 2]) await writePart({ bucket, ulid, part })
    const outcome = await finishParts({ bucket, ulid, now: () => 0 })
    expect(outcome).toMatchObject({ meta: { stats: { numSeries: 10, numSamples: 400 } } })
    expect(await keys(`${ulid}/chunks/`)).toEqual([1, 2, 3].map((n) => `${ulid}/chunks/00000${n}`))
    expect((await bucket.head(`${ulid}/chunks/000002`)).size).toBe(8)
    const made = await readBlock(bucket, ulid)
    const samples = [...made.index.allSeries()].map((series) => made.samples(series).length)
    expect(samples).toEqual(Array.from({ length: 10 }, () => 40))
  })

  it('names an input that is broken', async () => {
    await change(`${testId(1)}/chunks/000001`, (body) =>
      body.map((byte, i) => (i === 100 ? byte ^ 1 : byte)),
    )
    await expect(writePart({ bucket, ulid: ULID, part: 0 })).rejects.toMatchObject({
      kind: 'corrupt',
      where: `${testId(1)}/chunks/000001`,
    })
    expect(await keys(partKey(1))).toEqual([])
  })

  it('says that there is no such part', async () => {
    await expect(writePart({ bucket, ulid: ULID, part: 3 })).rejects.toMatchObject({
      kind: 'invalid',
      message: `no part 3 of 3 of block ${ULID}`,
    })
  })
})

describe('readCuts', () => {
  it('says which parts are there', async () => {
    await writePart({ bucket, ulid: ULID, part: 2 })
    await writePart({ bucket, ulid: ULID, part: 0 })
    expect(await readCuts(bucket, 0)).toEqual([
      {
        ulid: ULID,
        inputs: [testId(1), testId(2)],
        parts: 3,
        done: [0, 2],
        keys: await keys('thaw/compact/'),
      },
    ])
  })

  it.each([
    ['cut off', (body: Uint8Array) => body.slice(0, 50)],
    ['empty', () => new Uint8Array(0)],
    ['of another version', () => new TextEncoder().encode('{"version":0}')],
    [
      'of another block',
      (body: Uint8Array) => Buffer.from(Buffer.from(body).toString().replace(ULID, testId(7))),
    ],
  ])(
    'says that a cut is broken that is %s, when it can not be one that is being written',
    async (_, how) => {
      await change(cutKey(ULID), how)
      expect(await readCuts(bucket, HOUR_MS - 1)).toEqual([])
      const where = cutKey(ULID)
      expect(await readCuts(bucket, HOUR_MS)).toEqual([
        {
          ulid: ULID,
          inputs: [],
          parts: 0,
          done: [],
          keys: await keys('thaw/compact/'),
          broken: `${where}: no cut of a block at byte 0`,
        },
      ])
      await expect(writePart({ bucket, ulid: ULID, part: 0 })).rejects.toMatchObject({ where })
    },
  )

  it('finds what is left where the cut itself is gone', async () => {
    await bucket.delete(cutKey(ULID))
    const found = await readCuts(bucket, HOUR_MS)
    expect(found).toMatchObject([{ ulid: ULID, broken: `there is no ${cutKey(ULID)}` }])
    expect(await finish()).toEqual({ status: 'skipped', reason: `no cut of block ${ULID}` })
  })
})
