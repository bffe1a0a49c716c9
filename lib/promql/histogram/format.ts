/** A histogram as one line of text: what count_values() writes into its label. */
import type { FloatHistogram } from '#lib/model/histogram.ts'
import { formatGeneral } from '../function/float-math.ts'
import { bucketBound } from './bounds.ts'
import { bucketsOf, isCustom } from './working-histogram.ts'

/** `{count:3, sum:2.5, [-0.001,0.001]:1, (1,2]:2}`; empty buckets are left out. */
export function formatHistogram(histogram: FloatHistogram): string {
  const { schema, customValues } = histogram
  const parts = [`count:${formatGeneral(histogram.count)}`, `sum:${formatGeneral(histogram.sum)}`]
  const bounds = (low: number, high: number) => `${formatGeneral(low)},${formatGeneral(high)}`
  const negative = bucketsOf(histogram.negativeSpans, histogram.negativeBuckets)
  for (let i = negative.indexes.length - 1; i >= 0; i--) {
    const index = negative.indexes[i]!
    if (negative.counts[i] === 0) continue
    const low = -bucketBound(index, schema, customValues)
    const high = -bucketBound(index - 1, schema, customValues)
    parts.push(`[${bounds(low, high)}):${formatGeneral(negative.counts[i]!)}`)
  }
  if (histogram.zeroCount !== 0) {
    const edge = histogram.zeroThreshold
    parts.push(`[${bounds(-edge, edge)}]:${formatGeneral(histogram.zeroCount)}`)
  }
  const positive = bucketsOf(histogram.positiveSpans, histogram.positiveBuckets)
  for (const [i, index] of positive.indexes.entries()) {
    if (positive.counts[i] === 0) continue
    const low = bucketBound(index - 1, schema, customValues)
    const high = bucketBound(index, schema, customValues)
    const open = isCustom(histogram) && index === 0 ? '[' : '('
    parts.push(`${open}${bounds(low, high)}]:${formatGeneral(positive.counts[i]!)}`)
  }
  return `{${parts.join(', ')}}`
}
