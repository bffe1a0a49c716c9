import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isStale, writeStale } from '#lib/model/samples.ts'
import type { SampleColumns } from '#lib/model/samples.ts'
import { DEDUP_REACH_MS, dedupReplicas } from '#lib/storage/dedup.ts'
import { columns } from '#test/store/sample-block.ts'

const seconds = (...times: number[]): SampleColumns => columns(times.map((t) => [t * 1000, t]))
const times = (samples: SampleColumns): number[] =>
  [...samples.timestamps.subarray(0, samples.length)].map((t) => t / 1000)

describe('dedupReplicas', () => {
  it('passes a healthy first replica through', () => {
    const first = seconds(0, 15, 30, 45, 60)
    expect(dedupReplicas([first, seconds(5, 20, 35, 50, 65)])).toBe(first)
  })

  it('fills a gap from the second replica, keeping an interval of distance at both ends', () => {
    const merged = dedupReplicas([seconds(0, 15, 75, 90), seconds(5, 20, 35, 50, 65, 80)])
    expect(times(merged)).toEqual([0, 15, 35, 50, 75, 90])
  })

  it('gives the gap-free series when both scrape at the same times', () => {
    const whole = [0, 15, 30, 45, 60, 75, 90, 105]
    const merged = dedupReplicas([seconds(0, 15, 30, 90, 105), seconds(0, 45, 60, 75, 90)])
    expect(times(merged)).toEqual(whole)
  })

  it('does not fill one missed scrape from a replica of another phase', () => {
    expect(times(dedupReplicas([seconds(0, 30, 45), seconds(5, 20, 35)]))).toEqual([0, 30, 45])
  })

  it('folds three replicas in order', () => {
    const merged = dedupReplicas([
      seconds(0, 100),
      seconds(0, 15, 100),
      seconds(0, 15, 30, 45, 100),
    ])
    expect(times(merged)).toEqual([0, 15, 30, 45, 100])
  })

  it('keeps the bits of stale markers', () => {
    const second = seconds(0, 15, 30)
    writeStale(second.values, 1)
    const merged = dedupReplicas([seconds(0, 60), second])
    expect(times(merged)).toEqual([0, 15, 30, 60])
    expect(isStale(merged.values, 1)).toBe(true)
  })

  it('gives the same samples for a cut as for the whole, when the cut reads the reach further', () => {
    const replica = fc
      .uniqueArray(fc.integer({ min: 0, max: 4000 }), { maxLength: 200 })
      .map((all) => all.sort((a, b) => a - b))
    fc.assert(
      fc.property(
        replica,
        replica,
        replica,
        fc.integer({ min: 0, max: 4000 }),
        fc.integer({ min: 0, max: 2000 }),
        (a, b, c, start, span) => {
          const end = start + span
          const reach = (2 * DEDUP_REACH_MS) / 1000
          const near = (all: number[]): SampleColumns =>
            seconds(...all.filter((t) => t >= start - reach && t <= end + reach))
          const inside = (all: number[]): number[] => all.filter((t) => t >= start && t <= end)
          const whole = times(dedupReplicas([seconds(...a), seconds(...b), seconds(...c)]))
          const cut = times(dedupReplicas([near(a), near(b), near(c)]))
          expect(inside(cut)).toEqual(inside(whole))
        },
      ),
      { numRuns: 500 },
    )
  })
})
