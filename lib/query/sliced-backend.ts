/** Answers queries over the blocks of a bucket: plans them from the bucket index, runs their slices and joins them. */
import type { Bucket } from '#lib/bucket/bucket.ts'
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
import { labelQueries } from './label-queries.ts'
import { planAgain } from './plan-again.ts'
import type { PreparedQuery } from './prepare-query.ts'
import { prepareQuery } from './prepare-query.ts'
import type { ResultsCache } from './results-cache.ts'
import type { StepsRunner } from './run-steps.ts'
import { runSteps } from './run-steps.ts'
import { type StoredQueriesParts, storedQueries } from './stored-queries.ts'

export interface SlicedBackendParts extends StepsRunner, StoredQueriesParts {
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
  const { bucket, counts } = countingBucket(parts.bucket)
  const access = { bucket, signal }
  const outcome = await withCoarserSteps(request, async (asked) => {
    let prepared: PreparedSteps | undefined
    return planAgain(async (again) => {
      prepared = prepared
        ? await prepareAgain(parts, prepared, access)
        : await prepare(parts, asked, { ...access, fresh: again })
      return answer(parts, prepared, { ...access, meter, goneBlockFails: !again })
    }, signal)
  })
  meter.countRequests(counts)
  return { ...outcome, cost: meter.total(parts.now() - startedMs, request.grid.stepCount) }
}

interface Access {
  /** Counts what is asked of it. */
  readonly bucket: Bucket
  readonly signal?: AbortSignal | undefined
}

interface PreparedSteps extends PreparedQuery {
  readonly cells: ReturnType<typeof cellsOfRequest>
}

async function prepare(
  parts: SlicedBackendParts,
  request: QueryRequest,
  read: Access & { readonly fresh?: boolean | undefined },
): Promise<PreparedSteps> {
  const cells = parts.results ? cellsOfRequest(request) : []
  return {
    ...(await prepareQuery(parts, request, { ...read, wider: spanOf(cells) })),
    cells,
  }
}

/** With the index of now; where that went too, with the one that was read, as half an answer. */
async function prepareAgain(
  parts: SlicedBackendParts,
  prepared: PreparedSteps,
  access: Access,
): Promise<PreparedSteps> {
  try {
    return await prepare(parts, prepared.request, { ...access, fresh: true })
  } catch (error) {
    const isAway = isKind(error, 'not-found') || isKind(error, 'unavailable')
    if (!isAway || !prepared.request.scope.partialResponse) throw error
    return prepared
  }
}

interface Answering extends Access {
  readonly meter: CostMeter
  /** Else a block that is gone is missing data: a warning where half an answer is wanted. */
  readonly goneBlockFails: boolean
}

async function answer(
  parts: SlicedBackendParts,
  prepared: PreparedSteps,
  { bucket, meter, goneBlockFails, signal }: Answering,
): Promise<QueryOutcome> {
  const { request, cells } = prepared
  const access = parts.results && { cache: parts.results, bucket, nowMs: parts.now(), signal }
  const cached = access && (await cachedSteps(prepared, cells, access))
  const hits = cached?.hits ?? []
  meter.countCachedSteps(hits.reduce((steps, { run }) => steps + run.count, 0))
  const missing = cached?.missing ?? [{ first: 0, count: request.grid.stepCount }]
  const steps = { meter, signal, goneBlockFails }
  const { outcomes, warnings } = await runSteps(parts, prepared, missing, steps)
  const usd = meter.slicesUsd / missing.reduce((total, run) => total + run.count, 0)
  for (const { run, outcome, whole } of outcomes) if (whole) cached?.keep(run, outcome, usd)
  const joined = joinOutcomes(request.grid, inOrder([...hits, ...outcomes]))
  checkSamples(joined, request.options.maxSamples)
  await cached?.stored()
  return { ...joined, warnings: [...joined.warnings, ...warnings] }
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
