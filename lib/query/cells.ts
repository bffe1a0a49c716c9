/** The time line cut into cells, the units in which answers are kept: fixed, so that queries of different ranges share them. */
import type { StepGrid } from '#lib/promql/result.ts'
import type { StepRun } from './cut.ts'

export interface Cell {
  /** Its first millisecond; a multiple of its length. */
  readonly fromMs: number
  readonly toMs: number
  /** The query's steps in it. */
  readonly run: StepRun
  /** All steps it has, those before and behind the query's too. */
  readonly grid: StepGrid
}

const HOUR_MS = 3_600_000
/** The lengths of blocks, so that one more block, or one compaction, touches few cells. */
const LENGTHS_MS = [2 * HOUR_MS, 8 * HOUR_MS, 48 * HOUR_MS, 336 * HOUR_MS] as const
/** Fewer steps are not worth a request. */
const MIN_STEPS = 60

/** Cells that have steps of `grid`, in order. A step below a millisecond or none has no cells. */
export function cellsOf(grid: StepGrid): Cell[] {
  const { startMs, stepMs, stepCount } = grid
  if (stepMs < 1) return []
  const length = cellLength(stepMs)
  const cells: Cell[] = []
  for (let first = 0; first < stepCount;) {
    const fromMs = Math.floor((startMs + first * stepMs) / length) * length
    const toMs = fromMs + length
    const end = Math.min(stepCount, Math.ceil((toMs - startMs) / stepMs))
    const run = { first, count: end - first }
    cells.push({ fromMs, toMs, run, grid: wholeCell(grid, fromMs, toMs) })
    first = end
  }
  return cells
}

export function cellLength(stepMs: number): number {
  return LENGTHS_MS.find((length) => length / stepMs >= MIN_STEPS) ?? lastLength(stepMs)
}

function lastLength(stepMs: number): number {
  return Math.max(LENGTHS_MS[3], stepMs * MIN_STEPS)
}

/** Steps of the same phase in [fromMs, toMs). */
function wholeCell({ startMs, stepMs }: StepGrid, fromMs: number, toMs: number): StepGrid {
  const firstMs = startMs - Math.floor((startMs - fromMs) / stepMs) * stepMs
  return { startMs: firstMs, stepMs, stepCount: Math.ceil((toMs - firstMs) / stepMs) }
}

/** A grid that reaches over all of the cells, whatever steps they have. */
export function spanOf(cells: readonly Cell[]): StepGrid | undefined {
  const [first, last] = [cells[0], cells.at(-1)]
  if (!first || !last) return undefined
  return { startMs: first.fromMs, stepMs: last.toMs - 1 - first.fromMs, stepCount: 2 }
}
