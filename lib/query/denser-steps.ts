/** Answers steps from an answer to the same query with a denser step that has them too, as Thanos's query-frontend does. */
import { dependsOnStep } from '#lib/promql/plan/range-dependent.ts'
import type { QueryOutcome, StepGrid } from '#lib/promql/result.ts'
import { extentName } from './cache-key.ts'
import { cellsOf } from './cells.ts'
import type { StepRun } from './cut.ts'
import { runGrid } from './cut.ts'
import type { Extent } from './extent.ts'
import { isAnnotated, outcomeOf, takeSteps } from './extent.ts'
import { joinOutcomes, type RunOutcome } from './join.ts'
import type { PreparedQuery } from './prepare-query.ts'
import type { ResultsCache } from './results-cache.ts'

/** Steps that dashboards ask for, in seconds. */
const SECONDS = [1, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600]

/** Only from memory, and only where all steps of the run are there: it saves work, it must not make any. */
export function denserSteps(
  cache: ResultsCache,
  key: string,
  { request: { grid: whole, options }, parsed, expr }: PreparedQuery,
  run: StepRun,
  isValid: (extent: Extent) => boolean,
): RunOutcome | undefined {
  const grid = runGrid(whole, run)
  for (const seconds of SECONDS) {
    const stepMs = seconds * 1000
    if (stepMs >= grid.stepMs || grid.stepMs % stepMs !== 0) continue
    const outcome = sparse(cache, key, grid, stepMs, isValid)
    if (outcome) return dependsOnStep(parsed, expr, whole, options) ? undefined : { run, outcome }
  }
  return undefined
}

function sparse(
  cache: ResultsCache,
  key: string,
  grid: StepGrid,
  stepMs: number,
  isValid: (extent: Extent) => boolean,
): QueryOutcome | undefined {
  const every = grid.stepMs / stepMs
  const stepCount = (grid.stepCount - 1) * every + 1
  const parts: RunOutcome[] = []
  for (const { fromMs, run } of cellsOf({ startMs: grid.startMs, stepMs, stepCount })) {
    // The steps of `grid` in the cell, and the dense steps from its first to its last.
    const first = Math.ceil(run.first / every)
    const count = Math.ceil((run.first + run.count) / every) - first
    if (count === 0) continue
    const extent = cache.get(`${extentName(key, stepMs, grid.startMs)}/${fromMs}`)
    if (!extent || isAnnotated(extent)) return undefined
    const offset = Math.round((grid.startMs + first * grid.stepMs - extent.grid.startMs) / stepMs)
    const span = { first: offset, count: (count - 1) * every + 1 }
    if (offset < 0 || offset + span.count > extent.grid.stepCount || !isValid(extent)) {
      return undefined
    }
    const part = { first, count }
    const { annotations } = extent
    const value = takeSteps(extent.value, span, every)
    parts.push({ run: part, outcome: outcomeOf({ grid: runGrid(grid, part), value, annotations }) })
  }
  return joinOutcomes(grid, parts)
}
