/** What is known of a query before anything is read for it: its resolved expression and the blocks its steps may read. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import type { BlockIndex, ReadOptions } from '#lib/blocks/bucket-index.ts'
import type { QueryRequest } from '#lib/promql/backend.ts'
import type { Expr } from '#lib/promql/parse/ast.ts'
import { parseExpr } from '#lib/promql/parse/parse.ts'
import type { SelectorReach } from '#lib/promql/plan/reach.ts'
import { selectorReaches } from '#lib/promql/plan/reach.ts'
import { resolve } from '#lib/promql/plan/resolve.ts'
import { sliceable } from '#lib/promql/plan/sliceable.ts'
import type { StepGrid } from '#lib/promql/result.ts'
import type { Scope } from '#lib/storage/scope.ts'
import { blocksInScope } from '#lib/store/external-labels.ts'
import { mayHave, type SeriesSource, sourcesInScope } from '#lib/store/series-source.ts'
import { planRead, type ReadPlan, selectReachMs } from '#lib/store/plan-read.ts'

export interface PreparedQuery {
  readonly request: QueryRequest
  /** Resolved: means the same for any part of the steps. */
  readonly expr: Expr
  /** As it was written. */
  readonly parsed: Expr
  /** Whether its steps may be answered in parts. */
  readonly sliceable: boolean
  /** Visible blocks, as the index had them at one moment: whatever is planned, cached or read later uses these. */
  readonly blocks: readonly BlockRecord[]
  /** What else may have what its steps read. */
  readonly sources: readonly SeriesSource[]
}

export interface QueriedParts {
  readonly index: BlockIndex
  /** What is asked besides the bucket, as it is known at this moment. */
  readonly sources?: (() => Promise<readonly SeriesSource[]>) | undefined
}

/** `wider`: steps that blocks are wanted for, where they are more than the request's. */
export async function prepareQuery(
  { index, sources: allSources }: QueriedParts,
  request: QueryRequest,
  read: ReadOptions & { readonly wider?: StepGrid | undefined } = {},
): Promise<PreparedQuery> {
  const { text, grid, options, scope } = request
  const parsed = parseExpr(text, { features: options.features })
  const expr = resolve(parsed, grid, options)
  const prepared = { request, parsed, expr, sliceable: sliceable(expr) }
  const reaches = selectorReaches(expr, read.wider ?? grid, options)
  if (reaches.length === 0) return { ...prepared, blocks: [], sources: [] }
  const further = selectReachMs(scope)
  const intervals = reaches.flatMap(({ request: wanted }) => [
    wanted,
    wanted.hints.asked?.selector ?? wanted,
  ])
  const startMs = Math.min(...intervals.map((interval) => interval.startMs)) - further
  const endMs = Math.max(...intervals.map((interval) => interval.endMs)) + further
  const [visible, known] = await Promise.all([index.blocks(startMs, endMs, read), allSources?.()])
  const blocks = blocksInScope(visible, scope)
  const sources = wantedSources(reaches, sourcesInScope(known ?? [], scope), scope)
  // What reads with a memory would begin anew in every part.
  const remembers = readsOf(reaches, { blocks, sources }, scope).some(({ thanos }) => thanos)
  return { ...prepared, sliceable: prepared.sliceable && !remembers, blocks, sources }
}

function readsOf(
  reaches: readonly SelectorReach[],
  { blocks, sources }: Pick<PreparedQuery, 'blocks' | 'sources'>,
  scope: Scope,
): ReadPlan[] {
  const further = selectReachMs(scope)
  return reaches.map(({ request }) => planRead(blocks, request, scope, further, sources))
}

/** Those that may have what a selector reads. */
function wantedSources(
  reaches: readonly SelectorReach[],
  sources: readonly SeriesSource[],
  scope: Scope,
): readonly SeriesSource[] {
  const further = selectReachMs(scope)
  return sources.filter((source) =>
    reaches.some(({ request }) => {
      const { matchers, startMs, endMs, hints } = request
      const { selector } = hints.asked ?? { selector: request }
      return mayHave(source, matchers, {
        startMs: Math.min(startMs, selector.startMs) - further,
        endMs: Math.max(endMs, selector.endMs) + further,
      })
    }),
  )
}

/** What each selector needs for these steps, and what may have it. */
export function reachOfSteps(
  prepared: PreparedQuery,
  grid: StepGrid,
): Pick<PreparedQuery, 'blocks' | 'sources'> & { readonly reaches: readonly SelectorReach[] } {
  const { request, expr, blocks, sources } = prepared
  const { scope, options } = request
  const reaches = selectorReaches(expr, grid, options)
  const wanted = new Set(readsOf(reaches, prepared, scope).flatMap(({ chosen }) => chosen))
  return {
    reaches,
    blocks: blocks.filter((block) => wanted.has(block)),
    sources: sources.length > 0 ? wantedSources(reaches, sources, scope) : sources,
  }
}
