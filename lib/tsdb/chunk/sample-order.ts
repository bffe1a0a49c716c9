/** Which of two samples of one series and timestamp counts. */
import type { FloatHistogram } from '#lib/model/histogram.ts'
import { HINTS } from '#lib/model/histogram-column.ts'
import type { SampleColumns } from '#lib/model/samples.ts'

/**
 * Negative where sample `i` of `a` counts, positive where sample `j` of `b` does, 0 where they are the same. A total order of what samples
 * say, and of nothing else: so it does not matter which chunks they came in, nor which were merged before (docs/decisions/0010). A histogram
 * counts before a float, a number before NaN, NaN before a stale marker, and then the larger: of two readings of a counter the later one.
 */
export function compareSamples(a: SampleColumns, i: number, b: SampleColumns, j: number): number {
  const x = a.histograms?.at(i)
  const y = b.histograms?.at(j)
  if (x && y) return compareHistograms(x, y)
  if (x || y) return x ? -1 : 1
  return compareFloats(a.values[i]!, b.values[j]!) || compareBits(a.values, i, b.values, j)
}

/** Larger first, NaN last. */
function compareFloats(x: number, y: number): number {
  if (x > y) return -1
  if (x < y) return 1
  return nanLast(x, y)
}

function nanLast(x: number, y: number): number {
  return Number(Number.isNaN(x)) - Number(Number.isNaN(y))
}

/** For equal numbers and for NaN: stale markers, whose bits are below those of other NaN, last; and 0 before -0. */
function compareBits(x: Float64Array, i: number, y: Float64Array, j: number): number {
  const [xBits, yBits] = [bitsOf(x), bitsOf(y)]
  return yBits[j * 2 + 1]! - xBits[i * 2 + 1]! || yBits[j * 2]! - xBits[i * 2]!
}

function bitsOf({ buffer, byteOffset, length }: Float64Array): Uint32Array {
  return new Uint32Array(buffer, byteOffset, length * 2)
}

function compareHistograms(a: FloatHistogram, b: FloatHistogram): number {
  return (
    nanLast(a.sum, b.sum) ||
    compareFloats(a.count, b.count) ||
    compareLists(numbersOf(a), numbersOf(b)) ||
    compareLists(a.positiveBuckets, b.positiveBuckets) ||
    compareLists(a.negativeBuckets, b.negativeBuckets) ||
    compareLists(a.customValues, b.customValues)
  )
}

function numbersOf(histogram: FloatHistogram): Float64Array {
  const { schema, zeroThreshold, zeroCount, sum, counterResetHint } = histogram
  const spans = [...histogram.positiveSpans, ...histogram.negativeSpans]
  return Float64Array.of(
    sum,
    schema,
    zeroThreshold,
    zeroCount,
    ...spans.flatMap(({ offset, length }) => [offset, length]),
    histogram.positiveSpans.length,
    HINTS.indexOf(counterResetHint),
  )
}

function compareLists(a: Float64Array, b: Float64Array): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const difference = compareFloats(a[i]!, b[i]!) || compareBits(a, i, b, i)
    if (difference !== 0) return difference
  }
  return b.length - a.length
}
