/** histogram_quantile, histogram_quantiles and histogram_fraction over classic and native histograms. */
import {
  labelsKey,
  labelValue,
  METRIC_NAME,
  quoteGo,
  setLabel,
  withoutLabels,
  type Labels,
} from '#lib/model/labels.ts'
import type { HistogramColumn } from '#lib/model/histogram-column.ts'
import type { Position } from '../parse/ast.ts'
import { FLOAT, HISTOGRAM } from '../result.ts'
import { formatGeneral, formatOpenMetrics, formatTwoDigits } from '../function/float-math.ts'
import {
  classicFraction,
  classicQuantile,
  ClassicBuckets,
  type ForcedMonotonicity,
} from '../histogram/classic.ts'
import { nativeFraction, nativeQuantile, type NanEffect } from '../histogram/native-quantile.ts'
import type { AnnotationDetail } from './annotation-set.ts'
import {
  copyColumn,
  newColumn,
  isEmpty,
  setFloat,
  storedColumns,
  type Column,
  type SeriesHead,
  type VectorOperator,
} from './column.ts'
import { gridTime, type EvalGrid, type Evaluation } from './evaluation.ts'
import { METADATA_LABELS, mergeEqualLabels } from './merge-series.ts'

const BUCKET_LABEL: ReadonlySet<string> = new Set(['le'])

/** One result series per histogram: a number out of its classic buckets, or out of a native one. */
export interface HistogramEstimate {
  /** Set on the result, for histogram_quantiles. */
  readonly label?: readonly [name: string, value: string] | undefined
  /** Steps it is for; all when absent. */
  covers?(step: number): boolean
  classic(buckets: ClassicBuckets, step: number): number
  /** The histogram is in row `step`. */
  native(rows: HistogramColumn, step: number): { value: number; nan: NanEffect }
}

export function quantileEstimate(
  q: Float64Array,
  label?: readonly [name: string, value: string],
): HistogramEstimate {
  return {
    label,
    classic: (buckets, step) => classicQuantile(q[step]!, buckets),
    native: (rows, step) => nativeQuantile(q[step]!, rows, step),
  }
}

/** A quantile that changes from step to step has a label, and so a series, for each value. */
export function labelledEstimates(q: Float64Array, name: string): HistogramEstimate[] {
  const values = new Set(q)
  return [...values].map((value) => {
    const estimate = quantileEstimate(q, [name, formatOpenMetrics(value)])
    return values.size === 1
      ? estimate
      : { ...estimate, covers: (step) => sameValue(q[step]!, value) }
  })
}

function sameValue(a: number, b: number): boolean {
  return a === b || (a !== a && b !== b)
}

export function fractionEstimate(lower: Float64Array, upper: Float64Array): HistogramEstimate {
  return {
    classic: (buckets, step) => classicFraction(lower[step]!, upper[step]!, buckets),
    native: (rows, step) => nativeFraction(lower[step]!, upper[step]!, rows, step),
  }
}

export function warnAboutQuantiles(
  evaluation: Evaluation,
  q: Float64Array,
  position: Position,
): void {
  for (const value of new Set(q)) {
    if (value >= 0 && value <= 1) continue
    evaluation.annotations.warn(
      `quantile value should be between 0 and 1, got ${formatGeneral(value)}`,
      position,
    )
  }
}

/** Series that make up one histogram: its buckets, and a native series with the same labels. */
interface Histogram {
  readonly labels: Labels
  readonly buckets: { readonly index: number; readonly upperBound: number }[]
  /** Series without a usable `le`: native histograms, or floats that are no bucket. */
  readonly others: number[]
}

interface BucketColumn {
  readonly upperBound: number
  readonly column: Column
}

interface OtherColumn {
  /** Undefined where the series is known to be no bucket for lack of floats. */
  readonly le: string | undefined
  readonly column: Column
}

interface Result {
  readonly head: SeriesHead
  readonly column: Column
  readonly order: number
}

export async function histogramOperator(
  evaluation: Evaluation,
  input: VectorOperator,
  estimates: readonly HistogramEstimate[],
  position: Position,
  grid: EvalGrid,
): Promise<VectorOperator> {
  const { annotations, delayedNameRemoval: delayed } = evaluation
  const results: Result[] = []
  /** Native histograms in series with an `le` of their own, which is then a label like any other. */
  const strays: { labels: Labels; column: Column }[] = []
  /** Columns of the buckets of one histogram, used again for the next one. */
  const pool: Column[] = []
  for (const { labels, buckets, others } of groupSeries(input.heads)) {
    if (evaluation.due(grid.stepCount * (buckets.length + 1))) await evaluation.pause()
    const bucketColumns = buckets.map(({ index, upperBound }, i): BucketColumn => {
      const column = input.column(index)
      if (!column.histograms) {
        const copy = (pool[i] ??= newColumn(grid.stepCount))
        copy.values.set(column.values)
        copy.presence.set(column.presence)
        return { upperBound, column: copy }
      }
      const copy = copyColumn(column)
      if (copy.histograms) strays.push({ labels: input.heads[index]!.labels, column: copy })
      return { upperBound, column: copy }
    })
    bucketColumns.sort((a, b) => compareBounds(a.upperBound, b.upperBound))
    const otherColumns = others.map((index): OtherColumn => {
      const le = labelValue(input.heads[index]!.labels, 'le')
      return { le, column: copyColumn(input.column(index)) }
    })
    compute(labels, bucketColumns, otherColumns)
  }
  for (const { labels, column } of strays) compute(labels, [], [{ le: undefined, column }])
  evaluation.hold(results.length * grid.stepCount)
  // Prometheus goes on with one estimate after the other, native histograms first.
  results.sort((a, b) => a.order - b.order)
  const operator = storedColumns(
    results.map(({ head }) => head),
    results.map(({ column }) => column),
  )
  // With delayed names Prometheus does not look for equal labels at an instant.
  return delayed && grid.single ? operator : mergeEqualLabels(operator)

  function compute(
    labels: Labels,
    buckets: readonly BucketColumn[],
    others: readonly OtherColumn[],
  ): void {
    const columns = estimates.map(() => newColumn(grid.stepCount))
    const name = delayed ? labelValue(labels, METRIC_NAME) : ''
    const classic = new ClassicBuckets(buckets.length)
    const gather = (step: number) => {
      classic.clear()
      for (const { upperBound, column } of buckets) {
        if (column.presence[step] === FLOAT) classic.push(upperBound, column.values[step]!)
      }
    }
    for (let step = 0; step < grid.stepCount; step++) {
      gather(step)
      let native: HistogramColumn | undefined
      for (const { le, column } of others) {
        if (column.presence[step] === HISTOGRAM) native = column.histograms
        else if (column.presence[step] === FLOAT && le !== undefined) {
          annotations.warn(
            `bucket label "le" is missing or has a malformed value of ${quoteGo(le)}${forMetric(name)}`,
            position,
          )
        }
      }
      if (native && classic.length > 0) {
        annotations.warn(
          `vector contains a mix of classic and native histograms${forMetric(name)}`,
          position,
        )
        continue
      }
      for (let i = 0; i < estimates.length; i++) {
        const estimate = estimates[i]!
        if (estimate.covers && !estimate.covers(step)) continue
        if (native) setFloat(columns[i]!, step, nativeValue(estimate, native, step, name))
        else if (classic.length > 0) {
          // Each estimate starts from counts that none has levelled.
          if (i > 0) gather(step)
          setFloat(columns[i]!, step, estimate.classic(classic, step))
          if (classic.forced) noteForced(classic.forced, name, gridTime(grid, step))
        }
      }
    }
    const named = delayed ? labels : withoutLabels(labels, METADATA_LABELS)
    for (const [i, { label }] of estimates.entries()) {
      if (isEmpty(columns[i]!)) continue
      const head = { labels: label ? setLabel(named, label[0], label[1]) : named, dropName: true }
      results.push({ head, column: columns[i]!, order: 2 * i + (buckets.length > 0 ? 1 : 0) })
    }
  }

  function nativeValue(
    estimate: HistogramEstimate,
    rows: HistogramColumn,
    step: number,
    name: string,
  ): number {
    const { value, nan } = estimate.native(rows, step)
    if (nan !== 'none') {
      const effect = {
        'result-nan': 'input to histogram_quantile has NaN observations, result is NaN',
        skewed: 'input to histogram_quantile has NaN observations, result is skewed higher',
        excluded:
          'input to histogram_fraction has NaN observations, which are excluded from all fractions',
      }[nan]
      annotations.info(`${effect}${forMetric(name)}`, position)
    }
    return value
  }

  function noteForced(forced: ForcedMonotonicity, name: string, timeMs: number): void {
    annotations.info(
      `input to histogram_quantile needed to be fixed for monotonicity (see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)${forMetric(name)}`,
      position,
      forcedDetail({ ...forced, firstMs: timeMs, lastMs: timeMs, count: 1 }),
    )
  }
}

function compareBounds(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function groupSeries(heads: readonly SeriesHead[]): Iterable<Histogram> {
  const byKey = new Map<string, Histogram>()
  for (const [index, head] of heads.entries()) {
    const upperBound = parseBound(labelValue(head.labels, 'le'))
    const labels = upperBound === undefined ? head.labels : withoutLabels(head.labels, BUCKET_LABEL)
    const key = labelsKey(labels)
    let histogram = byKey.get(key)
    if (!histogram) byKey.set(key, (histogram = { labels, buckets: [], others: [] }))
    if (upperBound === undefined) histogram.others.push(index)
    else histogram.buckets.push({ index, upperBound })
  }
  return byKey.values()
}

function forMetric(name: string): string {
  return name === '' ? '' : ` for metric name ${quoteGo(name)}`
}

/** What Go's ParseFloat takes, as far as it occurs in `le`. */
function parseBound(text: string): number | undefined {
  const inf = /^([+-]?)inf(inity)?$/i.exec(text)
  if (inf) return inf[1] === '-' ? -Infinity : Infinity
  if (/^[+-]?nan$/i.test(text)) return NaN
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return undefined
  return Number(text)
}

interface Forced extends ForcedMonotonicity {
  readonly firstMs: number
  readonly lastMs: number
  readonly count: number
}

interface ForcedDetail extends AnnotationDetail {
  readonly forced: Forced
}

function forcedDetail(forced: Forced): ForcedDetail {
  return {
    forced,
    merge(earlier) {
      const other = (earlier as ForcedDetail).forced
      return forcedDetail({
        minBucket: Math.min(forced.minBucket, other.minBucket),
        maxBucket: Math.max(forced.maxBucket, other.maxBucket),
        maxDiff: Math.max(forced.maxDiff, other.maxDiff),
        firstMs: Math.min(forced.firstMs, other.firstMs),
        lastMs: Math.max(forced.lastMs, other.lastMs),
        count: forced.count + other.count,
      })
    },
    show() {
      const { minBucket, maxBucket, maxDiff, count, firstMs, lastMs } = forced
      const diff = formatTwoDigits(maxDiff)
      return `, from buckets ${formatGeneral(minBucket)} to ${formatGeneral(maxBucket)}, with a max diff of ${diff}, over ${count} samples from ${isoSeconds(firstMs)} to ${isoSeconds(lastMs)}`
    },
  }
}

function isoSeconds(ms: number): string {
  return new Date(Math.trunc(ms / 1000) * 1000).toISOString().replace('.000Z', 'Z')
}
