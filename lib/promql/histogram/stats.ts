/** Histograms without their buckets, which have done what they are needed for: to say where counters were reset. */
import type { CounterResetHint, FloatHistogram } from '#lib/model/histogram.ts'
import { isStale, type SampleColumns } from '#lib/model/samples.ts'
import type { SeriesSet } from '#lib/storage/storage.ts'
import { detectReset } from './reset.ts'

const NO_NUMBERS = new Float64Array(0)

export function statsSeries(set: SeriesSet): SeriesSet {
  return {
    labels: set.labels,
    warnings: set.warnings,
    samples: (index) => statsSamples(set.samples(index)),
  }
}

function statsSamples(columns: SampleColumns): SampleColumns {
  const { histograms, length, values } = columns
  if (!histograms) return columns
  let previous: FloatHistogram | undefined
  const stats: (FloatHistogram | undefined)[] = []
  for (let i = 0; i < length; i++) {
    const histogram = histograms[i]
    if (!histogram) {
      stats.push(undefined)
      continue
    }
    const stale = isStale(values, i)
    const hint = stale ? histogram.counterResetHint : hintAfter(histogram, previous)
    if (!stale) previous = { ...histogram, counterResetHint: hint }
    stats.push({
      schema: histogram.schema,
      zeroThreshold: 0,
      zeroCount: 0,
      count: histogram.count,
      sum: histogram.sum,
      positiveSpans: [],
      negativeSpans: [],
      positiveBuckets: NO_NUMBERS,
      negativeBuckets: NO_NUMBERS,
      customValues: NO_NUMBERS,
      counterResetHint: hint,
    })
  }
  return { ...columns, histograms: stats }
}

function hintAfter(
  histogram: FloatHistogram,
  previous: FloatHistogram | undefined,
): CounterResetHint {
  if (histogram.counterResetHint !== 'unknown' || !previous) return histogram.counterResetHint
  return detectReset(histogram, previous) ? 'reset' : 'not-reset'
}
