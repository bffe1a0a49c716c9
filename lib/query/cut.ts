/** Cuts the steps of a query into slices: at block borders, no more slices than the bytes are worth. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import type { StepGrid } from '#lib/promql/result.ts'

export interface CutOptions {
  /** Bytes of chunks a slice should read, about. */
  readonly sliceBytes: number
  readonly maxSlices: number
}

/** A border this part of a slice away is still worth it; further away, uneven slices cost more than a block that two of them read. */
const BORDER_REACH = 6

/** Runs of steps: first index and count. Together they are all the steps, in order. */
export interface StepRun {
  readonly first: number
  readonly count: number
}

/**
 * `reachMs`: how far a step reads back; a slice shorter than this would mostly read what its neighbours read.
 * `bytesWanted` estimates what the query reads of one block.
 * A border falls between two steps where a block begins, so that few blocks are read by two slices.
 */
export function cutSteps(
  grid: StepGrid,
  blocks: readonly BlockRecord[],
  bytesWanted: (block: BlockRecord) => number,
  reachMs: number,
  { sliceBytes, maxSlices }: CutOptions,
): StepRun[] {
  const whole = [{ first: 0, count: grid.stepCount }]
  if (grid.stepCount < 2 || grid.stepMs === 0) return whole
  const endMs = grid.startMs + (grid.stepCount - 1) * grid.stepMs
  const overlapping = blocks.filter(
    (b) => b.minTimeMs <= endMs && b.maxTimeMs > grid.startMs - reachMs,
  )
  const total = overlapping.reduce((sum, block) => sum + bytesWanted(block), 0)
  const byReach = reachMs > 0 ? Math.floor((endMs - grid.startMs) / reachMs) : Infinity
  const wanted = Math.min(
    Math.ceil(total / sliceBytes),
    maxSlices,
    Math.max(1, byReach),
    grid.stepCount,
  )
  if (wanted < 2) return whole

  const borders = borderSteps(grid, overlapping, endMs)
  const runs: StepRun[] = []
  let first = 0
  for (let slice = 1; slice < wanted; slice++) {
    const ideal = Math.round((slice * grid.stepCount) / wanted)
    const border = nearest(borders, ideal, grid.stepCount / wanted / BORDER_REACH) ?? ideal
    if (border <= first || border >= grid.stepCount) continue
    runs.push({ first, count: border - first })
    first = border
  }
  runs.push({ first, count: grid.stepCount - first })
  return runs
}

export function runGrid({ startMs, stepMs, stepCount, endMs }: StepGrid, run: StepRun): StepGrid {
  const isLast = run.first + run.count === stepCount
  return {
    startMs: startMs + run.first * stepMs,
    stepMs,
    stepCount: run.count,
    ...(isLast && endMs !== undefined && { endMs }),
  }
}

/** First step in each block, ascending. */
function borderSteps(grid: StepGrid, blocks: readonly BlockRecord[], endMs: number): number[] {
  const steps = new Set<number>()
  for (const { minTimeMs } of blocks) {
    if (minTimeMs > grid.startMs && minTimeMs <= endMs) {
      steps.add(Math.ceil((minTimeMs - grid.startMs) / grid.stepMs))
    }
  }
  return [...steps].sort((a, b) => a - b)
}

function nearest(sorted: readonly number[], ideal: number, within: number): number | undefined {
  let best: number | undefined
  for (const candidate of sorted) {
    if (best === undefined || Math.abs(candidate - ideal) < Math.abs(best - ideal)) best = candidate
  }
  return best !== undefined && Math.abs(best - ideal) <= within ? best : undefined
}
