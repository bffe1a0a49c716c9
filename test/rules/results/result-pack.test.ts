/** Results become a pack that says what they were. */
import { describe, expect, it } from 'vitest'
import { epochOf, parseFreshKey } from '#lib/fresh/fresh-key.ts'
import { PackCursor } from '#lib/fresh/pack-cursor.ts'
import { parseDirectory, readSeriesPage } from '#lib/fresh/pack-reader.ts'
import type { FloatHistogram } from '#lib/model/histogram.ts'
import { isKind } from '#lib/model/errors.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import { isStale } from '#lib/model/samples.ts'
import type { ResultSample } from '#lib/rules/evaluate/contract.ts'
import { resultPack } from '#lib/rules/results/result-pack.ts'
import { decodeChunk } from '#lib/tsdb/chunk/chunk.ts'
import { ColumnBuilder } from '#lib/tsdb/chunk/columns.ts'

const epoch = epochOf('01J5ZC4VZP4R9Z6Q8Z4Q8Z4Q8Z', { shipsBlocks: false })
const place = { externalLabels: labelsFrom({ ruler: 'thaw', 'odd/name': 'ä=b' }), epoch, number: 7 }
const labels = (host: string): readonly string[] => labelsFrom({ __name__: 'up:sum', host })

const HISTOGRAM: FloatHistogram = {
  schema: 2,
  zeroThreshold: 0.001,
  zeroCount: 0.5,
  count: 3.5,
  sum: 12.25,
  positiveSpans: [{ offset: 1, length: 2 }],
  negativeSpans: [],
  positiveBuckets: Float64Array.of(1, 2),
  negativeBuckets: new Float64Array(0),
  customValues: new Float64Array(0),
  counterResetHint: 'gauge',
}

/** Series by their labels: time and what is there, bit by bit. */
function contents(bytes: Uint8Array): Record<string, unknown[]> {
  const cursor = new PackCursor(parseDirectory(bytes).pages, ({ start, end }) =>
    readSeriesPage(bytes.subarray(start, end)),
  )
  const found: Record<string, unknown[]> = {}
  for (void cursor.next(); cursor.labels; void cursor.next()) {
    const builder = new ColumnBuilder()
    for (const { encoding, data } of cursor.chunks()) decodeChunk(encoding, data, builder)
    const { length, timestamps, values, histograms } = builder.columns()
    found[cursor.labels.join(' ')] = Array.from({ length }, (_, i) => {
      const value = isStale(values, i) ? 'stale' : (histograms?.at(i) ?? values[i])
      return [timestamps[i], value]
    })
  }
  return found
}

describe('a pack of results', () => {
  const samples: readonly ResultSample[] = [
    { labels: labels('b'), timeMs: 60_000, value: 1.5 },
    { labels: labels('a'), timeMs: 60_000, value: NaN },
    { labels: labels('c'), timeMs: 60_000, value: 0, histogram: HISTOGRAM },
    { labels: labels('a'), timeMs: 120_000, value: NaN, stale: true },
    { labels: labels('b'), timeMs: 45_000, value: -0 },
    { labels: labels('b'), timeMs: 60_000, value: 2 },
  ]

  it('has all of them: by series and time, of one time the first, markers and histograms as they were', () => {
    expect(contents(resultPack(samples, place)!.bytes)).toEqual({
      '__name__ up:sum host a': [
        [60_000, NaN],
        [120_000, 'stale'],
      ],
      '__name__ up:sum host b': [
        [45_000, -0],
        [60_000, 1.5],
      ],
      '__name__ up:sum host c': [[60_000, HISTOGRAM]],
    })
  })

  it('has a key that says whose it is, of which part of what, and of which times', () => {
    const { key, bytes } = resultPack(samples, place)!
    expect(parseFreshKey(key)).toEqual({
      labels: place.externalLabels,
      epoch,
      from: 7,
      to: 8,
      minTimeMs: 45_000,
      maxTimeMs: 120_000,
      directoryBytes: expect.any(Number) as number,
    })
    const { directoryBytes } = parseFreshKey(key)!
    expect(parseDirectory(bytes.subarray(-directoryBytes)).sampleCount).toBe(5)
  })

  it('is the same for the same samples, whatever order their series came in', () => {
    const again = [...samples.slice(2, 4), ...samples.slice(0, 2), ...samples.slice(4)]
    const other = [samples[1]!, samples[3]!, samples[2]!, samples[0]!, samples[4]!, samples[5]!]
    expect(resultPack(other, place)).toEqual(resultPack(samples, place))
    expect(resultPack(again, place)).toEqual(resultPack(samples, place))
  })

  it('is none where there is nothing', () => {
    expect(resultPack([], place)).toBeUndefined()
  })

  it('is refused under labels that fit no key', () => {
    const externalLabels = labelsFrom({ ruler: 'x'.repeat(300) })
    let failure: unknown
    try {
      resultPack(samples, { ...place, externalLabels })
    } catch (error) {
      failure = error
    }
    expect(isKind(failure, 'invalid')).toBe(true)
  })
})
