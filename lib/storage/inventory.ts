/** What there is, told without reading a sample: blocks, and how many series have which labels. */
import type { BlockSummary } from '#lib/model/block-summary.ts'
import type { Labels } from '#lib/model/labels.ts'
import type { Matcher } from '#lib/model/matcher.ts'

export interface StoredBlock extends BlockSummary {
  /** Whether queries see it: neither superseded nor marked for deletion. */
  readonly visible: boolean
}

export interface CardinalityRequest {
  /** Of the external labels of blocks; all must hold. */
  readonly matchers: readonly Matcher[]
  /** How many names each list has at most. */
  readonly limit: number
}

/** Of the newest block of each stream, as Prometheus tells it of its head. */
export interface Cardinality {
  readonly seriesCount: number
  readonly chunkCount: number
  /** Distinct names with values. */
  readonly labelPairCount: number
  /** Of the samples; undefined where there is no block. */
  readonly minTimeMs: number | undefined
  readonly maxTimeMs: number | undefined
  /** Descending by count. */
  readonly seriesByMetric: readonly NameCount[]
  readonly valuesByLabel: readonly NameCount[]
  /** Bytes of the values, once for each series. */
  readonly bytesByLabel: readonly NameCount[]
  /** `name=value`. */
  readonly seriesByPair: readonly NameCount[]
  readonly warnings: readonly string[]
}

export interface NameCount {
  readonly name: string
  readonly count: number
}

/** A store that is asked beside the bucket, and how it is. */
export interface StoreStatus {
  readonly address: string
  /** sidecar, store, query, rule, receive; unknown where it never said. */
  readonly componentType: string
  readonly lastCheckMs: number
  /** Why it can't be asked now. */
  readonly lastError: string | undefined
  readonly labelSets: readonly Labels[]
  /** Closed interval of its samples. */
  readonly minTimeMs: number
  readonly maxTimeMs: number
}
