/** Logs that real Prometheuses wrote have what went in, bit for bit. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { formatLabels, labelsFrom } from '#lib/model/labels.ts'
import { floatSeries, histogramSeries, startedSeries } from '../../data/made-series.ts'
import { fields, wanted } from './golden-samples.ts'
import { ReadWal } from './read-wal.ts'

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
