/** Samples and alerts as text that shows every bit, the same as the golden's. */
import { createHash } from 'node:crypto'
import type { FloatHistogram, Span } from '#lib/model/histogram.ts'
import { isStale, type SampleColumns } from '#lib/model/samples.ts'

const scratch = new DataView(new ArrayBuffer(8))

export function sampleTexts(samples: SampleColumns): [timeMs: number, text: string][] {
  return Array.from({ length: samples.length }, (_, i) => {
    const histogram = samples.histograms?.at(i)
    const stale = isStale(samples.values, i)
    const text = stale ? 'stale' : histogram ? histogramText(histogram) : bits(samples.values[i]!)
    return [samples.timestamps[i]!, text]
  })
}

function bits(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  scratch.setFloat64(0, value)
  return hex(scratch.getUint32(0)) + hex(scratch.getUint32(4))
}

function hex(half: number): string {
  return half.toString(16).padStart(8, '0')
}

function histogramText(histogram: FloatHistogram): string {
  const { schema, zeroThreshold, zeroCount, count, sum } = histogram
  const { positiveSpans, negativeSpans, positiveBuckets, negativeBuckets } = histogram
  return [
    'H',
    ...(histogram.counterResetHint === 'gauge' ? ['gauge'] : []),
    schema,
    ...[zeroThreshold, zeroCount, count, sum].map(bits),
    'p',
    ...buckets(positiveSpans, positiveBuckets),
    'n',
    ...buckets(negativeSpans, negativeBuckets),
    'c',
    ...[...histogram.customValues].map(bits),
  ].join(' ')
}

/** Those that are not empty, each with its index. */
function buckets(spans: readonly Span[], counts: Float64Array): string[] {
  const texts: string[] = []
  let index = 0
  let at = 0
  for (const { offset, length } of spans) {
    index += offset
    for (let i = 0; i < length; i++, index++, at++) {
      if (counts[at] !== 0) texts.push(`${index}=${bits(counts[at]!)}`)
    }
  }
  return texts
}

/** Twelve hex digits for each stretch of time with something in it: `<stretch>:<count>:<digest>`. */
export function stretches(
  lines: readonly (readonly [timeMs: number, text: string])[],
  startMs: number,
  stretchMs: number,
): string {
  const groups = Map.groupBy(lines, ([timeMs]) => Math.floor((timeMs - startMs) / stretchMs))
  return [...groups]
    .sort(([a], [b]) => a - b)
    .map(([stretch, of]) => {
      const hash = createHash('sha256')
      for (const [timeMs, text] of of) hash.update(`${timeMs} ${text}\n`)
      return `${stretch}:${of.length}:${hash.digest('hex').slice(0, 12)}`
    })
    .join(' ')
}
