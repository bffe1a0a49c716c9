import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cellLength, cellsOf, spanOf } from '#lib/query/cells.ts'

const HOUR = 3_600_000

describe('cells', () => {
  it.each([
    [15_000, 2 * HOUR],
    [120_000, 2 * HOUR],
    [121_000, 8 * HOUR],
    [10 * 60_000, 48 * HOUR],
    [HOUR, 336 * HOUR],
    [24 * HOUR, 60 * 24 * HOUR],
  ])('of a step of %d ms are as long as blocks, and have 60 steps at least', (stepMs, length) => {
    expect(cellLength(stepMs)).toBe(length)
  })

  it('have each step of a query once, at fixed borders, whatever its range', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -1e12, max: 2e12 }),
        fc.integer({ min: 1, max: 5e8 }),
        fc.integer({ min: 1, max: 3000 }),
        (startMs, stepMs, stepCount) => {
          const cells = cellsOf({ startMs, stepMs, stepCount })
          const length = cellLength(stepMs)
          let next = 0
          for (const { fromMs, toMs, run, grid } of cells) {
            expect(run.first).toBe(next)
            expect(run.count).toBeGreaterThan(0)
            next += run.count
            expect(Math.abs(fromMs % length)).toBe(0)
            expect(toMs - fromMs).toBe(length)
            const firstMs = startMs + run.first * stepMs
            const lastMs = firstMs + (run.count - 1) * stepMs
            expect(firstMs).toBeGreaterThanOrEqual(fromMs)
            expect(lastMs).toBeLessThan(toMs)
            // All steps of the cell: of the same phase, from the first that is in it to the last.
            const endMs = grid.startMs + (grid.stepCount - 1) * stepMs
            expect(Math.abs((firstMs - grid.startMs) % stepMs)).toBe(0)
            expect(grid.startMs - stepMs).toBeLessThan(fromMs)
            expect(grid.startMs).toBeGreaterThanOrEqual(fromMs)
            expect(endMs).toBeLessThan(toMs)
            expect(endMs + stepMs).toBeGreaterThanOrEqual(toMs)
          }
          expect(next).toBe(stepCount)
          const span = spanOf(cells)!
          expect(span.startMs).toBeLessThanOrEqual(startMs)
          expect(span.startMs + span.stepMs).toBeGreaterThanOrEqual(
            startMs + (stepCount - 1) * stepMs,
          )
        },
      ),
    )
  })

  it('are none where there are no steps', () => {
    expect(cellsOf({ startMs: 5, stepMs: 0, stepCount: 1 })).toEqual([])
    expect(spanOf([])).toBeUndefined()
  })
})
