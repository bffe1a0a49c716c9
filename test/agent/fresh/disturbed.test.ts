/** Fresh blocks while the clock is set and while many series come and go. */
import { describe, expect, it } from 'vitest'
import { LogSession } from '#agent/fresh/log-session.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { temporaryDir } from '../block-fixture.ts'
import { FakeClock, pauses, runFresh } from './fresh-agent.ts'
import { readFresh } from './read-packs.ts'
import { samplesRecord, seriesRecord, WrittenLog } from './written-wal.ts'

const DAY = 24 * 3_600_000

describe('a clock that is set', () => {
  it.each([
    ['back', -DAY],
    ['ahead', DAY],
  ])(
    '%s by a day between two rounds or in one: no sample is late, missing or twice',
    async (_, jumpMs) => {
      const tsdbPath = await temporaryDir()
      const clock = new FakeClock()
      const inner = memoryBucket({ now: clock.now })
      let jumps = 0
      // While a pack is on its way.
      const bucket = {
        ...inner,
        put: async (...args: Parameters<typeof inner.put>) => {
          if (jumps++ === 7) clock.ms += jumpMs
          return inner.put(...args)
        },
      }
      const log = new WrittenLog(tsdbPath)
      log.append(seriesRecord([1, '__name__', 'up']))
      let scrapes = 0
      const waits: number[] = []
      const onPause = pauses(60, () => {
        if (scrapes === 20) clock.ms += jumpMs
        // Prometheus takes no sample that is not newer than the one before.
        log.append(samplesRecord([1, Date.UTC(2026, 10, 21, 12) + ++scrapes, scrapes]))
      })
      await runFresh({
        tsdbPath,
        clock,
        bucket,
        onPause: async (ms) => {
          waits.push(ms)
          return onPause()
        },
      })
      expect(Math.max(...waits)).toBe(30_000)
      const found = await readFresh(inner)
      expect([...found.series.get('up')!.values()]).toEqual(
        Array.from({ length: 60 }, (_, i) => i + 1),
      )
      expect(found.twice).toBe(0)
    },
  )
})

describe('two hundred thousand series that come and go', () => {
  it('take the room of those that are there', async () => {
    const tsdbPath = await temporaryDir()
    const log = new WrittenLog(tsdbPath)
    const session = new LogSession({ tsdbPath, dropBeforeMs: -Infinity, maxBytes: 32 << 20 })
    const WAVE = 10_000
    const sizes: number[] = []
    let samples = 0
    for (let wave = 0; wave < 20; wave++) {
      const refs = Array.from({ length: WAVE }, (_, i) => wave * WAVE + i + 1)
      const named = seriesRecord(
        ...refs.map((ref) => [ref, '__name__', 'job_seconds', 'run', `run-${ref}`] as const),
      )
      log.append(named, samplesRecord(...refs.map((ref) => [ref, 1000 * wave, ref] as const)))
      log.cut()
      expect(await session.read()).toBe(true)
      const pack = await session.head.flush(session.table, undefined, async () => {})
      samples += pack.sampleCount
      log.checkpoint(log.segment - 1, named)
      await session.follower.evict()
      sizes.push(session.table.byteLength)
    }
    expect(samples).toBe(20 * WAVE)
    expect(session.table.size).toBe(WAVE)
    expect(session.takeCounts().unknownRefs).toBe(0)
    expect(Math.max(...sizes.slice(2))).toBeLessThanOrEqual(Math.max(...sizes.slice(0, 2)))
    expect(Math.max(...sizes)).toBeLessThan(WAVE * 150)
  })
})
