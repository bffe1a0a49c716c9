/** One job from packs to a block: what is in it, what it costs, and what happens where a pack is gone or broken. */
import { describe, expect, it } from 'vitest'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { countingBucket } from '#lib/bucket/counting-bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { packsToBlock } from '#lib/compact/fresh/packs-to-block.ts'
import { type Job, jobKey } from '#lib/compact/jobs/job.ts'
import { runJob } from '#lib/compact/jobs/run-job.ts'
import { parseMarks } from '#lib/fresh/pack-marks.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import { BlockReader } from '#lib/tsdb/block/block-reader.ts'
import { chunkSampleCount } from '#lib/tsdb/chunk/chunk.ts'
import { encodeChunks } from '#lib/tsdb/chunk/encode.ts'
import { putPack } from '../../store/put-pack.ts'
import { every, testId } from '../../store/sample-block.ts'

const MINUTE = 60_000
const NOON = Date.UTC(2026, 10, 21, 12)
const WINDOW = { startMs: NOON, endMs: NOON + 120 * MINUTE }
const EXTERNAL = { cluster: 'eu' }

/** A third are gauges that move all the time, the others counters. */
function valueAt(series: number, t: number): number {
  const noise = Math.sin(series * 1000 + t / 15_000)
  return series % 3 === 0 ? noise * 1000 : Math.round(t / 1000 + noise * 10)
}

/** Five minutes each, every 15 seconds; series ascend. */
async function putPacks(bucket: Bucket, count: number, seriesCount: number): Promise<string[]> {
  const keys: string[] = []
  for (let n = 0; n < count; n++) {
    const startMs = NOON + n * 5 * MINUTE
    const series = Array.from({ length: seriesCount }, (_, i) => ({
      labels: labelsFrom({
        __name__: `m_${String(i % 100).padStart(3, '0')}`,
        host: `${1000 + i}`,
      }),
      chunks: encodeChunks(every(15_000, startMs, startMs + 5 * MINUTE, (t) => valueAt(i, t))),
    }))
    series.sort((a, b) => (a.labels.join(' ') < b.labels.join(' ') ? -1 : 1))
    const place = { external: EXTERNAL, epoch: 'Er', from: n, to: n + 1 }
    keys.push(await putPack(bucket, place, { series }))
  }
  return keys
}

async function readBlock(bucket: Bucket, id: string): Promise<BlockReader> {
  const files = new Map<string, Uint8Array>()
  for await (const { objects } of bucket.list(`${id}/`)) {
    for (const { key } of objects) files.set(key.slice(id.length + 1), (await bucket.get(key)).body)
  }
  return new BlockReader((name) => files.get(name))
}

function merge(packs: readonly string[]): Job {
  return { type: 'merge-packs', packs, ...WINDOW }
}

const run = (bucket: Bucket, job: Job) =>
  runJob(job, {
    bucket,
    now: () => NOON + 200 * MINUTE,
    newUlid: () => testId(7),
    owner: 'worker',
    deleteDelayMs: 0,
  })

describe('packsToBlock', () => {
  it('reads each byte once, in a request of each small pack; two hours of 1,000 series', async () => {
    const memory = memoryBucket()
    const packs = await putPacks(memory, 24, 1000)
    let size = 0
    for (const key of packs) size += (await memory.head(key)).size
    const { bucket, counts } = countingBucket(memory)
    const confirmed: number[] = []
    const meta = await packsToBlock({
      bucket,
      packs,
      ...WINDOW,
      ulid: testId(7),
      now: () => NOON,
      confirm: async () => void confirmed.push(counts.puts),
    })
    expect({ ...counts, bytesRead: 0, bytesWritten: 0, roundTrips: 0 }).toEqual({
      gets: 24,
      lists: 0,
      // Chunks, index, lookup, meta.json.
      puts: 4,
      deletes: 0,
      heads: 0,
      bytesRead: 0,
      bytesWritten: 0,
      roundTrips: 0,
    })
    expect(confirmed).toEqual([3])
    expect(counts.bytesRead).toBe(size)
    // 1.8 MB become 2.1 MB, of which 0.2 are index and lookup.
    expect(counts.bytesWritten / size).toBeLessThan(1.2)
    expect(counts.roundTrips).toBeLessThan(8)
    expect(meta).toMatchObject({
      ulid: testId(7),
      minTime: WINDOW.startMs,
      maxTime: WINDOW.endMs,
      stats: { numSamples: 480_000, numSeries: 1000, numChunks: 4000 },
      compaction: { level: 1, sources: [testId(7)] },
      thanos: {
        labels: EXTERNAL,
        downsample: { resolution: 0 },
        source: 'thaw',
        extensions: { thaw: { fresh: { ...WINDOW, epochs: { Er: [[0, 24]] } } } },
      },
    })
  })

  it('reads large packs in pieces, with the same block', async () => {
    const memory = memoryBucket()
    const packs = await putPacks(memory, 3, 4000)
    const make = async (maxBytes: number, n: number): Promise<number> => {
      const { bucket, counts } = countingBucket(memory)
      await packsToBlock({ bucket, packs, ...WINDOW, ulid: testId(n), now: () => 0, maxBytes })
      return counts.gets
    }
    const few = await make(1 << 28, 8)
    const many = await make(1, 9)
    expect(few).toBe(3)
    expect(many).toBeGreaterThan(6)
    for (const file of ['index', 'chunks/000001']) {
      const [a, b] = [
        await memory.get(`${testId(8)}/${file}`),
        await memory.get(`${testId(9)}/${file}`),
      ]
      expect(Buffer.compare(a.body, b.body)).toBe(0)
    }
  })

  it('gives chunks of 120 samples and only those of the window', async () => {
    const bucket = memoryBucket()
    const packs = await putPacks(bucket, 30, 1)
    await packsToBlock({ bucket, packs, ...WINDOW, ulid: testId(7), now: () => 0 })
    const block = await readBlock(bucket, testId(7))
    const [series] = [...block.index.allSeries()]
    const counts = series!.chunks.map((chunk) => {
      const { encoding, data } = block.chunk(chunk)
      return chunkSampleCount(encoding, data)
    })
    expect(counts).toEqual([120, 120, 120, 120])
    const { timestamps, length } = block.samples(series!)
    expect([timestamps[0], timestamps[length - 1]]).toEqual([NOON, WINDOW.endMs - 15_000])
  })

  it('says where there is nothing, once for all packs in a row', async () => {
    const bucket = memoryBucket()
    const packs = await putPacks(bucket, 3, 2)
    const later = { startMs: WINDOW.endMs, endMs: WINDOW.endMs + 120 * MINUTE }
    const made = await packsToBlock({ bucket, packs, ...later, ulid: testId(7), now: () => 0 })
    expect(made).toBeUndefined()
    const objects: string[] = []
    for await (const page of bucket.list('')) objects.push(...page.objects.map(({ key }) => key))
    const [mark, ...rest] = objects
    expect(rest).toEqual(packs)
    expect(parseMarks([{ key: mark!, size: 0, etag: '', lastModifiedMs: 0 }])).toEqual([
      { key: mark, kind: 'empty', writer: 'cluster=eu', epoch: 'Er', from: 0, to: 3, ...later },
    ])
  })
})

describe('a job of packs', () => {
  it('is skipped where one is gone, and leaves no block', async () => {
    const bucket = memoryBucket()
    const packs = await putPacks(bucket, 3, 2)
    await bucket.delete(packs[1]!)
    const outcome = await run(bucket, merge(packs))
    expect(outcome).toEqual({ status: 'skipped', report: `fresh block ${packs[1]} is gone` })
    await expect(bucket.head(`${testId(7)}/meta.json`)).rejects.toMatchObject({ kind: 'not-found' })
  })

  it.each([
    ['at its end', (size: number) => size - 3],
    ['in its series', () => 20],
  ])('sets a pack aside that is broken %s', async (_, where) => {
    const bucket = memoryBucket()
    const packs = await putPacks(bucket, 3, 50)
    const { body } = await bucket.get(packs[1]!)
    body[where(body.length)]! ^= 0x40
    await bucket.put(packs[1]!, body)
    const outcome = await run(bucket, merge(packs))
    expect(outcome).toMatchObject({ status: 'set-aside', block: packs[1] })
    expect(outcome.report).toContain(packs[1])
    const marks: string[] = []
    for await (const { objects } of bucket.list('thaw/fresh/-')) {
      marks.push(...parseMarks(objects).map(({ kind, from, to }) => `${kind} ${from} ${to}`))
    }
    expect(marks).toEqual(['broken 1 2'])
  })

  it('is named by its packs and its window', () => {
    expect(jobKey(merge(['thaw/fresh/a']))).not.toBe(jobKey(merge(['thaw/fresh/b'])))
  })

  it('takes no packs of several writers', async () => {
    const bucket = memoryBucket()
    const packs = await putPacks(bucket, 1, 1)
    packs.push(await putPack(bucket, { from: 0, to: 1 }, {}))
    await expect(run(bucket, merge(packs))).rejects.toMatchObject({ kind: 'invalid' })
  })
})
