/** Answers queries by slices: plans them from the bucket index, runs a lone one in place and fans the others out. */
import pLimit from 'p-limit'
import type { BucketIndexReader } from '#lib/blocks/bucket-index.ts'
import { countingBucket } from '#lib/bucket/counting-bucket.ts'
import type { ErrorKind } from '#lib/model/errors.ts'
import { DomainError, ThrottledError } from '#lib/model/errors.ts'
import type { QueryAnswer, QueryBackend, QueryCost, QueryRequest } from '#lib/promql/backend.ts'
import type { Scope } from '#lib/storage/scope.ts'
import type { LabelRequest, Storage } from '#lib/storage/storage.ts'
import { NO_HINTS } from '#lib/storage/storage.ts'
import { compareLabels, labelsKey } from '#lib/model/labels.ts'
import type { Labels } from '#lib/model/labels.ts'
import { blockStorage } from '#lib/store/block-storage.ts'
import { blocksInScope } from '#lib/store/external-labels.ts'
import type { CutOptions } from './cut.ts'
import type { SliceAnswer } from './frame.ts'
import type { RunOutcome } from './join.ts'
import { joinOutcomes } from './join.ts'
import { planSlices } from './plan-slices.ts'
import type { SliceRunner } from './run-slice.ts'
import { runSlice } from './run-slice.ts'
import type { Slice, SliceCost } from './slice.ts'

export interface SlicedBackendParts extends SliceRunner {
  readonly index: BucketIndexReader
  /** Runs a slice in another function; absent where there is none, then all run here. */
  readonly invokeSlice?: ((slice: Slice, signal?: AbortSignal) => Promise<SliceAnswer>) | undefined
  readonly cut: CutOptions
  /** Slices in flight for one query. */
  readonly concurrency: number
  /** Waits before try `attempt + 1` of a slice: whoever throttled us wants time. */
  readonly pause?: ((attempt: number) => Promise<void>) | undefined
}

/** Kinds that another try, or half an answer, can help. The others are the answer. */
const TRANSIENT: ReadonlySet<ErrorKind> = new Set(['unavailable', 'not-found', 'corrupt'])
const SLICE_ATTEMPTS = 3

export function slicedBackend(parts: SlicedBackendParts): QueryBackend {
  const storageFor = async (
    request: { startMs: number; endMs: number },
    scope: Scope,
    signal?: AbortSignal,
  ): Promise<Storage> => {
    const blocks = await parts.index.blocks(request.startMs, request.endMs, { signal })
    const { bucket, cache } = parts
    return blockStorage({ bucket, cache, blocks: blocksInScope(blocks, scope), scope })
  }
  return {
    query: (request, signal) => runQuery(parts, request, signal),
    async labelNames(request, scope, signal) {
      return (await storageFor(request, scope, signal)).labelNames(request, signal)
    },
    async labelValues(name, request, scope, signal) {
      return (await storageFor(request, scope, signal)).labelValues(name, request, signal)
    },
    async series(request, scope, signal) {
      return seriesOf(await storageFor(request, scope, signal), request, signal)
    },
  }
}

async function seriesOf(
  storage: Storage,
  { matcherSets, startMs, endMs, limit }: LabelRequest,
  signal?: AbortSignal,
): Promise<{ series: Labels[]; warnings: string[] }> {
  const sets = await Promise.all(
    matcherSets.map((matchers) =>
      storage.select(
        {
          matchers,
          startMs,
          endMs,
          hints: { ...NO_HINTS, func: 'series', limit, labelsOnly: true },
        },
        signal,
      ),
    ),
  )
  const unique = new Map<string, Labels>()
  for (const set of sets) for (const labels of set.labels) unique.set(labelsKey(labels), labels)
  const series = [...unique.values()].sort(compareLabels)
  return {
    series: limit > 0 ? series.slice(0, limit) : series,
    warnings: [...new Set(sets.flatMap((set) => set.warnings))],
  }
}

async function runQuery(
  parts: SlicedBackendParts,
  request: QueryRequest,
  signal?: AbortSignal,
): Promise<QueryAnswer> {
  const planning = countingBucket(parts.bucket)
  const { slices, runs } = await planSlices(parts, request, { bucket: planning.bucket, signal })
  const limit = pLimit(parts.concurrency)
  const invoke = slices.length > 1 ? parts.invokeSlice : undefined
  // One slice that fails for good stops the others: nobody needs them any more.
  const stop = new AbortController()
  const sliceSignal = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal
  const costs: SliceCost[] = []
  const warnings: string[] = []
  let invokes = 0
  const oneHere = pLimit(1)
  const runHere = (slice: Slice): Promise<SliceAnswer> =>
    withRetry(parts, sliceSignal, () => runSlice(parts, slice, sliceSignal))
  const answerOf = async (slice: Slice): Promise<SliceAnswer> => {
    if (!invoke) return runHere(slice)
    try {
      const answer = await withRetry(parts, sliceSignal, () => invoke(slice, sliceSignal))
      invokes++
      return answer
    } catch (error) {
      // The account runs as many functions as it may: slower here, one at a time, is better than half an answer.
      if (!(error instanceof ThrottledError) || sliceSignal.aborted) throw error
      return oneHere(() => runHere(slice))
    }
  }
  const outcomes = await Promise.all(
    slices.map((slice, i) =>
      limit(async (): Promise<RunOutcome> => {
        const run = runs[i]!
        sliceSignal.throwIfAborted()
        try {
          const answer = await answerOf(slice)
          costs.push(answer.cost)
          return { run, outcome: answer }
        } catch (error) {
          if (!request.scope.partialResponse || !isTransient(error)) {
            stop.abort(error)
            throw error
          }
          warnings.push(`${describeRun(slice)}: ${error.message}`)
          return { run, outcome: undefined }
        }
      }),
    ),
  )
  const joined = joinOutcomes(request.grid, outcomes)
  const { gets, lists, bytesRead } = planning.counts
  return {
    ...joined,
    warnings: [...joined.warnings, ...warnings],
    cost: totalCost(costs, {
      slices: slices.length,
      invokes,
      gets,
      lists,
      bytes: bytesRead,
    }),
  }
}

function totalCost(
  costs: readonly SliceCost[],
  base: { slices: number; invokes: number; gets: number; lists: number; bytes: number },
): QueryCost {
  const cost = { ...base, functionMs: 0 }
  for (const { gets, lists, bytes, milliseconds } of costs) {
    cost.gets += gets
    cost.lists += lists
    cost.bytes += bytes
    cost.functionMs += milliseconds
  }
  return cost
}

async function withRetry<T>(
  { pause }: SlicedBackendParts,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (signal.aborted || attempt === SLICE_ATTEMPTS || !isTransient(error)) throw error
      if (error.kind !== 'unavailable') throw error
      await pause?.(attempt)
    }
  }
}

function isTransient(error: unknown): error is DomainError {
  return error instanceof DomainError && TRANSIENT.has(error.kind)
}

function describeRun({ grid }: Slice): string {
  const endMs = grid.startMs + (grid.stepCount - 1) * grid.stepMs
  return `no data from ${new Date(grid.startMs).toISOString()} to ${new Date(endMs).toISOString()}`
}
