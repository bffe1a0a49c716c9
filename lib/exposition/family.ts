/** Metric families: what an exposition page is made of. */
import type { FloatHistogram } from '#lib/model/histogram.ts'
import type { Labels } from '#lib/model/labels.ts'

export type MetricType = 'untyped' | 'histogram' | 'gauge_histogram'

export interface MetricFamily {
  readonly name: string
  readonly type: MetricType
  readonly metrics: readonly Metric[]
}

export interface Metric {
  /** Without the name. */
  readonly labels: Labels
  readonly timestampMs: number
  readonly value: number
  /** Of the other types than untyped. */
  readonly histogram?: FloatHistogram | undefined
}

/** A classic bucket. */
export interface Bucket {
  readonly upperBound: number
  /** Of this bucket and all below. */
  readonly cumulativeCount: number
}

/** The buckets of a histogram with custom bounds, without the last, which has no bound. */
export function classicBuckets(histogram: FloatHistogram): Bucket[] {
  const counts = new Map<number, number>()
  let index = 0
  let at = 0
  for (const { offset, length } of histogram.positiveSpans) {
    index += offset
    for (let i = 0; i < length; i++) counts.set(index++, histogram.positiveBuckets[at++]!)
  }
  let cumulativeCount = 0
  return Array.from(histogram.customValues, (upperBound, i) => {
    cumulativeCount += counts.get(i) ?? 0
    return { upperBound, cumulativeCount }
  })
}
