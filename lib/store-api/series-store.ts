/** What a StoreAPI needs of whatever has the series: labels first, then chunks as they are stored, in pages that fit into memory. */
import type { Labels } from '#lib/model/labels.ts'
import type { Matcher } from '#lib/model/matcher.ts'
import type { ClosedInterval, LabelAnswer } from '#lib/storage/storage.ts'
import type { ReadyChunk } from '#lib/tsdb/chunk/chunk.ts'

export interface SeriesStore {
  /** What the store has: an entry for each set of external labels, or several where there are gaps. */
  streams(signal: AbortSignal): Promise<readonly StreamInfo[]>
  /** Rejects with a DomainError: 'invalid' for matchers, 'limit', and what reading fails with. */
  select(query: SeriesQuery, signal: AbortSignal): Promise<SelectedSeries>
  labelNames(query: LabelQuery, signal: AbortSignal): Promise<StoreLabels>
  labelValues(name: string, query: LabelQuery, signal: AbortSignal): Promise<StoreLabels>
}

export interface StreamInfo {
  /** External labels. */
  readonly labels: Labels
  /** Of samples, both inclusive. */
  readonly minTimeMs: number
  readonly maxTimeMs: number
}

interface StoreQuery extends ClosedInterval {
  readonly matchers: readonly Matcher[]
  /** Only blocks whose external labels match, `__block_id` among them. */
  readonly blockMatchers: readonly Matcher[]
  /** Labels that the answer does not have. */
  readonly hidden: ReadonlySet<string>
  /** What can't be read is a warning; else it is an error. */
  readonly partialResponse: boolean
  /** 0 for all. */
  readonly limit: number
}

export interface SeriesQuery extends StoreQuery {
  /** No chunks are wanted. */
  readonly labelsOnly: boolean
  /** The coarsest downsampled samples that will do; 0 for raw ones. */
  readonly maxResolutionMs: number
  /** Of labels without the hidden ones. */
  readonly inShard: ((labels: Labels) => boolean) | undefined
}

export type LabelQuery = StoreQuery

export interface SelectedSeries {
  /** Gets more while pages are read. */
  readonly warnings: readonly string[]
  /** ULIDs. */
  readonly queriedBlocks: readonly string[]
  /** Ascending by labels, each series once. A page is valid until the next is asked for. */
  pages(): AsyncIterable<SeriesPage>
  /** What has been read so far. */
  stats(): ReadStats
  /** Must be called, also after an error. */
  close(): void
}

export interface SeriesPage {
  /** Without the hidden ones. */
  readonly labels: readonly Labels[]
  /** By time; those of other replicas may overlap. May be of encodings that only Thanos's downsampled blocks have (`AGGREGATE`), else XOR, HISTOGRAM and FLOAT_HISTOGRAM. */
  chunks(index: number): readonly ReadyChunk[]
}

export interface ReadStats {
  readonly series: number
  readonly chunks: number
  readonly requests: number
  readonly bytes: number
}

export interface StoreLabels extends LabelAnswer {
  readonly queriedBlocks: readonly string[]
}
