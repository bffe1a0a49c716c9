/** Native histograms, in the cases that Thanos gets wrong or dies of. */
import { describe, expect, it } from 'vitest'
import type { FloatHistogram } from '#lib/model/histogram.ts'
import type { SampleColumns } from '#lib/model/samples.ts'
import { downsampleAggregates } from '#lib/compact/downsample/downsample-aggregates.ts'
import { downsampleRawSeries } from '#lib/compact/downsample/series-downsampler.ts'
import { encodeChunks } from '#lib/tsdb/chunk/encode.ts'
import type { ReadyChunk } from '#lib/tsdb/chunk/chunk.ts'
import { aggregateOf, framesOf, valuesOf } from './read-aggregates.ts'
import { ourSeries } from './world.ts'

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0)

function downsampled(samples: SampleColumns): ReadyChunk[] {
  const chunks = encodeChunks(samples)
  return downsampleRawSeries({ frames: framesOf(chunks), chunks, deleted: [] })
}

function rowsOf({ length, histograms }: SampleColumns): FloatHistogram[] {
  return histograms!.list(length).map((histogram) => histogram!)
}

/** How much the count has grown, as a reader sees it: what is less than before began anew. */
function increaseOf(histograms: readonly FloatHistogram[]): number {
  return total(
    histograms.map(({ count }, i) => {
      const before = histograms[i - 1]?.count
      return before === undefined ? 0 : count < before ? count : count - before
    }),
  )
}

describe.each(ourSeries().filter(({ labels }) => labels.join().includes('_seconds')))(
  '$labels.1',
  ({ samples }) => {
    const raw = rowsOf(samples)
    const five = downsampled(samples)
    const hour = downsampleAggregates(framesOf(five), [])

    it.each([
      ['five minutes', five],
      ['hours', hour],
    ] as const)('keeps all samples in %s, count beside sum beside counter', (_, chunks) => {
      expect(total(valuesOf(chunks, 'count'))).toBe(samples.length)
      expect(total(valuesOf(chunks, 'sum'))).toBeCloseTo(total(raw.map(({ sum }) => sum)), 3)
      for (const chunk of chunks) {
        const { timestamps } = aggregateOf(chunk, 'count')
        expect(aggregateOf(chunk, 'sum').timestamps).toEqual(timestamps)
        expect(aggregateOf(chunk, 'counter').timestamps).toEqual(timestamps)
      }
    })

    it.each([
      ['five minutes', five],
      ['hours', hour],
    ] as const)('adds up buckets in %s', (_, chunks) => {
      const bucketSum = ({ zeroCount, positiveBuckets, negativeBuckets }: FloatHistogram): number =>
        zeroCount + total([...positiveBuckets]) + total([...negativeBuckets])
      const rows = chunks.flatMap((chunk) => rowsOf(aggregateOf(chunk, 'sum')))
      expect(total(rows.map(bucketSum))).toBe(total(raw.map(bucketSum)))
      expect(total(rows.map(({ count }) => count))).toBe(total(raw.map(({ count }) => count)))
    })
  },
)

function chunksOf(name: string): { five: ReadyChunk[]; hour: ReadyChunk[]; raw: FloatHistogram[] } {
  const { samples } = ourSeries().find((one) => one.labels.includes(name))!
  const five = downsampled(samples)
  return { five, hour: downsampleAggregates(framesOf(five), []), raw: rowsOf(samples) }
}

const counters = (chunks: readonly ReadyChunk[]): FloatHistogram[] =>
  chunks.flatMap((chunk) => rowsOf(aggregateOf(chunk, 'counter')))

describe('counters that begin anew', () => {
  it('have grown in all by what the raw ones have', () => {
    const { five, hour, raw } = chunksOf('reset_seconds')
    const first = counters(five)[0]!.count - raw[0]!.count
    expect(increaseOf(counters(five)) + first).toBe(increaseOf(raw))
    const firstHour = counters(hour)[0]!.count - raw[0]!.count
    expect(increaseOf(counters(hour)) + firstHour).toBe(increaseOf(raw))
  })

  it('make two chunks of one at most', () => {
    expect(chunksOf('restless_seconds').five).toHaveLength(6)
  })

  it('never fall within a chunk', () => {
    for (const name of ['reset_seconds', 'restless_seconds']) {
      const { five, hour } = chunksOf(name)
      for (const chunk of [...five, ...hour]) {
        const counts = counters([chunk]).map(({ count }) => count)
        expect(counts).toEqual([...counts].sort((a, b) => a - b))
      }
    }
  })
})

describe('histograms that do not go together', () => {
  it.each([
    ['zero_seconds', ({ zeroThreshold }: FloatHistogram) => zeroThreshold],
    ['rebound_seconds', ({ customValues }: FloatHistogram) => customValues.join()],
    ['turned_seconds', ({ counterResetHint }: FloatHistogram) => counterResetHint === 'gauge'],
    ['both_seconds', ({ schema }: FloatHistogram) => schema === -53],
  ])('share no chunk: %s', (name, shape: (histogram: FloatHistogram) => unknown) => {
    const { five, raw } = chunksOf(name)
    const shapes = five.map((chunk) => new Set(counters([chunk]).map(shape)))
    for (const one of shapes) expect(one.size).toBe(1)
    expect(new Set(shapes.flatMap((one) => [...one]))).toEqual(new Set(raw.map(shape)))
  })

  it('are as fine as before, up to where the counter begins anew', () => {
    const { five } = chunksOf('coarser_seconds')
    expect(five.map((chunk) => counters([chunk])[0]!.schema)).toEqual([4, 4, 2, 2])
  })

  it('are as coarse as the coarsest of their batch, which is no reset', () => {
    const { five, hour, raw } = chunksOf('coarsened_seconds')
    expect(five.map((chunk) => counters([chunk])[0]!.schema)).toEqual([4, 2, 2])
    for (const chunks of [five, hour]) {
      const rows = counters(chunks)
      expect(increaseOf(rows) + rows[0]!.count - raw[0]!.count).toBe(increaseOf(raw))
    }
  })
})
