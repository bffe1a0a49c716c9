import { describe, expect, it } from 'vitest'
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { cutSteps } from '#lib/query/cut.ts'

const HOUR = 3_600_000

/** A day in steps of a minute. */
const DAY = { startMs: 0, stepMs: 60_000, stepCount: 1440 }

/** Blocks end to end. */
function blocksOf(...hours: number[]): BlockRecord[] {
  let endMs = 0
  return hours.map((length) => {
    const minTimeMs = endMs
    endMs += length * HOUR
    return { minTimeMs, maxTimeMs: endMs } as BlockRecord
  })
}

function cut(blocks: readonly BlockRecord[], maxSlices: number, reachMs = 0): number[] {
  const runs = cutSteps(DAY, blocks, () => 1, reachMs, { sliceBytes: 0.01, maxSlices })
  let next = 0
  for (const { first, count } of runs) {
    expect(first).toBe(next)
    next += count
  }
  expect(next).toBe(DAY.stepCount)
  return runs.map(({ count }) => count / 60)
}

describe('cutSteps', () => {
  it('takes the borders of blocks where they are near', () => {
    expect(cut(blocksOf(8, 8, 8), 3)).toEqual([8, 8, 8])
    expect(cut(blocksOf(10, 14), 2)).toEqual([10, 14])
  })

  it('makes slices of even length where they are not', () => {
    expect(cut(blocksOf(18, 2, 2, 2), 2)).toEqual([12, 12])
    expect(cut(blocksOf(24), 4)).toEqual([6, 6, 6, 6])
  })

  it('makes none that would mostly read what its neighbours read', () => {
    expect(cut(blocksOf(24), 8, 9 * HOUR)).toEqual([12, 12])
    expect(cut(blocksOf(24), 8, 24 * HOUR)).toEqual([24])
  })

  it('makes no more than the bytes are worth', () => {
    const runs = cutSteps(DAY, blocksOf(12, 12), () => 10, 0, { sliceBytes: 10, maxSlices: 8 })
    expect(runs).toHaveLength(2)
  })
})
