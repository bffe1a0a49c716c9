/** How many float samples a histogram counts for in limits and statistics. */
import type { FloatHistogram } from '#lib/model/histogram.ts'

/** Prometheus's estimate of its size in memory, in samples of 16 bytes. */
export function histogramWeight(histogram: FloatHistogram): number {
  const words =
    histogram.positiveSpans.length +
    histogram.negativeSpans.length +
    histogram.positiveBuckets.length +
    histogram.negativeBuckets.length +
    histogram.customValues.length
  return Math.trunc((168 + 8 * words + 8) / 16)
}
