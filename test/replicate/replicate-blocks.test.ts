/** Blocks into another bucket: their order, what is skipped, going on after an end, memory. */
import { beforeEach, describe, expect, it } from 'vitest'
import { lookUpBlocks } from '#lib/blocks/look-up-blocks.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { countingBucket } from '#lib/bucket/counting-bucket.ts'
import { faultyBucket, unavailableError } from '#lib/bucket/faulty-bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { copyObject, PIECE_BYTES } from '#lib/replicate/copy-object.ts'
import { replicateBlocks, type ReplicateOptions } from '#lib/replicate/replicate-blocks.ts'
import { every, labels, putBlock, testId } from '../store/sample-block.ts'

const HOUR = 3_600_000

let from: Bucket
let to: Bucket

async function put(n: number, hour: number): Promise<void> {
  const [minTimeMs, maxTimeMs] = [hour * HOUR, (hour + 2) * HOUR]
  const series = [
    { labels: labels({ __name__: 'up' }), samples: every(60_000, minTimeMs, maxTimeMs, () => n) },
  ]
  // Copied as they are, so any bytes will do.
  await from.put(`${testId(n)}/tombstones`, new Uint8Array(20))
  await putBlock(from, { id: testId(n), minTimeMs, maxTimeMs, series })
}

async function keysOf(bucket: Bucket): Promise<string[]> {
  const keys: string[] = []
  for await (const page of bucket.list('')) keys.push(...page.objects.map(({ key }) => key))
  return keys
}

async function replicate(more: Partial<ReplicateOptions> = {}) {
  const { blocks } = await lookUpBlocks(from, { now: () => 0 })
  return replicateBlocks({ from, to, blocks, dryRun: false, ...more })
}

/** Of a block: chunks, index, tombstones, meta. */
const FILES = ['chunks/000001', 'index', 'meta.json', 'tombstones']

beforeEach(async () => {
  from = memoryBucket({ name: 'from' })
  to = memoryBucket({ name: 'to' })
  await put(1, 4)
  await put(2, 2)
})

describe('replicateBlocks', () => {
  it('copies the oldest block first, and of each meta.json last', async () => {
    const written: string[] = []
    const spied: Bucket = {
      ...to,
      async put(key, body, options) {
        written.push(key)
        return to.put(key, body, options)
      },
    }
    const done = await replicate({ to: spied })
    expect(done.map(({ id, status, objects }) => [id, status, objects])).toEqual([
      [testId(2), 'copied', 4],
      [testId(1), 'copied', 4],
    ])
    const order = (n: number) =>
      ['chunks/000001', 'tombstones', 'index', 'meta.json'].map((file) => `${testId(n)}/${file}`)
    expect(written).toEqual([...order(2), ...order(1)])
    for (const key of await keysOf(from)) {
      expect((await to.get(key)).body).toEqual((await from.get(key)).body)
    }
  })

  it('leaves marks and all that is no part of the block', async () => {
    const extra = ['no-compact-mark.json', 'deletion-mark.json', 'change.log', 'debug/metas/x.json']
    for (const file of extra) await from.put(`${testId(1)}/${file}`, new Uint8Array(1))
    await from.put('thaw/note', new Uint8Array(1))
    await replicate()
    const expected = [1, 2].flatMap((n) => FILES.map((file) => `${testId(n)}/${file}`))
    expect(await keysOf(to)).toEqual(expected)
  })

  it('asks for nothing but meta.json of a block that is there', async () => {
    await replicate()
    const counting = countingBucket(to)
    const done = await replicate({ to: counting.bucket })
    expect(done.map(({ status }) => status)).toEqual(['same', 'same'])
    expect(counting.counts).toMatchObject({ gets: 2, lists: 0, puts: 0, deletes: 0 })
  })

  it('puts a meta.json that has changed, and not what is there', async () => {
    await replicate()
    const key = `${testId(1)}/meta.json`
    const changed = new TextEncoder().encode(
      `${new TextDecoder().decode((await from.get(key)).body)}\n`,
    )
    await from.put(key, changed)
    const done = await replicate()
    expect(done[1]).toEqual({ id: testId(1), status: 'copied', objects: 1, bytes: changed.length })
    expect((await to.get(key)).body).toEqual(changed)
  })

  it('goes on where it was ended, at whatever object that was', async () => {
    for (let at = 1; at <= 8; at++) {
      to = memoryBucket()
      const fault = { type: 'fail', error: unavailableError() } as const
      const faulty = faultyBucket(to, { on: ['put'], from: at, times: Infinity, fault })
      await expect(replicate({ to: faulty.bucket })).rejects.toThrow(/unavailable/)
      const keys = new Set(await keysOf(to))
      const whole = [testId(1), testId(2)].filter((id) => keys.has(`${id}/meta.json`))
      const files = whole.flatMap((id) => FILES.map((file) => `${id}/${file}`))
      expect(files.filter((key) => !keys.has(key))).toEqual([])
      const counting = countingBucket(to)
      await replicate({ to: counting.bucket })
      // Nothing that was there is written again.
      expect(counting.counts.puts + keys.size).toBe(8)
      expect(await keysOf(to)).toHaveLength(8)
    }
  })

  it('copies an object again whose size is not that of the source', async () => {
    await to.put(`${testId(1)}/index`, new Uint8Array(3))
    await replicate()
    const key = `${testId(1)}/index`
    expect((await to.get(key)).body).toEqual((await from.get(key)).body)
  })

  it('writes nothing in a dry run, and says as much as a run would', async () => {
    const counting = countingBucket(to)
    const dry = await replicate({ to: counting.bucket, dryRun: true })
    expect(counting.counts.puts).toBe(0)
    expect(dry).toEqual(await replicate())
  })

  it('goes on behind a block that the source deletes meanwhile', async () => {
    const { blocks } = await lookUpBlocks(from, { now: () => 0 })
    const gone: Bucket = {
      ...from,
      async getRange(key, start, end, options) {
        if (key.startsWith(testId(2))) {
          for (const file of FILES) await from.delete(`${testId(2)}/${file}`)
        }
        return from.getRange(key, start, end, options)
      },
    }
    const done = await replicateBlocks({ from: gone, to, blocks, dryRun: false })
    expect(done.map(({ status }) => status)).toEqual(['gone', 'copied'])
    expect(await keysOf(to)).not.toContain(`${testId(2)}/meta.json`)
  })
})

describe('copyObject', () => {
  it.each([0, 1, PIECE_BYTES, PIECE_BYTES + 1, 5 * PIECE_BYTES - 1])(
    'copies %i bytes with at most two pieces asked for ahead of what is written',
    async (size) => {
      const body = new Uint8Array(size).map((_, i) => i * 31)
      await from.put('key', body)
      let read = 0
      let written = 0
      let most = 0
      const reading: Bucket = {
        ...from,
        async getRange(key, start, end, options) {
          read += end - start
          most = Math.max(most, read - written)
          return from.getRange(key, start, end, options)
        },
      }
      const writing: Bucket = {
        ...to,
        putStream: (key, parts, options) =>
          to.putStream(
            key,
            (async function* () {
              for await (const part of parts) {
                yield part
                written += part.length
              }
            })(),
            options,
          ),
      }
      let told = 0
      await copyObject('key', size, { from: reading, to: writing, onBytes: (n) => (told += n) })
      expect(Buffer.compare((await to.get('key')).body, body)).toBe(0)
      expect([read, told]).toEqual([size, size])
      expect(most).toBeLessThanOrEqual(2 * PIECE_BYTES)
    },
  )

  it('says that the source has become shorter', async () => {
    await from.put('key', new Uint8Array(10))
    await expect(copyObject('key', 11, { from, to })).rejects.toMatchObject({ kind: 'corrupt' })
  })
})
