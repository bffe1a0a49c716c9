/** What was read of a golden log and what went in, in one form. */
import type { MadeHistogram, MadeSample } from '../../data/made-series.ts'
import type { ReadSample } from './read-wal.ts'

export function fields({ t, v, stale, histogram }: ReadSample): unknown {
  if (stale) return [t, 'stale']
  if (!histogram) return [t, v]
  const { positiveSpans, negativeSpans, positiveBuckets, negativeBuckets } = histogram
  return {
    t,
    schema: histogram.schema,
    zeroThreshold: histogram.zeroThreshold,
    counts: [histogram.zeroCount, histogram.count, histogram.sum, v],
    spans: [positiveSpans, negativeSpans].map((all) => all.map((one) => [one.offset, one.length])),
    buckets: [[...positiveBuckets], [...negativeBuckets]],
    customValues: [...histogram.customValues],
    gauge: histogram.counterResetHint === 'gauge',
  }
}

export function wanted({ t, v, stale, histogram }: MadeSample): unknown {
  if (stale || histogram?.stale) return [t, 'stale']
  return histogram ? { t, ...wantedHistogram(histogram) } : [t, v]
}

function wantedHistogram(h: MadeHistogram): object {
  return {
    schema: h.schema,
    zeroThreshold: h.zeroThreshold,
    counts: [h.zeroCount, h.count, h.sum, h.sum],
    spans: [h.positiveSpans, h.negativeSpans],
    buckets: [h.positive, h.negative],
    customValues: h.customValues ?? [],
    gauge: h.gauge ?? false,
  }
}
