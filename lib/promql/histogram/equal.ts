/** Whether two histograms hold the same data, bit for bit. */
import type { FloatHistogram, Span } from '#lib/model/histogram.ts'
import { equalBounds, isCustom } from './working-histogram.ts'

/** Reset hints don't count. Empty spans make no difference, empty buckets do. */
export function equalHistograms(a: FloatHistogram, b: FloatHistogram): boolean {
  return (
    a.schema === b.schema &&
    sameBits(a.count, b.count) &&
    sameBits(a.sum, b.sum) &&
    (!isCustom(a) || equalBounds(a.customValues, b.customValues)) &&
    a.zeroThreshold === b.zeroThreshold &&
    sameBits(a.zeroCount, b.zeroCount) &&
    sameSpans(a.positiveSpans, b.positiveSpans) &&
    sameSpans(a.negativeSpans, b.negativeSpans) &&
    sameCounts(a.positiveBuckets, b.positiveBuckets) &&
    sameCounts(a.negativeBuckets, b.negativeBuckets)
  )
}

const scratch = new Float64Array(2)
const bits = new Uint32Array(scratch.buffer)

function sameBits(a: number, b: number): boolean {
  scratch[0] = a
  scratch[1] = b
  return bits[0] === bits[2] && bits[1] === bits[3]
}

function sameCounts(a: Float64Array, b: Float64Array): boolean {
  return a.length === b.length && a.every((count, i) => sameBits(count, b[i]!))
}

function sameSpans(a: readonly Span[], b: readonly Span[]): boolean {
  const left = withoutEmpty(a)
  const right = withoutEmpty(b)
  return (
    left.length === right.length &&
    left.every(
      ({ offset, length }, i) => offset === right[i]!.offset && length === right[i]!.length,
    )
  )
}

function withoutEmpty(spans: readonly Span[]): Span[] {
  const kept: Span[] = []
  let carried = 0
  for (const { offset, length } of spans) {
    carried += offset
    if (length === 0) continue
    kept.push({ offset: carried, length })
    carried = 0
  }
  return kept
}
