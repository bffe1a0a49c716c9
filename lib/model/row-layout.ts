/** Which buckets the rows of a histogram column have. */
import type { HistogramLayout, Span } from './histogram.ts'

/** The layout of rows: with the numbers of buckets, so that nobody has to add up spans. */
export interface RowLayout extends HistogramLayout {
  readonly positives: number
  /** Positive and negative buckets. */
  readonly size: number
}

/** Of stale samples. */
export const EMPTY_LAYOUT: RowLayout = rowLayout({
  schema: 0,
  zeroThreshold: 0,
  positiveSpans: [],
  negativeSpans: [],
  customValues: new Float64Array(0),
})

export function rowLayout(layout: HistogramLayout): RowLayout {
  const { schema, zeroThreshold, positiveSpans, negativeSpans, customValues } = layout
  const positives = bucketCount(positiveSpans)
  return {
    schema,
    zeroThreshold,
    positiveSpans,
    negativeSpans,
    customValues,
    positives,
    size: positives + bucketCount(negativeSpans),
  }
}

function bucketCount(spans: readonly Span[]): number {
  let count = 0
  for (const { length } of spans) count += length
  return count
}

/** Whether they have the same buckets, span for span. */
export function sameLayout(a: HistogramLayout, b: HistogramLayout): boolean {
  return (
    a === b ||
    (sameBounds(a, b) &&
      sameSpans(a.positiveSpans, b.positiveSpans) &&
      sameSpans(a.negativeSpans, b.negativeSpans))
  )
}

/** Whether buckets of one index have the same bounds, the zero bucket among them. */
export function sameBounds(a: HistogramLayout, b: HistogramLayout): boolean {
  if (a.schema !== b.schema || a.zeroThreshold !== b.zeroThreshold) return false
  const [x, y] = [a.customValues, b.customValues]
  if (x === y) return true
  if (x.length !== y.length) return false
  for (let i = 0; i < x.length; i++) if (x[i] !== y[i]) return false
  return true
}

export function sameSpans(a: readonly Span[], b: readonly Span[]): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) {
    if (a[i]!.offset !== b[i]!.offset || a[i]!.length !== b[i]!.length) return false
  }
  return true
}
