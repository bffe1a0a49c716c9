/** Label names, label values and series over the blocks of a bucket, part by part. */
import pLimit from 'p-limit'
import { chooseBlocks } from '#lib/blocks/choose-blocks.ts'
import { countingBucket } from '#lib/bucket/counting-bucket.ts'
import { isKind, ThrottledError } from '#lib/model/errors.ts'
import type { QueryBackend, QueryCost } from '#lib/promql/backend.ts'
import type { Scope } from '#lib/storage/scope.ts'
import type { LabelRequest } from '#lib/storage/storage.ts'
import { blockStorage } from '#lib/store/block-storage.ts'
import { blocksInScope } from '#lib/store/external-labels.ts'
import { sourcesInScope } from '#lib/store/series-source.ts'
import { CostMeter } from './cost-meter.ts'
import type { LabelAnswered } from './frame.ts'
import type { LabelCache } from './label-cache.ts'
import { partName } from './label-cache.ts'
import type { LabelFindings, LabelPart, LabelQuestion } from './label-parts.ts'
import { askStorage, joinFindings, labelParts } from './label-parts.ts'
import type { QueriedParts } from './prepare-query.ts'
import type { LabelSlice } from './label-slice.ts'
import { runLabelSlice } from './label-slice.ts'
import { planAgain } from './plan-again.ts'
import { usdOf } from '#lib/cost/prices.ts'
import { DEFAULT_RETRIES, retrySlice, type SliceRetries } from './retry-slice.ts'
import type { SliceRunner } from './run-slice.ts'

export interface LabelQueriesParts extends SliceRunner, QueriedParts {
  /** Without it every part is asked of its blocks. */
  readonly labelCache?: LabelCache | undefined
  /** Asks a part in another function; absent where there is none. */
  readonly invokeLabels?:
    | ((slice: LabelSlice, signal?: AbortSignal) => Promise<LabelAnswered>)
    | undefined
  readonly retries?: SliceRetries | undefined
}

/** Parts asked at one time; each asks many blocks at one time, in a function of its own if there are others. */
const PARTS_HERE = 8
const PARTS_ELSEWHERE = 64
/** What one function reads in two rounds is not worth another. */
const BLOCKS_HERE = 128

interface Asked {
  readonly question: LabelQuestion
  readonly request: LabelRequest
  readonly scope: Scope
  readonly signal?: AbortSignal | undefined
}

type Answered = LabelFindings & { readonly cost: QueryCost }

export function labelQueries(
  parts: LabelQueriesParts,
): Pick<QueryBackend, 'labelNames' | 'labelValues' | 'series'> {
  return {
    labelNames: (request, scope, signal) =>
      answer(parts, { question: { kind: 'names' }, request, scope, signal }),
    labelValues: (name, request, scope, signal) =>
      answer(parts, { question: { kind: 'values', name }, request, scope, signal }),
    series: (request, scope, signal) =>
      answer(parts, { question: { kind: 'series' }, request, scope, signal }),
  }
}

async function answer(parts: LabelQueriesParts, asked: Asked): Promise<Answered> {
  const startedMs = parts.now()
  const meter = new CostMeter(parts.megabytes)
  const run = (again: boolean): Promise<LabelFindings> => attempt(parts, asked, meter, again)
  const findings = await planAgain(run, asked.signal)
  return { ...findings, cost: meter.total(parts.now() - startedMs, 0) }
}

async function attempt(
  parts: LabelQueriesParts,
  { question, request, scope, signal }: Asked,
  meter: CostMeter,
  again: boolean,
): Promise<LabelFindings> {
  const { index, labelCache } = parts
  // What belongs to no part: the index, and the cache.
  const { bucket, counts } = countingBucket(parts.bucket)
  const { startMs, endMs, limit } = request
  const visible = await index.blocks(startMs, endMs, { bucket, signal, fresh: again })
  const inScope = blocksInScope(visible, scope)
  // Series are read from the coarsest blocks, which is to be known before the blocks are parted.
  const blocks = question.kind === 'series' ? chooseBlocks(inScope, request, Infinity) : inScope
  const all = labelParts(blocks, request)
  const elsewhere = blocks.length > BLOCKS_HERE ? parts.invokeLabels : undefined
  const run = partRunner({ ...parts, invokeLabels: elsewhere }, meter, signal)
  const ask = async (part: LabelPart): Promise<LabelAnswered> =>
    run({ question, request: part.request, scope, goneBlockFails: !again, blocks: part.blocks })
  const atOnce = pLimit(elsewhere ? PARTS_ELSEWHERE : PARTS_HERE)
  const beside = askBeside(parts, { question, request, scope, signal })
  const findings = Promise.all(
    all.map((part) =>
      atOnce(async () => {
        if (!labelCache || !part.timeless) return (await ask(part)).findings
        const priced = async () => {
          const { findings: found, cost } = await ask(part)
          return { findings: found, usd: usdOf({ ...cost, functions: 0, functionGbSeconds: 0 }) }
        }
        return labelCache.answer(bucket, partName(question, part, scope), priced, signal)
      }),
    ),
  )
  const joined = joinFindings((await Promise.all([findings, beside])).flat(), limit)
  meter.countRequests(counts)
  return joined
}

/** What sources know, which is never kept. */
async function askBeside(
  { bucket, cache, sources }: LabelQueriesParts,
  { question, request, scope, signal }: Asked,
): Promise<LabelFindings[]> {
  const asked = sourcesInScope((await sources?.()) ?? [], scope)
  if (asked.length === 0) return []
  const storage = blockStorage({ bucket, cache, blocks: [], sources: asked, scope })
  return [await askStorage(storage, question, request, signal)]
}

const NO_COST = { gets: 0, lists: 0, puts: 0, bytes: 0, milliseconds: 0, megabytes: 0 }

function leftOut({ blocks }: LabelSlice, error: Error): LabelFindings {
  const warning = `${blocks.length} blocks are left out: ${error.message}`
  return { values: [], series: [], warnings: [warning] }
}

function partRunner(
  { invokeLabels, retries = DEFAULT_RETRIES, ...runner }: LabelQueriesParts,
  meter: CostMeter,
  signal: AbortSignal = new AbortController().signal,
): (slice: LabelSlice) => Promise<LabelAnswered> {
  const runHere = async (slice: LabelSlice): Promise<LabelAnswered> => {
    const answered = await runLabelSlice(runner, slice, signal)
    meter.countSlice(answered.cost, false)
    return answered
  }
  if (!invokeLabels) return runHere
  const oneHere = pLimit(1)
  return async (slice) => {
    try {
      const answered = await retrySlice(retries, signal, () =>
        meter.invoked(invokeLabels(slice, signal)),
      )
      meter.countSlice(answered.cost, true)
      return answered
    } catch (error) {
      if (signal.aborted) throw error
      if (error instanceof ThrottledError) return oneHere(() => runHere(slice))
      if (!slice.scope.partialResponse || !isKind(error, 'unavailable')) throw error
      return { findings: leftOut(slice, error), cost: NO_COST }
    }
  }
}
