/** How many float samples a histogram counts for in limits and statistics. */
import type { RowLayout } from '#lib/model/row-layout.ts'

/** Prometheus's estimate of its size in memory, in samples of 16 bytes. */
export function histogramWeight(layout: RowLayout): number {
  const { positiveSpans, negativeSpans, customValues, size } = layout
  const words = positiveSpans.length + negativeSpans.length + size + customValues.length
  return Math.trunc((168 + 8 * words + 8) / 16)
}
