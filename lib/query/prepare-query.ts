/** What is known of a query before anything is read for it: its resolved expression and the blocks its steps may read. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import type { BucketIndexReader, ReadOptions } from '#lib/blocks/bucket-index.ts'
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
}

/** `wider`: steps that blocks are wanted for, where they are more than the request's. */
export async function prepareQuery(
  index: BucketIndexReader,
  request: QueryRequest,
  read: ReadOptions & { readonly wider?: StepGrid | undefined } = {},
): Promise<PreparedQuery> {
  const { text, grid, options, scope } = request
  const parsed = parseExpr(text, { features: options.features })
  const expr = resolve(parsed, grid, options)
  const prepared = { request, parsed, expr, sliceable: sliceable(expr) }
  const reaches = selectorReaches(expr, read.wider ?? grid, options)
  if (reaches.length === 0) return { ...prepared, blocks: [] }
  const further = selectReachMs(scope)
  const intervals = reaches.flatMap(({ request: wanted }) => [
    wanted,
    wanted.hints.asked?.selector ?? wanted,
  ])
  const startMs = Math.min(...intervals.map((interval) => interval.startMs)) - further
  const endMs = Math.max(...intervals.map((interval) => interval.endMs)) + further
  const blocks = blocksInScope(await index.blocks(startMs, endMs, read), scope)
  // What reads with a memory would begin anew in every part.
  const remembers = readsOf(reaches, blocks, scope).some(({ thanos }) => thanos)
  return { ...prepared, sliceable: prepared.sliceable && !remembers, blocks }
}

function readsOf(
  reaches: readonly SelectorReach[],
  blocks: readonly BlockRecord[],
  scope: Scope,
): ReadPlan[] {
  const further = selectReachMs(scope)
  return reaches.map(({ request }) => planRead(blocks, request, scope, further))
}

/** What each selector needs for these steps, and the blocks that may have it. */
export function reachOfSteps(
  { request: { scope, options }, expr, blocks }: PreparedQuery,
  grid: StepGrid,
): { readonly reaches: readonly SelectorReach[]; readonly blocks: readonly BlockRecord[] } {
  const reaches = selectorReaches(expr, grid, options)
  const wanted = new Set(readsOf(reaches, blocks, scope).flatMap(({ chosen }) => chosen))
  return { reaches, blocks: blocks.filter((block) => wanted.has(block)) }
}
