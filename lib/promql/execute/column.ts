/** One output series over the steps of a grid, and the contract of the operators that give them: labels first, samples after. */
import type { FloatHistogram } from '#lib/model/histogram.ts'
import { HistogramColumn } from '#lib/model/histogram-column.ts'
import type { Labels } from '#lib/model/labels.ts'
import { ABSENT, FLOAT, HISTOGRAM } from '../result.ts'

export interface Column {
  readonly values: Float64Array
  readonly presence: Uint8Array
  /** Only rows where presence is HISTOGRAM count. */
  histograms: HistogramColumn | undefined
  /** Memory for the next histograms. */
  spare: HistogramColumn | undefined
}

export interface SeriesHead {
  readonly labels: Labels
  /** The name goes at the end of the query (delayed name removal). */
  readonly dropName: boolean
}

export interface VectorOperator {
  /** Labels need not be unique unless the maker says so; a series may turn out to have no sample at all. */
  readonly heads: readonly SeriesHead[]
  /**
   * The samples of series `index`. Each index at most once, in any order.
   * The column belongs to the caller, who may write into it, until the next call.
   */
  column(index: number): Column
}

export const NOTHING: VectorOperator = {
  heads: [],
  column(index) {
    throw new Error(`bug: column ${index} of nothing`)
  },
}

export function newColumn(stepCount: number): Column {
  return {
    values: new Float64Array(stepCount),
    presence: new Uint8Array(stepCount),
    histograms: undefined,
    spare: undefined,
  }
}

export function clearColumn(column: Column): Column {
  column.presence.fill(ABSENT)
  if (column.histograms) {
    column.histograms.clear()
    column.spare = column.histograms
    column.histograms = undefined
  }
  return column
}

export function copyColumn({ values, presence, histograms }: Column): Column {
  return {
    values: values.slice(),
    presence: presence.slice(),
    histograms: presence.includes(HISTOGRAM) ? histograms?.copy(values.length) : undefined,
    spare: undefined,
  }
}

export function setFloat(column: Column, step: number, value: number): void {
  column.values[step] = value
  column.presence[step] = FLOAT
}

export function setHistogram(column: Column, step: number, histogram: FloatHistogram): void {
  histogramRows(column).set(step, histogram)
  column.presence[step] = HISTOGRAM
}

/** Row `from` of `source` becomes the sample at `step`. */
export function setRow(column: Column, step: number, source: HistogramColumn, from: number): void {
  histogramRows(column).copyRow(step, source, from)
  column.presence[step] = HISTOGRAM
}

/** Where to write histograms; a step has one when its presence says so. */
export function histogramRows(column: Column): HistogramColumn {
  column.histograms ??= column.spare ?? new HistogramColumn(column.values.length)
  return column.histograms
}

export function isEmpty(column: Column): boolean {
  const presence = column.presence
  for (let i = 0; i < presence.length; i++) if (presence[i] !== ABSENT) return false
  return true
}

/** Columns that are already there. */
export function storedColumns(
  heads: readonly SeriesHead[],
  columns: readonly Column[],
): VectorOperator {
  return {
    heads,
    column: (index) => columns[index]!,
  }
}
