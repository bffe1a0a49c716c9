/** Packs of agents that are gone, or were under other labels, become blocks; those of an agent that lives and ships none, too. */
import { describe, expect, it } from 'vitest'
import { updateBucketIndex } from '#lib/blocks/bucket-index.ts'
import { scanBlocks } from '#lib/blocks/scan.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { DEFAULT_COMPACT_SETTINGS } from '#lib/compact/plan/settings.ts'
import { runHere } from '#lib/compact/run-here.ts'
import { mayShipBlocks, parseFreshKey } from '#lib/fresh/fresh-key.ts'
import { labelsToRecord } from '#lib/model/labels.ts'
import { encodeChunks } from '#lib/tsdb/chunk/encode.ts'
import { temporaryDir } from '../../agent/block-fixture.ts'
import { FakeClock, pauses, runFresh } from '../../agent/fresh/fresh-agent.ts'
import { samplesRecord, seriesRecord, WrittenLog } from '../../agent/fresh/written-wal.ts'
import { keysOf } from '../../agent/test-buckets.ts'
import { columns, testId } from '../../store/sample-block.ts'

const NOON = Date.UTC(2026, 10, 21, 12)
const MINUTE = 60_000
const HOUR = 60 * MINUTE

let made = 300

async function compact(bucket: Bucket, clock: FakeClock): Promise<void> {
  await runHere({
    bucket,
    settings: DEFAULT_COMPACT_SETTINGS,
    now: clock.now,
    newUlid: () => testId(++made),
    owner: 'worker',
    concurrency: 2,
  })
}

async function packsOf(bucket: Bucket): Promise<string[]> {
  return (await keysOf(bucket)).filter((key) => key.startsWith('thaw/fresh/'))
}

/** `eu 12..14 2`: external label, hours of the day, samples. */
async function blocksOf(bucket: Bucket): Promise<string[]> {
  const { blocks } = await scanBlocks(bucket, new Map())
  const hour = (ms: number): number => (ms - NOON) / HOUR + 12
  return blocks
    .map(({ labels, minTimeMs, maxTimeMs, sampleCount }) =>
      [
        Object.values(labelsToRecord(labels)).join(),
        `${hour(minTimeMs)}..${hour(maxTimeMs)}`,
        sampleCount,
      ].join(' '),
    )
    .sort()
}

describe('packs that no agent looks after', () => {
  it('under labels that were before a restart become a block three hours later, and go', async () => {
    const clock = new FakeClock(NOON + 30 * MINUTE)
    const bucket = memoryBucket({ now: clock.now })
    const tsdbPath = await temporaryDir()
    const log = new WrittenLog(tsdbPath)
    log.append(seriesRecord([1, '__name__', 'up']))
    log.append(samplesRecord([1, NOON + 28 * MINUTE, 1], [1, NOON + 29 * MINUTE, 2]))
    const agent = { tsdbPath, bucket, clock }
    await runFresh({
      ...agent,
      state: { externalLabels: { cluster: 'former' } },
      onPause: pauses(2),
    })
    log.append(samplesRecord([1, NOON + 31 * MINUTE, 3]))
    await runFresh({ ...agent, state: { externalLabels: { cluster: 'eu' } }, onPause: pauses(2) })
    const before = await packsOf(bucket)
    expect(before.every((key) => mayShipBlocks(parseFreshKey(key)!.epoch))).toBe(true)
    clock.ms = NOON + 5 * HOUR - MINUTE
    await compact(bucket, clock)
    expect(await blocksOf(bucket)).toEqual([])
    clock.ms = NOON + 5 * HOUR
    await compact(bucket, clock)
    expect(await packsOf(bucket)).toEqual(before)
    expect(await blocksOf(bucket)).toContain('former 12..14 2')
    clock.ms += 6 * MINUTE
    await compact(bucket, clock)
    expect(await packsOf(bucket)).toEqual([])
    expect(await blocksOf(bucket)).toContain('former 12..14 2')
  })
})

describe('an agent that asks by remote read', () => {
  it('has blocks made of its packs soon after each window, and forgets the packs that are gone', async () => {
    const clock = new FakeClock(NOON)
    const bucket = memoryBucket({ now: clock.now })
    const samples: [number, number][] = []
    const metrics = await runFresh({
      tsdbPath: '/nowhere/data',
      freshSource: 'remote-read',
      bucket,
      clock,
      async *ask({ minTimeMs, maxTimeMs }) {
        const wanted = samples.filter(([t]) => t >= minTimeMs && t <= maxTimeMs)
        if (wanted.length === 0) return
        yield { labels: ['__name__', 'up', 'cluster', 'eu'], chunks: encodeChunks(columns(wanted)) }
      },
      onPause: pauses(2 * 60 * 3, async (pause) => {
        samples.push([clock.ms, pause])
        if (pause % 10 === 0) {
          await updateBucketIndex(bucket, { now: clock.now })
          await compact(bucket, clock)
        }
      }),
    })
    const packs = await packsOf(bucket)
    expect(packs.every((key) => !mayShipBlocks(parseFreshKey(key)!.epoch))).toBe(true)
    const first = Math.min(...packs.map((key) => parseFreshKey(key)!.maxTimeMs))
    expect(first).toBeGreaterThanOrEqual(NOON + 2 * HOUR)
    expect(await blocksOf(bucket)).toEqual(['eu 12..14 240'])
    expect(metrics.get('thaw_fresh_bucket_packs')).toBeLessThan(30)
    expect(metrics.get('thaw_fresh_upkeep_failures_total')).toBe(0)
  })
})
