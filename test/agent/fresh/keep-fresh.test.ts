/** Fresh blocks in the bucket: every sample of the log, whatever happens to the bucket, the log and the agent. */
import { rmSync } from 'node:fs'
import { Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import type { Logger } from '#agent/logger.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { countingBucket } from '#lib/bucket/counting-bucket.ts'
import { faultyBucket, unavailableError } from '#lib/bucket/faulty-bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { temporaryDir } from '../block-fixture.ts'
import { keysOf } from '../test-buckets.ts'
import { FakeClock, pauses, runFresh } from './fresh-agent.ts'
import { type InBucket, readFresh } from './read-packs.ts'
import { samplesRecord, seriesRecord, WrittenLog } from './written-wal.ts'

const SERIES = seriesRecord([1, '__name__', 'up', 'job', 'a'], [2, '__name__', 'up', 'job', 'b'])

/** A log that has two samples more each time. */
class Scraped {
  readonly log: WrittenLog
  readonly #clock: FakeClock
  scrapes = 0

  constructor(tsdbPath: string, clock: FakeClock) {
    this.#clock = clock
    this.log = new WrittenLog(tsdbPath)
    this.log.append(SERIES)
  }

  scrape(): void {
    const value = ++this.scrapes
    const t = this.#clock.ms + value
    this.log.append(samplesRecord([1, t, value], [2, t, -value]))
    if (value % 20 === 0) this.log.cut()
  }
}

function valuesOf(found: InBucket): number[] {
  return [...(found.series.get('up{job="a"}') ?? [])]
    .sort(([a], [b]) => a - b)
    .map(([, value]) => value as number)
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1)
}

async function packKeys(bucket: Bucket): Promise<string[]> {
  const keys = await keysOf(bucket)
  return keys.filter((key) => key.startsWith('thaw/fresh/'))
}

async function valueOf(registry: Registry, name: string): Promise<number> {
  const metric = await registry.getSingleMetric(name)!.get()
  return metric.values[0]!.value
}

interface World {
  readonly tsdbPath: string
  readonly clock: FakeClock
  readonly bucket: Bucket
  readonly scraped: Scraped
}

async function world(): Promise<World> {
  const tsdbPath = await temporaryDir()
  const clock = new FakeClock()
  return {
    tsdbPath,
    clock,
    bucket: memoryBucket({ now: clock.now }),
    scraped: new Scraped(tsdbPath, clock),
  }
}

function recordingLogger(lines: string[]): Logger {
  const line = (_: object, text: string): void => void lines.push(text)
  return { debug() {}, info: line, warn: line, error: line }
}

describe('fresh blocks', () => {
  it('come each interval, with what is new, and a last one at the end', async () => {
    const { scraped, ...parts } = await world()
    const seen: number[] = []
    const metrics = await runFresh({
      ...parts,
      onPause: pauses(4, async () => {
        seen.push(valuesOf(await readFresh(parts.bucket)).length)
        scraped.scrape()
      }),
    })
    expect(seen).toEqual([0, 1, 2, 3])
    const found = await readFresh(parts.bucket)
    expect(valuesOf(found)).toEqual([1, 2, 3, 4])
    expect(found.twice).toBe(0)
    expect(found.packs.map(({ from, to }) => [from, to])).toEqual([
      [0, 1],
      [1, 2],
      [2, 3],
      [3, 4],
    ])
    expect(found.packs[0]!.labels).toEqual(['cluster', 'eu'])
    expect(metrics.get('thaw_fresh_packs_total')).toBe(4)
    expect(metrics.get('thaw_fresh_samples_total')).toBe(8)
    expect(metrics.get('thaw_fresh_series')).toBe(2)
    expect(metrics.get('thaw_fresh_epochs_total')).toBe(1)
    expect(metrics.get('thaw_fresh_unknown_refs_total')).toBe(0)
  })

  it('are none where nothing is new', async () => {
    const { scraped, ...parts } = await world()
    scraped.scrape()
    const counting = countingBucket(parts.bucket)
    await runFresh({ ...parts, bucket: counting.bucket, onPause: pauses(9) })
    expect(await packKeys(parts.bucket)).toHaveLength(1)
    expect(counting.counts.puts).toBe(1)
  })

  it('are made one of ten, which are deleted two minutes later', async () => {
    const { scraped, ...parts } = await world()
    const counts: number[] = []
    const metadata = { metric: 'up', type: 'gauge', help: 'Whether.', unit: '' }
    const metrics = await runFresh({
      ...parts,
      metadata: async () => [metadata],
      onPause: pauses(28, async () => {
        scraped.scrape()
        counts.push((await packKeys(parts.bucket)).length)
      }),
    })
    const found = await readFresh(parts.bucket)
    expect(valuesOf(found)).toEqual(upTo(28))
    expect(found.twice).toBe(0)
    expect(found.packs.map(({ from, to }) => [from, to])).toEqual([
      [0, 10],
      [10, 20],
      ...upTo(8).map((n) => [19 + n, 20 + n]),
    ])
    // Ten, the one of them, and four more in the two minutes.
    expect(Math.max(...counts)).toBe(10 + 1 + 4)
    expect(metrics.get('thaw_fresh_merges_total')).toBe(2)
    expect(metrics.get('thaw_fresh_deletions_total')).toBe(20)
    expect(found.metadata).toEqual([metadata])
  })

  it('are cut early where there is more than fits', async () => {
    const { scraped, ...parts } = await world()
    for (let segment = 0; segment < 6; segment++) {
      for (let i = 0; i < 20; i++) scraped.scrape()
      scraped.log.cut()
    }
    const metrics = await runFresh({ ...parts, freshMaxMemory: 500, onPause: pauses(0) })
    expect(metrics.get('thaw_fresh_packs_total')).toBe(6)
    const found = await readFresh(parts.bucket)
    expect(valuesOf(found)).toEqual(upTo(120))
  })

  it('come with the least interval and memory that can be asked for', async () => {
    const { scraped, ...parts } = await world()
    const metrics = await runFresh({
      ...parts,
      freshIntervalMs: 0,
      freshMaxMemory: 0,
      onPause: pauses(20, () => scraped.scrape()),
    })
    expect(valuesOf(await readFresh(parts.bucket))).toEqual(upTo(20))
    // There is no memory for packs to be merged.
    expect(metrics.get('thaw_fresh_merges_total')).toBe(0)
    expect(parts.clock.ms).toBeGreaterThanOrEqual(Date.UTC(2026, 10, 21, 12) + 2000)
  })

  it('go on under new external labels', async () => {
    const { scraped, ...parts } = await world()
    const state = { externalLabels: { cluster: 'eu' } as Record<string, string> }
    await runFresh({
      ...parts,
      state,
      onPause: pauses(4, (pause) => {
        scraped.scrape()
        if (pause === 1) state.externalLabels = { cluster: 'eu', replica: 'a' }
      }),
    })
    const found = await readFresh(parts.bucket)
    expect(valuesOf(found)).toEqual([1, 2, 3, 4])
    expect(found.twice).toBe(0)
    expect(found.packs.map(({ labels }) => labels.length / 2)).toEqual([1, 2, 2, 2])
  })
})

describe('after a restart', () => {
  it('they go on where they ended, and left-over ones are made one', async () => {
    const { scraped, ...parts } = await world()
    for (let run = 0; run < 3; run++) {
      await runFresh({ ...parts, onPause: pauses(3, () => scraped.scrape()) })
    }
    const found = await readFresh(parts.bucket)
    expect(valuesOf(found)).toEqual(upTo(9))
    expect(found.twice).toBe(0)
    expect(found.packs).toHaveLength(9)
    // Half an hour later those of the first runs are three.
    await runFresh({ ...parts, onPause: pauses(60) })
    const later = await readFresh(parts.bucket)
    expect(valuesOf(later)).toEqual(upTo(9))
    expect(later.packs.map(({ from, to }) => [from, to])).toEqual([
      [0, 3],
      [0, 3],
      [0, 3],
    ])
    expect(await packKeys(parts.bucket)).toHaveLength(3)
  })

  it('they begin anew where the log is another', async () => {
    const { scraped, ...parts } = await world()
    await runFresh({ ...parts, onPause: pauses(2, () => scraped.scrape()) })
    rmSync(scraped.log.folder, { recursive: true })
    const log = new WrittenLog(parts.tsdbPath)
    log.append(seriesRecord([1, '__name__', 'down', 'job', 'z']))
    for (let i = 1; i < 9; i++) log.append(samplesRecord([1, parts.clock.ms + i, i]))
    const lines: string[] = []
    await runFresh({ ...parts, logger: recordingLogger(lines), onPause: pauses(1) })
    const found = await readFresh(parts.bucket)
    expect(valuesOf(found)).toEqual([1, 2])
    expect([...found.series.get('down{job="z"}')!.values()]).toEqual(upTo(8))
    expect(lines.join()).toMatch(/does not go on where the newest fresh block ends/)
  })
})

describe('while it runs', () => {
  it('the log may become another', async () => {
    const { scraped, ...parts } = await world()
    const lines: string[] = []
    const metrics = await runFresh({
      ...parts,
      logger: recordingLogger(lines),
      onPause: pauses(6, (pause) => {
        if (pause !== 2) return scraped.scrape()
        rmSync(scraped.log.folder, { recursive: true })
        const log = new WrittenLog(parts.tsdbPath)
        log.append(seriesRecord([1, '__name__', 'down', 'job', 'z']))
        log.append(samplesRecord([1, parts.clock.ms, 7]))
        scraped.scrape = () => {}
        return undefined
      }),
    })
    const found = await readFresh(parts.bucket)
    expect(valuesOf(found)).toEqual([1, 2])
    expect([...found.series.get('down{job="z"}')!.values()]).toEqual([7])
    expect(metrics.get('thaw_fresh_epochs_total')).toBe(2)
    expect(lines.join()).toMatch(/not the one that was read before/)
  })

  it('the bucket may be gone for a day: then it waits, holds no more, and catches up', async () => {
    const { scraped, ...parts } = await world()
    const faulty = faultyBucket(parts.bucket)
    const { bucket, hits } = faulty
    const begin = parts.clock.ms
    const DAY = 24 * 3600_000
    const pausesMs: number[] = []
    let isGone = false
    let behind = 0
    const registry = new Registry()
    const metrics = await runFresh({
      ...parts,
      bucket,
      registry,
      onPause: async (ms) => {
        pausesMs.push(ms)
        const passed = parts.clock.ms - begin
        if (passed < 60_000 || passed >= (scraped.scrapes - 1) * 600_000) scraped.scrape()
        if (passed >= 60_000 && !isGone) {
          isGone = true
          faulty.inject({ fault: { type: 'fail', error: unavailableError() } })
        }
        if (passed >= DAY) faulty.heal()
        if (passed < DAY) behind = await valueOf(registry, 'thaw_fresh_behind_seconds')
        return passed < DAY + 300_000
      },
    })
    expect(Math.max(...pausesMs)).toBe(30_000)
    expect(behind).toBeCloseTo((DAY - 60_000) / 1000, -3)
    expect(metrics.get('thaw_fresh_behind_seconds')).toBeLessThan(1000)
    // At most one request each thirty seconds, but for the first ones.
    expect(hits.length).toBeLessThan(DAY / 30_000 + 20)
    expect(metrics.get('thaw_fresh_retries_total')).toBeGreaterThan(DAY / 30_000 - 200)
    const found = await readFresh(parts.bucket)
    expect(scraped.scrapes).toBeGreaterThan(100)
    expect(valuesOf(found)).toEqual(upTo(scraped.scrapes))
    expect(found.twice).toBe(0)
  })

  it('another agent may do the same, and both say so', async () => {
    const { scraped, ...parts } = await world()
    const lines: string[][] = [[], []]
    const turns = Array.from({ length: 40 }, () => Promise.withResolvers<void>())
    const first = runFresh({
      ...parts,
      logger: recordingLogger(lines[0]!),
      onPause: pauses(20, async (pause) => {
        scraped.scrape()
        turns[pause]!.resolve()
        await turns[20 + pause]!.promise
      }),
    })
    const second = runFresh({
      ...parts,
      clock: new FakeClock(parts.clock.ms + 1),
      logger: recordingLogger(lines[1]!),
      onPause: pauses(20, async (pause) => {
        turns[20 + pause]!.resolve()
        await turns[Math.min(pause + 1, 19)]!.promise
      }),
    })
    await Promise.all([first, second])
    const found = await readFresh(parts.bucket)
    expect(valuesOf(found)).toEqual(upTo(20))
    expect(found.twice).toBeGreaterThan(0)
    expect(lines[0]!.join()).toMatch(/another agent/)
    expect(lines[1]!.join()).toMatch(/another agent/)
  })
})

describe('a kill', () => {
  it.each(['fail', 'lose-answer'] as const)(
    'at any request to the bucket (%s) loses no sample',
    async (type) => {
      const operations = new Set<string>()
      for (let at = 1; ; at++) {
        const { scraped, ...parts } = await world()
        const kill = new AbortController()
        const faulty = faultyBucket(parts.bucket)
        const { bucket, hits } = faulty
        faulty.inject({ from: at, fault: { type, error: unavailableError('killed') } })
        let survived = true
        await runFresh({
          ...parts,
          bucket,
          kill,
          onPause: pauses(16, () => {
            if (hits.length > 0) {
              survived = false
              kill.abort()
            } else scraped.scrape()
          }),
        })
        for (const hit of hits.slice(0, 1)) operations.add(hit.split(' ')[0]!)
        await runFresh({ ...parts, onPause: pauses(4, () => scraped.scrape()) })
        const found = await readFresh(parts.bucket)
        expect(valuesOf(found)).toEqual(upTo(scraped.scrapes))
        if (survived) break
      }
      expect([...operations].sort()).toEqual(['delete', 'list', 'put'])
    },
  )
})
