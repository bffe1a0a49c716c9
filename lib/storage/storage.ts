/** What a query engine may ask of any place that holds series. Implemented over blocks, memory, remote stores and merges. */
import type { Labels } from '#lib/model/labels.ts'
import type { Matcher } from '#lib/model/matcher.ts'
import type { SampleColumns } from '#lib/model/samples.ts'

export interface Storage {
  /**
   * All input and output of a selector happens in here; the answer decodes synchronously.
   * Rejects with a DomainError: 'limit', 'unavailable', 'corrupt', 'timeout', 'canceled'.
   */
  select(request: SelectRequest, signal?: AbortSignal): Promise<SeriesSet>

  /** Sorted, unique names of the series that match any of the matcher sets (all series when there is none). */
  labelNames(request: LabelRequest, signal?: AbortSignal): Promise<LabelAnswer>

  /** Sorted, unique values of one label, of the series that match any of the matcher sets. */
  labelValues(name: string, request: LabelRequest, signal?: AbortSignal): Promise<LabelAnswer>
}

export interface SelectRequest {
  /** All must match. At least one does not match the empty string. */
  readonly matchers: readonly Matcher[]
  /** Samples with startMs ≤ t ≤ endMs are wanted: a closed interval, the only one in the code, as in Prometheus. */
  readonly startMs: number
  readonly endMs: number
  readonly hints: SelectHints
}

/** What the samples are for. May be ignored, except `labelsOnly`, which the asker relies on to be cheap. */
export interface SelectHints {
  /** 0 for an instant query. */
  readonly stepMs: number
  /** The range of a range selector, 0 for an instant selector. */
  readonly rangeMs: number
  /** How far each step looks back: the range, or the lookback of an instant selector. 0 where there are no steps. */
  readonly windowMs: number
  /** The closest function or aggregation above the selector, '' when an operator is between. */
  readonly func: string
  readonly grouping: readonly string[]
  /** `by` (true) or `without`. */
  readonly by: boolean
  /** At most this many series, 0 for all. */
  readonly limit: number
  /** No samples will be asked for. */
  readonly labelsOnly: boolean
  /** Only series whose hash falls to this shard. */
  readonly shard?: Shard | undefined
  /** The intervals of `startMs` and `endMs` where absent. */
  readonly asked?: AskedIntervals | undefined
}

/**
 * What Prometheus would ask for, which is what reading with a memory depends on: more than is wanted, as it does not look at the steps of
 * subqueries, nor whether the query's end is on a step. Closed intervals.
 */
export interface AskedIntervals {
  readonly selector: ClosedInterval
  /** From the first to the last sample of any selector. */
  readonly query: ClosedInterval
}

export interface ClosedInterval {
  readonly startMs: number
  readonly endMs: number
}

export interface Shard {
  readonly index: number
  readonly count: number
  /** Labels that are hashed: only these (`by`), or all but these. */
  readonly by: boolean
  readonly labels: readonly string[]
}

export const NO_HINTS: SelectHints = {
  stepMs: 0,
  rangeMs: 0,
  windowMs: 0,
  func: '',
  grouping: [],
  by: false,
  limit: 0,
  labelsOnly: false,
}

/** Labels first, samples after. */
export interface SeriesSet {
  /** Ascending by `compareLabels`, unique. */
  readonly labels: readonly Labels[]
  /** Why the answer may be incomplete. May get more while samples are decoded. */
  readonly warnings: readonly string[]
  /**
   * The samples of series `index`, within the request's interval, stale markers included, decoded on demand.
   * The columns are only valid until the next call: copy what must live longer. Any order, any number of times.
   * Throws CorruptError when the bytes are not what they should be.
   */
  samples(index: number): SampleColumns
}

export interface LabelRequest {
  readonly matcherSets: readonly (readonly Matcher[])[]
  /** Closed interval; infinite where the client gave none. */
  readonly startMs: number
  readonly endMs: number
  /** 0 for all. */
  readonly limit: number
}

export interface LabelAnswer {
  readonly values: readonly string[]
  readonly warnings: readonly string[]
}
