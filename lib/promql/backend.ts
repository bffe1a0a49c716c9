/** What the HTTP API asks of whatever answers queries: one process over a storage, or slices fanned out to functions. */
import type { Labels } from '#lib/model/labels.ts'
import type { QueryCost } from '#lib/storage/cost.ts'
import type { Cardinality, CardinalityRequest, StoredBlock } from '#lib/storage/inventory.ts'
import type { LabelAnswer, LabelRequest, SelectRequest, SeriesSet } from '#lib/storage/storage.ts'
import type { Scope } from '#lib/storage/scope.ts'
import type { EngineOptions } from './options.ts'
import type { QueryOutcome, StepGrid } from './result.ts'

export type { QueryCost, Scope }

export interface QueryRequest {
  /** As the client wrote it: annotations point into it. Parsed and checked before, so it is valid. */
  readonly text: string
  readonly grid: StepGrid
  readonly scope: Scope
  readonly options: EngineOptions
  /** What each operator takes is wanted. */
  readonly analyze?: boolean | undefined
  /** What to try, one after the other, for the steps before the first that has an answer. */
  readonly coarser?: readonly CoarserBlocks[] | undefined
}

export interface CoarserBlocks {
  readonly maxSourceResolutionMs: number
  /** Coarser samples are further apart. */
  readonly lookbackMs: number
}

export interface QueryAnswer extends QueryOutcome {
  readonly cost: QueryCost
}

export interface LabelsAnswer extends LabelAnswer {
  readonly cost?: QueryCost | undefined
}

export interface SeriesAnswer {
  readonly series: readonly Labels[]
  readonly warnings: readonly string[]
  readonly cost?: QueryCost | undefined
}

export interface QueryBackend {
  query(request: QueryRequest, signal?: AbortSignal): Promise<QueryAnswer>
  labelNames(request: LabelRequest, scope: Scope, signal?: AbortSignal): Promise<LabelsAnswer>
  labelValues(
    name: string,
    request: LabelRequest,
    scope: Scope,
    signal?: AbortSignal,
  ): Promise<LabelsAnswer>
  /** Sorted by `compareLabels`, unique; of all matcher sets together. */
  series(request: LabelRequest, scope: Scope, signal?: AbortSignal): Promise<SeriesAnswer>
  /** One selector's series with their samples as they are stored: for remote read and federation. */
  select(request: SelectRequest, scope: Scope, signal?: AbortSignal): Promise<SeriesSet>
  cardinality(request: CardinalityRequest, scope: Scope, signal?: AbortSignal): Promise<Cardinality>
  /** All blocks that are nobody else's in part, ascending by their minimum time. */
  blocks(scope: Scope, signal?: AbortSignal): Promise<readonly StoredBlock[]>
}
