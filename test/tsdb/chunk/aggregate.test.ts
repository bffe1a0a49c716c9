import { describe, expect, it } from 'vitest'
import { CorruptError } from '#lib/model/errors.ts'
import { HistogramColumn } from '#lib/model/histogram-column.ts'
import { writeStale } from '#lib/model/samples.ts'
import { decodeAggregateChunk, writeAggregateChunk } from '#lib/tsdb/chunk/aggregate.ts'
import { type EncodedChunk, XOR } from '#lib/tsdb/chunk/chunk.ts'
import { ColumnBuilder } from '#lib/tsdb/chunk/columns.ts'
import { toCounterTotals } from '#lib/tsdb/chunk/counter-totals.ts'
import { encodeChunks } from '#lib/tsdb/chunk/encode.ts'
import { encodeXor } from '#lib/tsdb/chunk/xor.ts'
import { exponential } from '#test/e2e/support/written-series.ts'

type Point = readonly [number, number]

function xor(...points: Point[]): EncodedChunk {
  const timestamps = Float64Array.from(points, ([t]) => t)
  const values = Float64Array.from(points, ([, v]) => v)
  return { encoding: XOR, data: encodeXor(timestamps, values, 0, points.length) }
}

function pointsOf({ length, timestamps, values }: ColumnBuilder): Point[] {
  return Array.from({ length }, (_, i) => [timestamps[i]!, values[i]!])
}

function totals(...points: Point[]): Point[] {
  const builder = new ColumnBuilder()
  for (const [t, v] of points) builder.append(t, v)
  toCounterTotals(builder)
  return pointsOf(builder)
}

describe('decodeAggregateChunk', () => {
  const data = writeAggregateChunk({
    count: xor([10, 2], [20, 4]),
    sum: xor([10, 5], [20, 6]),
    min: xor([10, 1], [20, 0]),
    max: xor([10, 4], [20, 3]),
    counter: xor([5, 1], [10, 4], [20, 7], [20, 3]),
  })
  it.each([
    [
      'count',
      [
        [10, 2],
        [20, 4],
      ],
    ],
    [
      'sum',
      [
        [10, 5],
        [20, 6],
      ],
    ],
    [
      'min',
      [
        [10, 1],
        [20, 0],
      ],
    ],
    [
      'max',
      [
        [10, 4],
        [20, 3],
      ],
    ],
    [
      'counter',
      [
        [5, 1],
        [10, 4],
        [20, 7],
        [20, 3],
      ],
    ],
    [
      'average',
      [
        [10, 2.5],
        [20, 1.5],
      ],
    ],
  ] as const)('gives %s', (aggregation, expected) => {
    const builder = new ColumnBuilder()
    decodeAggregateChunk(data, aggregation, builder)
    expect(pointsOf(builder)).toEqual(expected)
  })

  it('divides histograms, which have neither min nor max', () => {
    const histogram = exponential(1, 7, 1)
    const { sum: total } = histogram
    const samples = {
      length: 1,
      timestamps: Float64Array.of(10),
      values: Float64Array.of(total),
      histograms: HistogramColumn.of([histogram]),
    }
    const chunk = writeAggregateChunk({ count: xor([10, 4]), sum: encodeChunks(samples)[0]! })
    for (const aggregation of ['average', 'min', 'max'] as const) {
      const builder = new ColumnBuilder()
      decodeAggregateChunk(chunk, aggregation, builder)
      expect(pointsOf(builder)).toEqual([[10, total / 4]])
      const divided = builder.columns().histograms!.at(0)!
      expect(divided.count).toBe(histogram.count / 4)
      expect([...divided.positiveBuckets]).toEqual(
        [...histogram.positiveBuckets].map((count) => count / 4),
      )
    }
  })

  it('refuses sums and counts of different times, and adds nothing', () => {
    for (const count of [xor([10, 1]), xor([10, 1], [21, 1])]) {
      const bad = writeAggregateChunk({ count, sum: xor([10, 1], [20, 2]), counter: xor([10, 1]) })
      const builder = new ColumnBuilder()
      builder.append(1, 1)
      expect(() => decodeAggregateChunk(bad, 'average', builder)).toThrow(CorruptError)
      expect(pointsOf(builder)).toEqual([[1, 1]])
    }
  })

  it('refuses a chunk that lacks what is asked for', () => {
    const bad = writeAggregateChunk({ counter: xor([10, 1]) })
    expect(() => decodeAggregateChunk(bad, 'average', new ColumnBuilder())).toThrow(
      'downsampled chunk without average',
    )
  })
})

describe('toCounterTotals', () => {
  it('adds up what is counted after each reset', () => {
    expect(totals([1, 10], [2, 15], [3, 2], [4, 5])).toEqual([
      [1, 10],
      [2, 15],
      [3, 17],
      [4, 20],
    ])
  })

  it('takes a sample at the same time as where the counter stands', () => {
    // A chunk that ends at 40 in truth, and a raw 45 after it; then one that ended at 100.
    expect(totals([1, 10], [2, 70], [2, 40], [3, 45])).toEqual([
      [1, 10],
      [2, 70],
      [3, 75],
    ])
    expect(totals([2, 70], [2, 100], [3, 45])).toEqual([
      [2, 70],
      [3, 115],
    ])
  })

  it('skips what goes back in time', () => {
    expect(totals([5, 1], [9, 3], [7, 2], [8, 3], [9, 4], [10, 6])).toEqual([
      [5, 1],
      [9, 3],
      [10, 5],
    ])
  })

  it('leaves out NaN, stale markers and nothing else', () => {
    const builder = new ColumnBuilder()
    for (const [t, v] of [
      [1, 1],
      [2, NaN],
      [3, 0],
      [4, 4],
    ] as const)
      builder.append(t, v)
    writeStale(builder.values, 2)
    toCounterTotals(builder)
    expect(pointsOf(builder)).toEqual([
      [1, 1],
      [4, 4],
    ])
  })

  it('passes histograms through', () => {
    const builder = new ColumnBuilder()
    builder.append(1, 5)
    builder.append(2, 2.7)
    builder.append(2, 5.4)
    builder.append(3, 7)
    builder.histograms().set(1, exponential(1, 0, 1))
    builder.histograms().set(2, exponential(1, 1, 1))
    toCounterTotals(builder)
    expect(pointsOf(builder)).toEqual([
      [1, 5],
      [2, 2.7],
      [3, 7],
    ])
    expect(
      builder
        .columns()
        .histograms!.list(3)
        .map((histogram) => histogram?.count),
    ).toEqual([undefined, exponential(1, 0, 1).count, undefined])
  })
})
