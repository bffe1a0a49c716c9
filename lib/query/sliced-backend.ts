/** Answers queries over the blocks of a bucket: plans them from the bucket index, runs their slices and joins them. */
import type { BucketIndexReader } from '#lib/blocks/bucket-index.ts'
import { countingBucket } from '#lib/bucket/counting-bucket.ts'
import { isKind } from '#lib/model/errors.ts'
import type { QueryAnswer, QueryBackend, QueryRequest } from '#lib/promql/backend.ts'
import type { QueryOutcome } from '#lib/promql/result.ts'
import { CostMeter } from './cost-meter.ts'
import type { CutOptions } from './cut.ts'
import { joinOutcomes } from './join.ts'
import { labelQueries } from './label-queries.ts'
import { planSlices, withoutShards, type SlicePlan } from './plan-slices.ts'
import { prepareQuery } from './prepare-query.ts'
import type { SlicesRunner } from './run-slices.ts'
import { runSlices } from './run-slices.ts'
import { storedQueries } from './stored-queries.ts'

export interface SlicedBackendParts extends SlicesRunner {
  readonly index: BucketIndexReader
  readonly cut: CutOptions
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
  let outcome: QueryOutcome
  try {
    outcome = await attempt(parts, request, { meter, again: false, signal })
  } catch (error) {
    if (!isKind(error, 'not-found') || signal?.aborted) throw error
    // A block went between the index and its reading: compaction or retention was faster. The index of now knows better.
    outcome = await attempt(parts, request, { meter, again: true, signal })
  }
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
    const prepared = await prepareQuery(parts.index, request, { bucket, signal, fresh: again })
    const all = { first: 0, count: request.grid.stepCount }
    const plan = planSlices(prepared, all, { ...parts.cut, goneBlockFails: !again })
    const { partialResponse } = request.scope
    const { outcomes, warnings } = await runPlan(plan, (slices) =>
      runSlices(parts, slices, { partialResponse, meter, signal }),
    )
    const joined = joinOutcomes(request.grid, outcomes)
    return { ...joined, warnings: [...joined.warnings, ...warnings] }
  } finally {
    meter.countRequests(counts)
  }
}

/** Which series fails first, and whether some failures are one, is only known where all series are. */
async function runPlan<T>(plan: SlicePlan, run: (plan: SlicePlan) => Promise<T>): Promise<T> {
  try {
    return await run(plan)
  } catch (error) {
    if (!isKind(error, 'execution') || plan.slices.every(({ shard }) => !shard)) throw error
    return await run(withoutShards(plan))
  }
}
