/** What a query will ask of whom, as data: its slices, cut from the blocks its selectors reach. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import type { BucketIndexReader, ReadOptions } from '#lib/blocks/bucket-index.ts'
import type { QueryRequest } from '#lib/promql/backend.ts'
import type { Expr } from '#lib/promql/parse/ast.ts'
import { parseExpr } from '#lib/promql/parse/parse.ts'
import type { SelectorReach } from '#lib/promql/plan/reach.ts'
import { selectorReaches } from '#lib/promql/plan/reach.ts'
import { resolve } from '#lib/promql/plan/resolve.ts'
import { shardableBy } from '#lib/promql/plan/shard.ts'
import { sliceable } from '#lib/promql/plan/sliceable.ts'
import { children } from '#lib/promql/parse/walk.ts'
import type { StepGrid } from '#lib/promql/result.ts'
import type { Scope } from '#lib/storage/scope.ts'
import type { Shard } from '#lib/storage/storage.ts'
import { selectReachMs } from '#lib/store/block-storage.ts'
import { blocksInScope } from '#lib/store/external-labels.ts'
import type { CutOptions, StepRun } from './cut.ts'
import { cutSteps, runGrid } from './cut.ts'
import type { Slice } from './slice.ts'

/** Slice i answers the steps of run i; where runs are cut into shards too, several slices answer the same run. */
export interface SlicePlan {
  readonly slices: readonly Slice[]
  readonly runs: readonly StepRun[]
}

export async function planSlices(
  { index, cut }: { readonly index: BucketIndexReader; readonly cut: CutOptions },
  { text, grid, scope, options, analyze }: QueryRequest,
  read: ReadOptions = {},
): Promise<SlicePlan> {
  const expr = resolve(parseExpr(text, { features: options.features }), grid, options)
  const reaches = selectorReaches(expr, grid, options)
  const blocks = await blocksFor(index, reaches, scope, read)
  const lastMs = grid.startMs + (grid.stepCount - 1) * grid.stepMs
  const runs = sliceable(expr)
    ? cutSteps(grid, blocks, bytesWanted(reaches), readsBackMs(reaches, grid.startMs, lastMs), cut)
    : [{ first: 0, count: grid.stepCount }]
  const bytes = blocks.reduce((sum, block) => sum + bytesWanted(reaches)(block), 0)
  const shards = shardsOf(expr, grid, shardCount(bytes, runs.length, cut))
  const slices = runs.flatMap((run): Slice[] => {
    const sliceGrid = runGrid(grid, run)
    const wanted =
      runs.length === 1
        ? blocks
        : overlapping(blocks, selectorReaches(expr, sliceGrid, options), scope)
    const slice = { text, whole: grid, grid: sliceGrid, scope, options, analyze, blocks: wanted }
    return shards.map((shard) => ({ ...slice, ...(shard && { shard }) }))
  })
  return { slices, runs: runs.flatMap((run) => shards.map(() => run)) }
}

/** Chunks of the shards lie among each other, so each reads nearly all of them and only the work is shared. */
const WORTH_A_SHARD = 4
const MAX_SHARDS = 4

function shardCount(bytes: number, runs: number, { sliceBytes, maxSlices }: CutOptions): number {
  const worth = Math.floor(bytes / runs / sliceBytes / WORTH_A_SHARD)
  return Math.min(worth, MAX_SHARDS, Math.floor(maxSlices / runs))
}

/** One `undefined` where the expression stays whole. */
function shardsOf(expr: Expr, grid: StepGrid, count: number): readonly (Shard | undefined)[] {
  const whole = [undefined]
  // The answer of an instant query may have an order, which is lost between shards.
  if (count < 2 || (grid.stepCount === 1 && ordersSeries(expr))) return whole
  const by = shardableBy(expr)
  return by ? Array.from({ length: count }, (_, index) => ({ index, count, ...by })) : whole
}

function ordersSeries(expr: Expr): boolean {
  const ordered =
    (expr.type === 'call' && expr.func.startsWith('sort')) ||
    (expr.type === 'aggregation' && ORDERED.has(expr.op))
  return ordered || children(expr).some(ordersSeries)
}

const ORDERED: ReadonlySet<string> = new Set(['topk', 'bottomk', 'limitk'])

async function blocksFor(
  index: BucketIndexReader,
  reaches: readonly SelectorReach[],
  scope: Scope,
  read: ReadOptions,
): Promise<readonly BlockRecord[]> {
  if (reaches.length === 0) return []
  const further = selectReachMs(scope)
  const startMs = Math.min(...reaches.map(({ request }) => request.startMs)) - further
  const endMs = Math.max(...reaches.map(({ request }) => request.endMs)) + further
  const blocks = blocksInScope(await index.blocks(startMs, endMs, read), scope)
  return overlapping(blocks, reaches, scope)
}

function overlapping(
  blocks: readonly BlockRecord[],
  reaches: readonly SelectorReach[],
  scope: Scope,
): BlockRecord[] {
  const further = selectReachMs(scope)
  return blocks.filter((block) =>
    reaches.some(
      ({ request }) =>
        block.minTimeMs <= request.endMs + further && block.maxTimeMs > request.startMs - further,
    ),
  )
}

/** How far before (or, by a negative offset, after) its steps an expression reads; pinned selectors read the same everywhere. */
function readsBackMs(reaches: readonly SelectorReach[], firstMs: number, lastMs: number): number {
  const spanMs = lastMs - firstMs
  return Math.max(
    0,
    ...reaches
      .map(({ request }) => request.endMs - request.startMs - spanMs)
      .filter((ms) => ms > 0),
  )
}

/**
 * A guess, made without reading anything: the metric of a selector that names one is a fiftieth of a block. Being wrong
 * costs a few slices too many or too few, never the answer.
 */
function bytesWanted(reaches: readonly SelectorReach[]): (block: BlockRecord) => number {
  let share = 0
  for (const { request } of reaches) {
    const named = request.matchers.some(({ name, type }) => name === '__name__' && type === '=')
    share += named ? 1 / 50 : 1 / 4
  }
  return (block) => Math.min(1, share) * block.segmentSizes.reduce((total, size) => total + size, 0)
}
