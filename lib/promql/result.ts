/** What evaluating PromQL gives: columns over the query's steps. Step i is at startMs + i·stepMs. */
import type { HistogramColumn } from '#lib/model/histogram-column.ts'
import type { Labels } from '#lib/model/labels.ts'
import type { SampleColumns } from '#lib/model/samples.ts'
import type { Position } from './parse/ast.ts'

/** `presence` of a step. */
export const ABSENT = 0
export const FLOAT = 1
export const HISTOGRAM = 2

export interface StepSeries {
  readonly labels: Labels
  /** One entry per step; meaningless where absent. */
  readonly values: Float64Array
  /** One entry per step: ABSENT, FLOAT or HISTOGRAM. */
  readonly presence: Uint8Array
  /** A row per step, meaningless where presence is not HISTOGRAM. Absent when there is none. */
  readonly histograms?: HistogramColumn | undefined
}

/** The steps a result or a slice covers. An instant query has one step and stepMs 0. */
export interface StepGrid {
  readonly startMs: number
  readonly stepMs: number
  readonly stepCount: number
  /** The end that was asked for, when it is not on a step: what end() and `@ end()` mean. */
  readonly endMs?: number | undefined
}

export type QueryValue =
  | { readonly type: 'scalar'; readonly values: Float64Array }
  | { readonly type: 'string'; readonly value: string }
  /** Instant vector over the grid. Series with no present step are left out. Order matters for sort() and topk() of instant queries. */
  | { readonly type: 'vector'; readonly series: readonly StepSeries[] }
  /** A range selector asked by an instant query: raw samples. */
  | { readonly type: 'matrix'; readonly series: readonly RawSeries[] }

export interface RawSeries {
  readonly labels: Labels
  readonly samples: SampleColumns
}

/** Warnings and infos, each text once, without the ` (line:col)` suffix where position is undefined. */
export interface Annotations {
  readonly warnings: readonly string[]
  readonly infos: readonly string[]
  /** What each of them is about, as offsets in the query: of a text met in several places one is shown. */
  readonly places: Readonly<Record<string, Position>>
}

export interface QueryStats {
  /** Samples read by selectors, histograms weighted as Prometheus weighs them. */
  readonly samplesRead: number
  readonly peakSamples: number
  readonly seriesRead: number
}

/** One operator of the plan and what it took, its inputs below it included. */
export interface OperatorAnalysis {
  /** As explain calls it. */
  readonly name: string
  /** Series that came out; 1 for scalars. */
  readonly series: number
  /** Samples that were read for it. */
  readonly samples: number
  /** Waiting for others in the same process included. */
  readonly milliseconds: number
  readonly children: readonly OperatorAnalysis[]
}

export interface QueryOutcome {
  readonly grid: StepGrid
  readonly value: QueryValue
  readonly annotations: Annotations
  /** From storage: why the answer may be incomplete. */
  readonly warnings: readonly string[]
  readonly stats: QueryStats
  /** Where it was asked for. */
  readonly analysis?: OperatorAnalysis | undefined
}
