/** Logs that real Prometheuses wrote have what went in, bit for bit. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { formatLabels, labelsFrom } from '#lib/model/labels.ts'
import {
  floatSeries,
  histogramSeries,
  type MadeHistogram,
  type MadeSample,
  startedSeries,
} from '../../data/made-series.ts'
import { type ReadSample, ReadWal } from './read-wal.ts'

const GOLDEN = [
  { folder: 'wal-2.42', types: [1, 2, 7, 8] },
  { folder: 'wal-3.14', types: [1, 2, 6, 7, 8, 9] },
  { folder: 'wal-3.14-start-times', types: [1, 11, 12, 13] },
]

describe.each(GOLDEN)('$folder', ({ folder, types }) => {
  const bytes = new Uint8Array(readFileSync(join('test/data', folder, '00000000')))
  const wal = new ReadWal()
  const end = wal.read(bytes)

  it('is read to its end, and has these types of records', () => {
    expect(end).toBe(bytes.length)
    expect([...wal.recordTypes].sort((a, b) => a - b)).toEqual(types)
    expect(wal.unknown).toBe(0)
  })

  const made = [...floatSeries(), ...histogramSeries()].filter(
    ({ labels }) => folder !== 'wal-2.42' || labels[0]![1] !== 'custom_buckets',
  )

  it.each(made)('has the samples of $labels', ({ labels, samples }) => {
    const key = formatLabels(labelsFrom(Object.fromEntries(labels)))
    const read = wal.samples.get(key) ?? []
    expect(read.map(fields)).toEqual(samples.map(wanted))
  })

  it('has metadata where that Prometheus stores it', () => {
    const stored = types.includes(6)
    for (const { labels } of made) {
      const key = formatLabels(labelsFrom(Object.fromEntries(labels)))
      expect(wal.metadata.get(key)).toEqual(
        stored
          ? { metricType: 'gauge', unit: 'seconds', help: `Made up as ${labels[0]![1]}.` }
          : undefined,
      )
    }
  })

  it('has start timestamps where that Prometheus stores them', () => {
    const stored = types.includes(11)
    for (const [name, samples] of startedSeries()) {
      const read = wal.samples.get(name) ?? []
      expect(read.map(({ t, v, start }) => [t, v, start])).toEqual(
        stored ? samples.map(({ t, v, st }) => [t, v, st]) : [],
      )
      const histograms = wal.samples.get(`${name}_histogram`) ?? []
      expect(histograms.map(({ t, start }) => [t, start])).toEqual(
        stored ? samples.map(({ t, st }) => [t, st]) : [],
      )
    }
  })
})

function fields({ t, v, stale, histogram }: ReadSample): unknown {
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

function wanted({ t, v, stale, histogram }: MadeSample): unknown {
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
