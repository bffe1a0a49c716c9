/** Thanos's `--query-range.align-range-with-step`: range queries begin and end on multiples of their step, so that more of them meet. */
import type { QueryBackend } from '#lib/promql/backend.ts'
import type { StepGrid } from '#lib/promql/result.ts'

export function alignedQueries(inner: QueryBackend): QueryBackend {
  return {
    ...inner,
    query: (request, signal) => inner.query({ ...request, grid: aligned(request.grid) }, signal),
  }
}

/** Both ends go back to a multiple of the step. */
function aligned(grid: StepGrid): StepGrid {
  const { startMs, stepMs, stepCount } = grid
  if (stepMs === 0) return grid
  const endMs = grid.endMs ?? startMs + (stepCount - 1) * stepMs
  const first = Math.floor(startMs / stepMs)
  return { startMs: first * stepMs, stepMs, stepCount: Math.floor(endMs / stepMs) - first + 1 }
}
