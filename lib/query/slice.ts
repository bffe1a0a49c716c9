/** A slice: a whole expression over some of a query's steps, with all a store function needs to answer it. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { type BlockList, blocksFromList, blocksToList } from '#lib/blocks/pack-record.ts'
import { refuseNewer } from '#lib/model/errors.ts'
import type { Shard } from '#lib/storage/storage.ts'
import type { Scope } from '#lib/storage/scope.ts'
import type { EngineOptions, Feature } from '#lib/promql/options.ts'
import type { StepGrid } from '#lib/promql/result.ts'
import type { SeriesSource } from '#lib/store/series-source.ts'

export interface Slice {
  readonly text: string
  /** All steps of the query: what start(), end(), step() and range() speak of. */
  readonly whole: StepGrid
  /** The steps of this slice. */
  readonly grid: StepGrid
  readonly scope: Scope
  readonly options: EngineOptions
  /** What each operator takes is wanted. */
  readonly analyze?: boolean | undefined
  /** Only the series of this shard; the other shards of these steps are other slices. */
  readonly shard?: Shard | undefined
  /** A block that is gone fails the slice, even where half an answer is wanted: whoever planned it will plan again. */
  readonly goneBlockFails?: boolean | undefined
  /** The blocks it may read: those that overlap the time its selectors reach. */
  readonly blocks: readonly BlockRecord[]
  /** What is asked besides the blocks. A slice that has any runs in this process, which has the connections. */
  readonly sources?: readonly SeriesSource[] | undefined
}

/** What one slice cost. */
export interface SliceCost {
  readonly gets: number
  readonly lists: number
  /** Of lookups that were missing. */
  readonly puts: number
  readonly bytes: number
  readonly milliseconds: number
  /** Memory of the function that ran it. */
  readonly megabytes: number
}

/** The event of the `store` function. `version` changes when an older function could misread it. */
export const SLICE_VERSION = 3

export interface SliceEvent extends Omit<Slice, 'options' | 'blocks' | 'sources'>, BlockList {
  readonly version: number
  readonly options: Omit<EngineOptions, 'features'> & { readonly features: readonly Feature[] }
  /** Unix ms after which nobody waits for the answer. */
  readonly deadlineMs: number
}

export function sliceToEvent(slice: Slice, deadlineMs: number): SliceEvent {
  const { options, sources: _, ...rest } = slice
  return {
    ...rest,
    version: SLICE_VERSION,
    deadlineMs,
    ...blocksToList(slice.blocks),
    options: { ...options, features: [...options.features] },
  }
}

/** Throws NewerFormatError. */
export function sliceFromEvent(event: SliceEvent): Slice {
  const { packs: _, version, ...rest } = event
  refuseNewer('a slice of a query', version, SLICE_VERSION)
  return {
    ...rest,
    blocks: blocksFromList(event),
    options: { ...event.options, features: new Set(event.options.features) },
  }
}
