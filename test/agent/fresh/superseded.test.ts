/** When fresh blocks go: when a block of the bucket has their samples, where queries find it, and not before. */
import { encodeTime } from 'ulid'
import { describe, expect, it } from 'vitest'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { updateBucketIndex } from '#lib/blocks/bucket-index.ts'
import { asExtensions, packsInBlock } from '#lib/fresh/packs-in-block.ts'
import { HOUR, temporaryDir, writeBlockAs } from '../block-fixture.ts'
import { keysOf } from '../test-buckets.ts'
import { FakeClock, pauses, runFresh } from './fresh-agent.ts'
import { readFresh } from './read-packs.ts'
import { exemplarRecord, samplesRecord, seriesRecord, WrittenLog } from './written-wal.ts'

const NOON = Date.UTC(2026, 10, 21, 12)
const MINUTE = 60_000

interface World {
  readonly tsdbPath: string
  readonly clock: FakeClock
  readonly bucket: Bucket
  readonly log: WrittenLog
}

/** One pack, made at half past twelve, with samples of the minutes before. */
async function world(): Promise<World> {
  const tsdbPath = await temporaryDir()
  const clock = new FakeClock(NOON + 30 * MINUTE)
  const bucket = memoryBucket({ now: clock.now })
  const log = new WrittenLog(tsdbPath)
  log.append(seriesRecord([1, '__name__', 'up'], [2, '__name__', 'down']))
  log.append(samplesRecord([1, NOON + 28 * MINUTE, 1], [1, NOON + 29 * MINUTE, 2]))
  return { tsdbPath, clock, bucket, log }
}

interface Made {
  readonly minTime?: number
  readonly maxTime?: number
  readonly madeMs?: number
  readonly hints?: readonly string[]
  readonly extensions?: unknown
}

/** Prometheus makes a block; of 12 to 14 o'clock, at 15, if nothing else is said. */
async function makeBlock({ tsdbPath }: World, made: Made = {}): Promise<string> {
  const { minTime = NOON, maxTime = NOON + 2 * HOUR, madeMs = NOON + 3 * HOUR, hints } = made
  const id = encodeTime(madeMs, 10) + 'A'.repeat(15) + (hints ? '2' : '1')
  const compaction = { level: 1, sources: [id], ...(hints && { hints }) }
  await writeBlockAs(tsdbPath, id, { minTime, maxTime, extra: { compaction } })
  return id
}

/** The agent ships it; with an index, `plan` says so. */
async function ship({ bucket }: World, id: string, made: Made = {}): Promise<void> {
  const { minTime = NOON, maxTime = NOON + 2 * HOUR, extensions } = made
  const meta = {
    ulid: id,
    minTime,
    maxTime,
    stats: { numSamples: 2, numSeries: 1, numChunks: 1 },
    compaction: { level: 1, sources: [id] },
    version: 1,
    thanos: {
      labels: { cluster: 'eu' },
      downsample: { resolution: 0 },
      source: 'sidecar',
      extensions,
    },
  }
  const text = new TextEncoder()
  await bucket.put(`${id}/index`, text.encode('index'))
  await bucket.put(`${id}/chunks/000001`, text.encode('chunks'))
  await bucket.put(`${id}/meta.json`, text.encode(JSON.stringify(meta)))
}

/** How many packs there are after so many minutes more. */
async function packsAfter(world: World, minutes: number): Promise<number> {
  await runFresh({ ...world, onPause: pauses(minutes * 2) })
  const keys = await keysOf(world.bucket)
  return keys.filter((key) => key.startsWith('thaw/fresh/')).length
}

describe('a pack whose samples a block has', () => {
  it('stays while the block is on the disk alone', async () => {
    const at = await world()
    expect(await packsAfter(at, 1)).toBe(1)
    at.clock.ms = NOON + 3 * HOUR
    await makeBlock(at)
    expect(await packsAfter(at, 10)).toBe(1)
  })

  it('goes a minute after the block is in a bucket without an index', async () => {
    const at = await world()
    await packsAfter(at, 1)
    at.clock.ms = NOON + 3 * HOUR
    await ship(at, await makeBlock(at))
    expect(await packsAfter(at, 0)).toBe(1)
    expect(await packsAfter(at, 3)).toBe(0)
  })

  it('goes when the index has the block, and not before', async () => {
    const at = await world()
    await packsAfter(at, 1)
    await updateBucketIndex(at.bucket, { now: at.clock.now })
    at.clock.ms = NOON + 3 * HOUR
    await ship(at, await makeBlock(at))
    expect(await packsAfter(at, 5)).toBe(1)
    await updateBucketIndex(at.bucket, { now: at.clock.now })
    expect(await packsAfter(at, 5)).toBe(0)
  })

  it('goes with an agent that was away while the block was on this disk', async () => {
    const at = await world()
    await packsAfter(at, 1)
    at.clock.ms = NOON + 3 * HOUR
    const id = encodeTime(at.clock.ms, 10) + 'A'.repeat(16)
    await ship(at, id)
    await updateBucketIndex(at.bucket, { now: at.clock.now })
    at.clock.ms = NOON + 100 * HOUR
    expect(await packsAfter(at, 15)).toBe(0)
  })

  it('stays when that block was made of other packs', async () => {
    const at = await world()
    await packsAfter(at, 1)
    at.clock.ms = NOON + 3 * HOUR
    const id = encodeTime(at.clock.ms, 10) + 'A'.repeat(16)
    const others = packsInBlock([{ epoch: 'E', from: 0, to: 10 }], NOON, NOON + 2 * HOUR)
    await ship(at, id, { extensions: asExtensions(others) })
    await updateBucketIndex(at.bucket, { now: at.clock.now })
    at.clock.ms = NOON + 100 * HOUR
    expect(await packsAfter(at, 15)).toBe(1)
  })

  it.each<[string, Made]>([
    ['was made before the pack', { madeMs: NOON + 20 * MINUTE, maxTime: NOON + 20 * MINUTE }],
    ['ends before the pack does', { maxTime: NOON + 29 * MINUTE }],
    ['begins within the pack', { minTime: NOON + 29 * MINUTE }],
    ['has late samples only', { hints: ['from-out-of-order'] }],
    ['has late samples only, of a time that goes on', { madeMs: NOON + HOUR }],
    ['has series only that ended', { hints: ['from-stale-series'] }],
  ])('stays when the block %s', async (_, made) => {
    const at = await world()
    await packsAfter(at, 1)
    at.clock.ms = NOON + 4 * HOUR
    await ship(at, await makeBlock(at, made), made)
    expect(await packsAfter(at, 10)).toBe(1)
  })

  it('stays while a block of that time with part of it is not there', async () => {
    const at = await world()
    await packsAfter(at, 1)
    at.clock.ms = NOON + 3 * HOUR
    const part = await makeBlock(at, { hints: ['from-stale-series'], madeMs: NOON + 2 * HOUR })
    await ship(at, await makeBlock(at))
    expect(await packsAfter(at, 10)).toBe(1)
    await ship(at, part)
    expect(await packsAfter(at, 3)).toBe(0)
  })

  it('goes although an exemplar in it is of yesterday', async () => {
    const at = await world()
    at.log.append(exemplarRecord(1, NOON - 24 * HOUR, 1, 'trace_id', 't'))
    await packsAfter(at, 1)
    at.clock.ms = NOON + 3 * HOUR
    await ship(at, await makeBlock(at))
    expect(await packsAfter(at, 3)).toBe(0)
  })

  it('goes when its writer read late what the block has', async () => {
    const at = await world()
    at.clock.ms = NOON + 3 * HOUR
    const id = await makeBlock(at)
    at.clock.ms += MINUTE
    expect(await packsAfter(at, 5)).toBe(1)
    await ship(at, id)
    expect(await packsAfter(at, 3)).toBe(0)
  })

  it('goes although the external labels have changed since', async () => {
    const at = await world()
    const state = { externalLabels: { cluster: 'before' } }
    await runFresh({
      ...at,
      state,
      onPause: pauses(8, async (pause) => {
        if (pause === 1) state.externalLabels = { cluster: 'eu' }
        if (pause !== 3) return
        at.clock.ms = NOON + 3 * HOUR
        await ship(at, await makeBlock(at))
      }),
    })
    expect(await keysOf(at.bucket)).toHaveLength(3)
  })

  it('is not made of what a block in the bucket has', async () => {
    const at = await world()
    at.clock.ms = NOON + 3 * HOUR
    await ship(at, await makeBlock(at))
    at.log.append(samplesRecord([1, NOON + 2 * HOUR, 3]))
    await packsAfter(at, 1)
    const found = await readFresh(at.bucket)
    expect([...found.series.get('up')!]).toEqual([[NOON + 2 * HOUR, 3]])
  })
})

describe('a pack with late samples', () => {
  it('stays until they are in blocks too', async () => {
    const at = await world()
    const late = new WrittenLog(at.tsdbPath, 'wbl')
    late.append(samplesRecord([2, NOON + 10 * MINUTE, 7]))
    await packsAfter(at, 1)
    at.clock.ms = NOON + 3 * HOUR
    await ship(at, await makeBlock(at))
    expect(await packsAfter(at, 10)).toBe(1)
    // Prometheus makes a block of them, and removes their log.
    const hints = ['from-out-of-order']
    const block = await makeBlock(at, { hints, madeMs: NOON + 3 * HOUR + 1000 })
    late.cut()
    late.remove(0)
    expect(await packsAfter(at, 10)).toBe(1)
    await ship(at, block)
    expect(await packsAfter(at, 3)).toBe(0)
  })
})
