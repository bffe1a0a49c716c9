/** What rules read: the bucket, other StoreAPIs, and beside them the results that are not in the bucket yet. Each tick looks once what there is. */
import type { BlockIndex } from '#lib/blocks/bucket-index.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import { withDeadline } from '#lib/promql/deadline.ts'
import type { EngineOptions } from '#lib/promql/options.ts'
import { parseExpr } from '#lib/promql/parse/parse.ts'
import { metricNames } from '#lib/promql/plan/metric-names.ts'
import { Flights } from '#lib/storage/flights.ts'
import { planAgain } from '#lib/query/plan-again.ts'
import { prepareQuery } from '#lib/query/prepare-query.ts'
import { runSlice } from '#lib/query/run-slice.ts'
import { selectStored } from '#lib/query/stored-queries.ts'
import type { Scope } from '#lib/storage/scope.ts'
import type { SelectRequest, SeriesSet } from '#lib/storage/storage.ts'
import type { SeriesSource } from '#lib/store/series-source.ts'
import type { StoreCache } from '#lib/store/store-cache.ts'
import type { ResultSample, RuleAnswer, RuleQuery } from '../evaluate/contract.ts'
import { instantVector } from './instant-vector.ts'
import { Overlay } from './overlay.ts'
import { TickIndex } from './tick-index.ts'

export interface RuleReadsParts {
  readonly bucket: Bucket
  readonly index: BlockIndex
  /** Lives as long as the process: packs and blocks are read once. */
  readonly cache: StoreCache
  readonly now: () => number
  /** Of the ruler: its results are under them. */
  readonly externalLabels: Readonly<Record<string, string>>
  /** What differs in nothing but these is one series. */
  readonly replicaLabels: readonly string[]
  readonly engine: EngineOptions
  /** Of one query. */
  readonly timeoutMs: number
  /** What is asked besides the bucket, as it is known at this moment. */
  readonly sources?: (() => Promise<readonly SeriesSource[]>) | undefined
}

export interface RuleReads {
  readonly query: RuleQuery
  /** Samples of a selector as they are stored, for `lastSamples`. */
  select(request: SelectRequest, signal?: AbortSignal): Promise<SeriesSet>
  /** Queries see these from now on, until the next tick begins. */
  write(samples: readonly ResultSample[]): void
  /** A new tick: nothing is known of what the bucket has now, and what was written in the tick before is in it or never was. */
  begin(): void
}

interface Question {
  readonly expr: string
  readonly timeMs: number
  readonly partialResponse: boolean
}

export function openRuleReads(parts: RuleReadsParts): RuleReads {
  const index = new TickIndex(parts.index, parts.now)
  const overlay = new Overlay(labelsFrom(parts.externalLabels))
  const answers = new Map<string, RuleAnswer>()
  let tick = 0
  const flights = new Flights<RuleAnswer>()
  const { bucket, cache, now, engine, timeoutMs } = parts

  const sources = async (
    names: ReadonlySet<string> | undefined,
  ): Promise<readonly SeriesSource[]> => [
    ...((await parts.sources?.()) ?? []),
    ...overlay.sources(names),
  ]

  async function ask(
    { expr: text, timeMs, partialResponse }: Question,
    names: ReadonlySet<string> | undefined,
    signal: AbortSignal,
  ): Promise<RuleAnswer> {
    const grid = { startMs: timeMs, stepMs: 0, stepCount: 1 }
    const scope = scopeOf(parts, partialResponse)
    const request = { text, grid, scope, options: engine }
    const queried = { index, sources: () => sources(names) }
    const outcome = await planAgain(async (again) => {
      const prepared = await prepareQuery(queried, request, { signal, fresh: again })
      const slice = { ...request, whole: grid, blocks: prepared.blocks, sources: prepared.sources }
      return runSlice({ bucket, cache, now }, { ...slice, goneBlockFails: !again }, signal)
    }, signal)
    return { samples: instantVector(outcome.value), warnings: outcome.warnings }
  }

  /** The same at the same time once, while nothing that it reads was written in between. */
  async function askOnce(question: Question, signal: AbortSignal): Promise<RuleAnswer> {
    const { expr, timeMs, partialResponse } = question
    const names = metricNames(parseExpr(expr, { features: engine.features }))
    const key = JSON.stringify([tick, timeMs, partialResponse, overlay.version(names), expr])
    const known = answers.get(key)
    if (known) return known
    const flight = flights.join(key, (own) => ask(question, names, own), signal)
    const { answer } = await flight
    answers.set(key, answer)
    return answer
  }

  return {
    async query(expr, timeMs, { partialResponse, signal }) {
      const question = { expr, timeMs, partialResponse: partialResponse === 'warn' }
      return withDeadline(timeoutMs, signal, (own) => askOnce(question, own))
    },
    select(request, signal) {
      const queried = { bucket, cache, now, index, sources: () => sources(undefined) }
      return selectStored(queried, request, scopeOf(parts, false), signal)
    },
    write(samples) {
      overlay.write(samples)
    },
    begin() {
      tick++
      index.begin()
      overlay.clear()
      answers.clear()
    },
  }
}

/** Samples as they are: nothing downsampled, and replicas merged by the rule without a memory. */
function scopeOf(
  { replicaLabels }: Pick<RuleReadsParts, 'replicaLabels'>,
  partialResponse: boolean,
): Scope {
  return {
    dedup: true,
    replicaLabels,
    deduplication: 'nearest',
    partialResponse,
    maxSourceResolutionMs: 0,
  }
}
