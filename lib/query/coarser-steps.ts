/** Steps before the first that has an answer are asked again of coarser blocks: retention keeps these longer. As Thanos's query-frontend does. */
import type { CoarserBlocks, QueryRequest } from '#lib/promql/backend.ts'
import { ABSENT, type QueryOutcome, type QueryValue } from '#lib/promql/result.ts'
import { runGrid } from './cut.ts'
import { takeSteps } from './extent.ts'
import { joinOutcomes } from './join.ts'

/** `evaluate` knows nothing of coarser blocks. */
export async function withCoarserSteps(
  { coarser = [], ...request }: QueryRequest,
  evaluate: (request: QueryRequest) => Promise<QueryOutcome>,
): Promise<QueryOutcome> {
  const { grid } = request
  let outcome = await evaluate(request)
  for (const blocks of coarser) {
    const count = firstAnswered(outcome.value, grid.stepCount)
    if (count === 0) break
    const earlier = { first: 0, count }
    const found = await evaluate({
      ...coarserRequest(request, blocks),
      grid: runGrid(grid, earlier),
    })
    const later = { first: count, count: grid.stepCount - count }
    const rest = { ...outcome, grid: runGrid(grid, later), value: takeSteps(outcome.value, later) }
    outcome = joinOutcomes(grid, [
      { run: earlier, outcome: found },
      { run: later, outcome: rest },
    ])
  }
  return outcome
}

function coarserRequest(
  request: QueryRequest,
  { maxSourceResolutionMs, lookbackMs }: CoarserBlocks,
): QueryRequest {
  const { scope, options } = request
  return {
    ...request,
    scope: { ...scope, maxSourceResolutionMs },
    options: { ...options, lookbackMs },
  }
}

/** How many steps at the beginning no series has. */
function firstAnswered(value: QueryValue, stepCount: number): number {
  if (value.type !== 'vector') return 0
  let first = stepCount
  for (const { presence } of value.series) {
    for (let step = 0; step < first; step++) if (presence[step] !== ABSENT) first = step
  }
  return first
}
