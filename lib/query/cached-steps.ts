/** What the results cache knows of a query's steps, and what of its answer the cache keeps. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import type { QueryRequest } from '#lib/promql/backend.ts'
import { dependsOnRange } from '#lib/promql/plan/range-dependent.ts'
import type { QueryOutcome, StepGrid } from '#lib/promql/result.ts'
import { blocksKey, extentName, queryKey } from './cache-key.ts'
import type { Cell } from './cells.ts'
import { cellsOf } from './cells.ts'
import type { StepRun } from './cut.ts'
import { runGrid } from './cut.ts'
import { denserSteps } from './denser-steps.ts'
import type { Extent } from './extent.ts'
import { isAnnotated, joinExtents, outcomeOf, ownCopy, takeSteps } from './extent.ts'
import type { RunOutcome } from './join.ts'
import type { PreparedQuery } from './prepare-query.ts'
import { reachOfSteps } from './prepare-query.ts'
import type { ResultsCache } from './results-cache.ts'

export interface CacheAccess {
  readonly cache: ResultsCache
  readonly bucket: Bucket
  readonly nowMs: number
  readonly signal?: AbortSignal | undefined
}

/** The cells of a request whose answer may be kept; none of an instant query, or where operators are measured. */
export function cellsOfRequest({ grid, analyze }: QueryRequest): Cell[] {
  return grid.stepCount < 2 || analyze ? [] : cellsOf(grid)
}

/** Undefined where nothing is kept of a query, because the answer to a step depends on the steps beside it. */
export async function cachedSteps(
  prepared: PreparedQuery,
  cells: readonly Cell[],
  access: CacheAccess,
): Promise<CachedSteps | undefined> {
  const { request, parsed, expr, sliceable } = prepared
  if (cells.length === 0 || !sliceable) return undefined
  if (dependsOnRange(parsed, expr, request.grid, request.options)) return undefined
  const steps = new CachedSteps(prepared, cells, access)
  await steps.lookUp()
  return steps
}

export class CachedSteps {
  /** Answers from the cache, in order. */
  hits: readonly RunOutcome[] = []
  /** The other steps, in order. */
  missing: readonly StepRun[] = []
  readonly #prepared: PreparedQuery
  readonly #cells: readonly Cell[]
  readonly #access: CacheAccess
  readonly #key: string
  /** Valid extents by the beginning of their cell. */
  readonly #known = new Map<number, Extent>()
  readonly #writes: Promise<void>[] = []
  readonly #newestMs: number

  constructor(prepared: PreparedQuery, cells: readonly Cell[], access: CacheAccess) {
    this.#prepared = prepared
    this.#cells = cells
    this.#access = access
    this.#key = queryKey(prepared.request)
    this.#newestMs = Math.max(...prepared.blocks.map(({ maxTimeMs }) => maxTimeMs))
  }

  async lookUp(): Promise<void> {
    const found = await Promise.all(this.#cells.map((cell) => this.#lookUpCell(cell)))
    const hits = found.flatMap((hit) => hit ?? [])
    const missing = this.#missing(hits)
    const denser = missing.map((run) => this.#fromDenser(run))
    this.hits = [...hits, ...denser.flatMap((hit) => hit ?? [])]
    this.missing = missing.filter((_, i) => !denser[i])
  }

  /** Takes the whole answer to the steps of a missing run, evaluated over the prepared blocks for `usd` a step. */
  keep(run: StepRun, outcome: QueryOutcome, usd: number): void {
    const { value, annotations, warnings } = outcome
    if (warnings.length > 0) return
    const cells = this.#cells.flatMap((cell) => {
      const part = intersection(cell.run, run)
      return part ? [{ cell, part }] : []
    })
    const annotated = isAnnotated(outcome)
    // Which of the cells they are about is not known: from now on each is asked on its own.
    if (annotated) this.#access.cache.annotated.set(this.#key, true)
    if (annotated && cells.length > 1) return
    for (const { cell, part } of cells) {
      const old = this.#oldEnough(part)
      if (old.count <= 0 || (annotated && old.count < part.count)) continue
      const grid = runGrid(this.#prepared.request.grid, old)
      const blocks = this.#blocksKey(grid)
      if (blocks === undefined) continue
      const steps = { first: old.first - run.first, count: old.count }
      const extent = { grid, blocks, value: takeSteps(value, steps), annotations }
      this.#keepInCell(cell, extent, usd * old.count)
    }
  }

  /** Resolves when the bucket has what it should have. */
  async stored(): Promise<void> {
    await Promise.all(this.#writes)
  }

  async #lookUpCell(cell: Cell): Promise<RunOutcome | undefined> {
    const { cache, bucket, signal } = this.#access
    const name = this.#nameOf(cell)
    const kept = cache.get(name)
    const valid = kept && kept.blocks === this.#blocksKey(kept.grid) ? kept : undefined
    const hit = valid && this.#hit(cell, valid)
    if (valid) this.#known.set(cell.fromMs, valid)
    if (hit?.run.count === cell.run.count) return hit
    const key = this.#objectKey(cell)
    const stored = key && (await cache.fetch(bucket, key, signal))
    const better = stored && this.#hit(cell, stored)
    if (!stored || !better) return hit
    cache.keep(name, stored)
    this.#known.set(cell.fromMs, stored)
    return better
  }

  /** The part of the wanted steps that an extent answers. */
  #hit(cell: Cell, extent: Extent): RunOutcome | undefined {
    const { grid } = this.#prepared.request
    const first = Math.round((extent.grid.startMs - grid.startMs) / grid.stepMs)
    const run = intersection(cell.run, { first, count: extent.grid.stepCount })
    if (!run) return undefined
    // Annotations speak of all steps of the extent.
    if (isAnnotated(extent) && run.count < extent.grid.stepCount) return undefined
    const value = takeSteps(extent.value, { first: run.first - first, count: run.count })
    const { annotations } = extent
    return { run, outcome: outcomeOf({ grid: runGrid(grid, run), value, annotations }) }
  }

  /** Steps without a hit; side by side in one run, or cell by cell where annotations are expected. */
  #missing(hits: readonly RunOutcome[]): StepRun[] {
    const apart = this.#access.cache.annotated.has(this.#key)
    const missing: StepRun[] = []
    const add = (first: number, end: number): void => {
      const last = missing.at(-1)
      if (end <= first) return
      if (!apart && last && last.first + last.count === first) {
        missing[missing.length - 1] = { first: last.first, count: end - last.first }
      } else missing.push({ first, count: end - first })
    }
    for (const { run } of this.#cells) {
      const hit = hits.find((one) => intersection(one.run, run))?.run
      const end = run.first + run.count
      add(run.first, hit ? hit.first : end)
      if (hit) add(hit.first + hit.count, end)
    }
    return missing
  }

  #fromDenser(run: StepRun): RunOutcome | undefined {
    const isValid = (extent: Extent): boolean => extent.blocks === this.#blocksKey(extent.grid)
    return denserSteps(this.#access.cache, this.#key, this.#prepared, run, isValid)
  }

  #keepInCell(cell: Cell, fresh: Extent, usd: number): void {
    const known = this.#known.get(cell.fromMs)
    const joined = known && this.#joined(known, fresh)
    if (known && !joined && known.grid.stepCount > fresh.grid.stepCount) return
    const extent = joined ?? ownCopy(fresh)
    this.#known.set(cell.fromMs, extent)
    const { cache, bucket } = this.#access
    cache.keep(this.#nameOf(cell), extent)
    const key = extent.grid.stepCount === cell.grid.stepCount && this.#objectKey(cell)
    if (key && cache.isWorthStoring(usd)) {
      this.#writes.push(cache.store(bucket, key, extent))
    }
  }

  #joined(known: Extent, fresh: Extent): Extent | undefined {
    const [first, second] =
      known.grid.startMs < fresh.grid.startMs ? [known, fresh] : [fresh, known]
    const { startMs, stepMs, stepCount } = first.grid
    if (startMs + stepCount * stepMs !== second.grid.startMs) return undefined
    const grid = { startMs, stepMs, stepCount: stepCount + second.grid.stepCount }
    const blocks = this.#blocksKey(grid)
    return blocks === undefined ? undefined : joinExtents(first, second, blocks)
  }

  /** The youngest may still change in ways that no block tells. */
  #oldEnough({ first, count }: StepRun): StepRun {
    const { cache, nowMs } = this.#access
    const { startMs, stepMs } = this.#prepared.request.grid
    const end = Math.floor((nowMs - cache.maxFreshnessMs - startMs) / stepMs) + 1
    return { first, count: Math.min(first + count, end) - first }
  }

  /** Undefined where the steps read no block, as there is nothing to save, or a source, which no name stands for. */
  #blocksKey(grid: StepGrid): string | undefined {
    const { blocks, sources } = reachOfSteps(this.#prepared, grid)
    return blocks.length === 0 || sources.length > 0 ? undefined : blocksKey(blocks)
  }

  #nameOf({ fromMs }: Cell): string {
    const { stepMs, startMs } = this.#prepared.request.grid
    return `${extentName(this.#key, stepMs, startMs)}/${fromMs}`
  }

  /** Of a cell that is over, and whose blocks have arrived as far as one can see; undefined for the others. */
  #objectKey(cell: Cell): string | undefined {
    const { cache, nowMs } = this.#access
    if (cell.toMs > nowMs - cache.maxFreshnessMs) return undefined
    const { reaches } = reachOfSteps(this.#prepared, cell.grid)
    if (reaches.some(({ request }) => request.endMs > this.#newestMs)) return undefined
    const blocks = this.#blocksKey(cell.grid)
    return blocks && `${this.#nameOf(cell)}/${blocks}`
  }
}

function intersection(a: StepRun, b: StepRun): StepRun | undefined {
  const first = Math.max(a.first, b.first)
  const count = Math.min(a.first + a.count, b.first + b.count) - first
  return count > 0 ? { first, count } : undefined
}
