/** Compares what a query gave with what a script expects, with promqltest's tolerance. */
import type { FloatHistogram } from '#lib/model/histogram.ts'
import { compareLabels, formatLabels, labelsKey, type Labels } from '#lib/model/labels.ts'
import { equalBounds, compactHistogram, isCustom } from '#lib/promql/histogram/working-histogram.ts'
import { ABSENT, HISTOGRAM, type QueryValue, type StepGrid } from '#lib/promql/result.ts'
import type { EvalCommand } from './script.ts'
import type { SeriesValue } from '#lib/promql/parse/series-values.ts'

const EPSILON = 0.000001
const SMALLEST_NORMAL = 2 ** -1022

export interface Actual {
  readonly labels: Labels
  readonly points: {
    readonly timeMs: number
    readonly value: number
    readonly histogram: FloatHistogram | undefined
  }[]
}

/** Series with their points, of vectors and matrices. */
export function actualSeries(value: QueryValue, grid: StepGrid): Actual[] {
  if (value.type === 'matrix') {
    return value.series.map(({ labels, samples }) => ({
      labels,
      points: Array.from({ length: samples.length }, (_, i) => ({
        timeMs: samples.timestamps[i]!,
        value: samples.values[i]!,
        histogram: samples.histograms?.at(i),
      })),
    }))
  }
  if (value.type !== 'vector') return []
  return value.series.map(({ labels, values, presence, histograms }) => {
    const points: Actual['points'] = []
    for (const [i, kind] of presence.entries()) {
      if (kind === ABSENT) continue
      const timeMs = grid.startMs + i * grid.stepMs
      const histogram = kind === HISTOGRAM ? histograms!.at(i) : undefined
      points.push({ timeMs, value: values[i]!, histogram })
    }
    return { labels, points }
  })
}

/** Throws with the difference. */
export function compareSeries(
  command: EvalCommand,
  actual: readonly Actual[],
  times: { startMs: number; stepMs: number },
  ordered: boolean,
): void {
  const expected = new Map(
    command.series.map((series, at) => [labelsKey(series.labels), { ...series, at }]),
  )
  for (const [at, { labels, points }] of actual.entries()) {
    const key = labelsKey(labels)
    const wanted = expected.get(key)
    if (!wanted)
      throw new Error(`unexpected series ${formatLabels(labels)} ${JSON.stringify(points)}`)
    if (ordered && wanted.at !== at) {
      throw new Error(`${formatLabels(labels)} is at ${at}, expected at ${wanted.at}`)
    }
    expected.delete(key)
    const present = wanted.values.flatMap((value, i) =>
      value ? [{ timeMs: times.startMs + i * times.stepMs, value }] : [],
    )
    const fits =
      present.length === points.length &&
      present.every(
        ({ timeMs, value }, i) => timeMs === points[i]!.timeMs && samePoint(value, points[i]!),
      )
    if (!fits) {
      throw new Error(
        `${formatLabels(labels)}: expected ${JSON.stringify(present)} got ${JSON.stringify(points)}`,
      )
    }
  }
  for (const { labels } of expected.values()) throw new Error(`missing ${formatLabels(labels)}`)
}

export function assertSorted(actual: readonly Actual[]): void {
  for (let i = 1; i < actual.length; i++) {
    if (compareLabels(actual[i - 1]!.labels, actual[i]!.labels) > 0) {
      throw new Error(`${formatLabels(actual[i]!.labels)} is not in order`)
    }
  }
}

function samePoint(expected: SeriesValue, actual: Actual['points'][number]): boolean {
  if (expected.histogram) {
    return (
      actual.histogram !== undefined &&
      sameHistogram(expected.histogram, actual.histogram, expected.hintGiven)
    )
  }
  return actual.histogram === undefined && almostEqual(expected.value, actual.value)
}

export function almostEqual(a: number, b: number): boolean {
  if (Number.isNaN(a) && Number.isNaN(b)) return true
  if (a === b) return true
  const sum = Math.abs(a) + Math.abs(b)
  const difference = Math.abs(a - b)
  if (a === 0 || b === 0 || sum < SMALLEST_NORMAL) return difference < EPSILON * SMALLEST_NORMAL
  return difference / Math.min(sum, Number.MAX_VALUE) < EPSILON
}

function sameHistogram(wanted: FloatHistogram, got: FloatHistogram, hint: boolean): boolean {
  const a = compactHistogram(wanted)
  const b = compactHistogram(got)
  const counts = (x: Float64Array, y: Float64Array) =>
    x.length === y.length && x.every((count, i) => almostEqual(count, y[i]!))
  return (
    a.schema === b.schema &&
    almostEqual(a.count, b.count) &&
    almostEqual(a.sum, b.sum) &&
    (!isCustom(a) || equalBounds(a.customValues, b.customValues)) &&
    a.zeroThreshold === b.zeroThreshold &&
    almostEqual(a.zeroCount, b.zeroCount) &&
    JSON.stringify([a.positiveSpans, a.negativeSpans]) ===
      JSON.stringify([b.positiveSpans, b.negativeSpans]) &&
    counts(a.positiveBuckets, b.positiveBuckets) &&
    counts(a.negativeBuckets, b.negativeBuckets) &&
    (!hint || a.counterResetHint === b.counterResetHint)
  )
}
