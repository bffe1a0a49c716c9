/** What some steps of a query will ask of whom, as data: slices, cut from the blocks the selectors reach. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import type { Expr } from '#lib/promql/parse/ast.ts'
import { children } from '#lib/promql/parse/walk.ts'
import type { SelectorReach } from '#lib/promql/plan/reach.ts'
import { shardPlan, type PartialAggregation } from '#lib/promql/plan/shard.ts'
import type { StepGrid } from '#lib/promql/result.ts'
import type { Shard } from '#lib/storage/storage.ts'
import type { CutOptions, StepRun } from './cut.ts'
import { cutSteps, runGrid } from './cut.ts'
import type { PreparedQuery } from './prepare-query.ts'
import { reachOfSteps } from './prepare-query.ts'
import type { Slice } from './slice.ts'

/** Slice i answers the steps of run i; where runs are cut into shards too, several slices answer the same run. */
export interface SlicePlan {
  readonly slices: readonly Slice[]
  readonly runs: readonly StepRun[]
  /** Bytes of chunks that will be read, estimated. */
  readonly bytes: number
  /** How the answers of shards become one. */
  readonly partial?: PartialAggregation | undefined
}

/** Plans the steps of `run`. */
export function planSlices(
  prepared: PreparedQuery,
  run: StepRun,
  { goneBlockFails, ...cut }: CutOptions & Pick<Slice, 'goneBlockFails'>,
): SlicePlan {
  const { request, expr, sliceable } = prepared
  const { text, grid: whole, scope, options, analyze } = request
  const grid = runGrid(whole, run)
  const { reaches, blocks, sources } = reachOfSteps(prepared, grid)
  const bytesOf = bytesWanted(reaches)
  const lastMs = grid.startMs + (grid.stepCount - 1) * grid.stepMs
  const all = sliceable
    ? cutSteps(grid, blocks, bytesOf, readsBackMs(reaches, grid.startMs, lastMs), cut)
    : [{ first: 0, count: grid.stepCount }]
  const parts = sources.length > 0 ? joinBound(prepared, grid, all) : all
  const bytes = blocks.reduce((sum, block) => sum + bytesOf(block), 0)
  // Each shard would ask a source for everything.
  const worth = sources.length > 0 ? 1 : shardCount(bytes, parts.length, cut)
  const { shards, partial } = shardsOf(expr, grid, worth)
  const slices = parts.flatMap((part): Slice[] => {
    const partGrid = runGrid(grid, part)
    const wanted = parts.length === 1 ? { blocks, sources } : reachOfSteps(prepared, partGrid)
    const slice = {
      text,
      whole,
      grid: partGrid,
      scope,
      options,
      analyze,
      goneBlockFails,
      blocks: wanted.blocks,
      ...(wanted.sources.length > 0 && { sources: wanted.sources }),
    }
    return shards.map((shard) => ({ ...slice, ...(shard && { shard }) }))
  })
  const runs = parts.map(({ first, count }) => ({ first: run.first + first, count }))
  return { slices, runs: runs.flatMap((part) => shards.map(() => part)), bytes, partial }
}

/** Parts that ask sources all run in this process, where one is better than many: neighbours become one. */
function joinBound(
  prepared: PreparedQuery,
  grid: StepGrid,
  parts: readonly StepRun[],
): readonly StepRun[] {
  const joined: { run: StepRun; bound: boolean }[] = []
  for (const run of parts) {
    const bound = reachOfSteps(prepared, runGrid(grid, run)).sources.length > 0
    const last = joined.at(-1)
    if (!bound || !last?.bound) joined.push({ run, bound })
    else last.run = { first: last.run.first, count: last.run.count + run.count }
  }
  return joined.map(({ run }) => run)
}

/** The same runs of steps, with all series. */
export function withoutShards({ slices, runs, bytes }: SlicePlan): SlicePlan {
  const kept = [...slices.keys()].filter((i) => (slices[i]!.shard?.index ?? 0) === 0)
  return {
    slices: kept.map((i) => ({ ...slices[i]!, shard: undefined })),
    runs: kept.map((i) => runs[i]!),
    bytes,
  }
}

/** Chunks of the shards lie among each other, so each reads nearly all of them and only the work is shared. */
const WORTH_A_SHARD = 4
const MAX_SHARDS = 4

function shardCount(bytes: number, runs: number, { sliceBytes, maxSlices }: CutOptions): number {
  const worth = Math.floor(bytes / runs / sliceBytes / WORTH_A_SHARD)
  return Math.min(worth, MAX_SHARDS, Math.floor(maxSlices / runs))
}

/** One `undefined` where the expression stays whole. */
function shardsOf(
  expr: Expr,
  grid: StepGrid,
  count: number,
): {
  readonly shards: readonly (Shard | undefined)[]
  readonly partial?: PartialAggregation | undefined
} {
  const whole = { shards: [undefined] }
  // The answer of an instant query may have an order, which is lost between shards.
  if (count < 2 || (grid.stepCount === 1 && ordersSeries(expr))) return whole
  const plan = shardPlan(expr)
  if (!plan) return whole
  const { partial, ...by } = plan
  return { shards: Array.from({ length: count }, (_, index) => ({ index, count, ...by })), partial }
}

function ordersSeries(expr: Expr): boolean {
  const ordered =
    (expr.type === 'call' && expr.func.startsWith('sort')) ||
    (expr.type === 'aggregation' && ORDERED.has(expr.op))
  return ordered || children(expr).some(ordersSeries)
}

const ORDERED: ReadonlySet<string> = new Set(['topk', 'bottomk', 'limitk'])

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
