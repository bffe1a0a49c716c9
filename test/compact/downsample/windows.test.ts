import { describe, expect, it } from 'vitest'
import { batchEnds, chunkCount, windowEnd } from '#lib/compact/downsample/windows.ts'

const MINUTE_MS = 60_000
const FIVE_MS = 5 * MINUTE_MS

describe('windowEnd', () => {
  it.each([
    [0, 299_999],
    [299_999, 299_999],
    [300_000, 599_999],
    [-1, -1],
    [-300_000, -1],
    [1_772_496_000_001, 1_772_496_299_999],
  ])('of %d is %d', (timeMs, end) => {
    expect(windowEnd(timeMs, FIVE_MS)).toBe(end)
  })
})

describe('chunkCount', () => {
  const count = (hours: number, samples: number): number =>
    chunkCount(
      { minTimeMs: 0, maxTimeMs: hours * 60 * MINUTE_MS, count: samples },
      MINUTE_MS,
      FIVE_MS,
    )

  it('gives a chunk 140 windows on average, at most', () => {
    expect(count(11, 660)).toBe(1)
    expect(count(11.75, 705)).toBe(2)
    expect(count(48, 2880)).toBe(5)
  })

  it('expects fewer windows of fewer samples', () => {
    expect(count(48, 288)).toBe(1)
    expect(count(48, 100_000)).toBe(5)
  })

  it('is one for a single sample', () => {
    expect(count(0, 1)).toBe(1)
  })
})

describe('batchEnds', () => {
  it('cuts no window', () => {
    const timestamps = Float64Array.from({ length: 2000 }, (_, i) => i * MINUTE_MS)
    const ends = batchEnds(timestamps, 0, 2000, FIVE_MS)
    expect(ends).toEqual([670, 1340, 2000])
  })

  it('begins where it is told', () => {
    expect(batchEnds(Float64Array.of(1, 2, 3, 4), 1, 3, FIVE_MS)).toEqual([3])
  })
})
