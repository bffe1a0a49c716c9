/** Answers queries over the blocks of a bucket: plans them from the bucket index, runs their slices and joins them. */
import { countingBucket } from '#lib/bucket/counting-bucket.ts'
import { isKind, LimitError } from '#lib/model/errors.ts'
import type { QueryAnswer, QueryBackend, QueryRequest } from '#lib/promql/backend.ts'
import type { QueryOutcome } from '#lib/promql/result.ts'
import { cachedSteps, cellsOfRequest } from './cached-steps.ts'
import { spanOf } from './cells.ts'
import { withCoarserSteps } from './coarser-steps.ts'
import { CostMeter } from './cost-meter.ts'
import type { RunOutcome } from './join.ts'
import { joinOutcomes } from './join.ts'
import { type LabelQueriesParts, labelQueries } from './label-queries.ts'
import { prepareQuery } from './prepare-query.ts'
import type { ResultsCache } from './results-cache.ts'
import type { StepsRunner } from './run-steps.ts'
import { runSteps } from './run-steps.ts'
import { storedQueries } from './stored-queries.ts'

export interface SlicedBackendParts extends StepsRunner, LabelQueriesParts {
  /** Without it every query is evaluated. */
  readonly results?: ResultsCache | undefined
}

export function slicedBackend(parts: SlicedBackendParts): QueryBackend {
  return {
    query: (request, signal) => runQuery(parts, request, signal),
    ...labelQueries(parts),
    ...storedQueries(parts),
  }
}

async function runQuery(
  parts: SlicedBackendParts,
  request: QueryRequest,
  signal?: AbortSignal,
): Promise<QueryAnswer> {
  const startedMs = parts.now()
  const meter = new CostMeter(parts.megabytes)
  const outcome = await withCoarserSteps(request, async (asked) => {
    try {
      return await attempt(parts, asked, { meter, again: false, signal })
    } catch (error) {
      if (!isKind(error, 'not-found') || signal?.aborted) throw error
      // A block went between the index and its reading: compaction or retention was faster. The index of now knows better.
      return attempt(parts, asked, { meter, again: true, signal })
    }
  })
  return { ...outcome, cost: meter.total(parts.now() - startedMs, request.grid.stepCount) }
}

interface Attempt {
  readonly meter: CostMeter
  /** A block that is gone although the index was just read is missing data: a warning where half an answer is wanted. */
  readonly again: boolean
  readonly signal?: AbortSignal | undefined
}

async function attempt(
  parts: SlicedBackendParts,
  request: QueryRequest,
  { meter, again, signal }: Attempt,
): Promise<QueryOutcome> {
  const { bucket, counts } = countingBucket(parts.bucket)
  try {
    const cells = parts.results ? cellsOfRequest(request) : []
    const read = { bucket, signal, fresh: again, wider: spanOf(cells) }
    const prepared = await prepareQuery(parts.index, request, read)
    const access = parts.results && { cache: parts.results, bucket, nowMs: parts.now(), signal }
    const cached = access && (await cachedSteps(prepared, cells, access))
    const hits = cached?.hits ?? []
    meter.countCachedSteps(hits.reduce((steps, { run }) => steps + run.count, 0))
    const missing = cached?.missing ?? [{ first: 0, count: request.grid.stepCount }]
    const steps = { meter, signal, goneBlockFails: !again }
    const { outcomes, warnings } = await runSteps(parts, prepared, missing, steps)
    const usd = meter.slicesUsd / missing.reduce((total, run) => total + run.count, 0)
    for (const { run, outcome, whole } of outcomes) if (whole) cached?.keep(run, outcome, usd)
    const joined = joinOutcomes(request.grid, inOrder([...hits, ...outcomes]))
    checkSamples(joined, request.options.maxSamples)
    await cached?.stored()
    return { ...joined, warnings: [...joined.warnings, ...warnings] }
  } finally {
    meter.countRequests(counts)
  }
}

function inOrder(parts: readonly RunOutcome[]): RunOutcome[] {
  return parts.toSorted((a, b) => a.run.first - b.run.first)
}

/** Parts that are each within the limit may not be together. */
function checkSamples({ grid, value }: QueryOutcome, maxSamples: number): void {
  const samples = value.type === 'vector' ? value.series.length * grid.stepCount : 0
  if (samples <= maxSamples) return
  throw new LimitError(
    'query processing would load too many samples into memory in query execution',
    maxSamples,
    samples,
  )
}
