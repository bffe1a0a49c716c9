/** Histogram chunks: what is encoded comes back, and chunks begin where Prometheus begins them. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CounterResetHint, FloatHistogram, Span } from '#lib/model/histogram.ts'
import { HistogramColumn } from '#lib/model/histogram-column.ts'
import { type SampleColumns, writeStale } from '#lib/model/samples.ts'
import { decodeChunk, type ReadyChunk } from '#lib/tsdb/chunk/chunk.ts'
import { ColumnBuilder, copyColumns } from '#lib/tsdb/chunk/columns.ts'
import { encodeChunks } from '#lib/tsdb/chunk/encode.ts'
import { bucketIndexes, spansOf } from '#lib/model/bucket-indexes.ts'
import { reduceResolution } from '#lib/tsdb/chunk/histogram-buckets.ts'

interface Made {
  readonly counts: Readonly<Record<number, number>>
  readonly schema?: number
  readonly zeroCount?: number
  readonly hint?: CounterResetHint
  readonly stale?: boolean
  readonly customValues?: readonly number[]
}

function histogram({
  counts,
  schema = 2,
  zeroCount = 0,
  hint = 'unknown',
  customValues = [],
}: Made): FloatHistogram {
  const indices = Object.keys(counts)
    .map(Number)
    .sort((a, b) => a - b)
  const buckets = Float64Array.from(indices, (index) => counts[index]!)
  return {
    schema,
    zeroThreshold: 0.001,
    zeroCount,
    count: buckets.reduce((sum, count) => sum + count, zeroCount),
    sum: 12.5,
    positiveSpans: spansOf(indices),
    negativeSpans: [],
    positiveBuckets: buckets,
    negativeBuckets: new Float64Array(0),
    customValues: Float64Array.from(customValues),
    counterResetHint: hint,
  }
}

function columns(made: readonly (Made | number)[]): SampleColumns {
  const histograms = made.map((one) => (typeof one === 'number' ? undefined : histogram(one)))
  const values = Float64Array.from(made, (one) => (typeof one === 'number' ? one : 12.5))
  made.forEach((one, i) => {
    if (typeof one !== 'number' && one.stale) writeStale(values, i)
  })
  const timestamps = Float64Array.from(made, (_, i) => 1000 + i * 15_000)
  return { length: made.length, timestamps, values, histograms: HistogramColumn.of(histograms) }
}

const HEADERS = ['unknown', 'not-reset', 'reset', 'gauge']

/** Encoding, header and number of samples of each chunk. */
function shape(chunks: readonly ReadyChunk[]): [number, string, number][] {
  return chunks.map(({ encoding, data }) => [
    encoding,
    encoding === 1 ? '' : HEADERS[data[2]! >>> 6]!,
    (data[0]! << 8) | data[1]!,
  ])
}

function decoded(chunks: readonly ReadyChunk[]): SampleColumns {
  const builder = new ColumnBuilder(1)
  for (const { encoding, data } of chunks) decodeChunk(encoding, data, builder)
  return copyColumns(builder.columns())
}

/** Buckets that hold something, by index. */
function filled(spans: readonly Span[], buckets: Float64Array): [number, number][] {
  const pairs = [...bucketIndexes(spans)].map((index, i): [number, number] => [index, buckets[i]!])
  return pairs.filter(([, count]) => count !== 0)
}

function essence(one: FloatHistogram | undefined): unknown {
  if (!one) return undefined
  return {
    ...one,
    counterResetHint: undefined,
    positiveSpans: filled(one.positiveSpans, one.positiveBuckets),
    negativeSpans: filled(one.negativeSpans, one.negativeBuckets),
    positiveBuckets: undefined,
    negativeBuckets: undefined,
  }
}

describe('histogram chunks', () => {
  it('give back every histogram and float, whatever their order', () => {
    const count = fc.oneof(fc.nat(5), fc.nat(1e9), fc.double({ min: 0, max: 1e9, noNaN: true }))
    const counts = fc.dictionary(fc.integer({ min: -20, max: 20 }).map(String), count, {
      maxKeys: 6,
    })
    const made = fc.record({
      counts,
      schema: fc.constantFrom(2, 2, 2, -4, 8),
      zeroCount: fc.nat(3),
      hint: fc.constantFrom<CounterResetHint>('unknown', 'reset', 'gauge'),
    })
    fc.assert(
      fc.property(
        fc.array(fc.oneof(made, made, fc.double()), { minLength: 1, maxLength: 40 }),
        (all) => {
          const before = columns(all)
          const after = decoded(encodeChunks(before))
          expect(after.timestamps).toEqual(before.timestamps)
          expect(after.values).toEqual(before.values)
          const got = Array.from({ length: after.length }, (_, i) =>
            essence(after.histograms?.at(i)),
          )
          expect(got).toEqual(before.histograms!.list(before.length).map(essence))
        },
      ),
    )
  })

  it('give back many buckets that grow by little, by much, and by both', () => {
    const growths = [fc.nat(1), fc.nat(9), fc.oneof(fc.nat(1), fc.nat(1e6))]
    const rows = fc.tuple(fc.integer({ min: 1, max: 20 }), fc.constantFrom(...growths))
    const chunk = rows.chain(([size, growth]) =>
      fc.record({
        positives: fc.nat(size),
        growths: fc.array(fc.array(growth, { minLength: size, maxLength: size }), {
          minLength: 2,
          maxLength: 12,
        }),
      }),
    )
    fc.assert(
      fc.property(chunk, fc.constantFrom(0, 0.5), ({ positives, growths }, fraction) => {
        const counts = new Float64Array(growths[0]!.length)
        const all = growths.map((grown): FloatHistogram => {
          for (let b = 0; b < counts.length; b++) counts[b]! += grown[b]! * (1 + fraction)
          const spansOver = (length: number) => (length === 0 ? [] : [{ offset: -2, length }])
          return {
            ...histogram({ counts: {} }),
            count: counts.reduce((sum, one) => sum + one, 0),
            positiveSpans: spansOver(positives),
            positiveBuckets: counts.slice(0, positives),
            negativeSpans: spansOver(counts.length - positives),
            negativeBuckets: counts.slice(positives),
          }
        })
        const values = Float64Array.from(all, ({ sum }) => sum)
        const timestamps = Float64Array.from(all, (_, i) => i * 15_000)
        const histograms = HistogramColumn.of(all)
        const chunks = encodeChunks({ length: all.length, timestamps, values, histograms })
        const after = decoded(chunks)
        expect(after.histograms!.list(after.length).map(essence)).toEqual(all.map(essence))
      }),
    )
  })

  it('give no more than is wanted', () => {
    const all = columns([1, 2, 3, 4, 5].map((count) => ({ counts: { 1: count, 3: count * 2 } })))
    for (const { encoding, data } of encodeChunks(all)) {
      const builder = new ColumnBuilder(1)
      builder.reset(1000 + 15_000, 1000 + 45_000)
      decodeChunk(encoding, data, builder)
      const { length, timestamps, histograms } = builder.columns()
      expect([...timestamps.subarray(0, length)]).toEqual([16_000, 31_000, 46_000])
      expect(histograms!.list(length).map((one) => [...one!.positiveBuckets])).toEqual([
        [2, 4],
        [3, 6],
        [4, 8],
      ])
    }
  })

  it('are integer where all counts are whole, and float otherwise', () => {
    expect(shape(encodeChunks(columns([{ counts: { 1: 2 } }])))).toEqual([[2, 'unknown', 1]])
    expect(shape(encodeChunks(columns([{ counts: { 1: 2.5 } }])))).toEqual([[3, 'unknown', 1]])
  })

  it('take in buckets that come up later', () => {
    const chunks = encodeChunks(columns([{ counts: { 1: 2 } }, { counts: { 1: 2, 5: 1 } }]))
    expect(shape(chunks)).toEqual([[2, 'unknown', 2]])
    expect([...decoded(chunks).histograms!.at(0)!.positiveBuckets]).toEqual([2, 0])
  })

  it('end where a counter is reset', () => {
    const bucketDrops = columns([{ counts: { 1: 2, 2: 0 } }, { counts: { 1: 1, 2: 9 } }])
    expect(shape(encodeChunks(bucketDrops))).toEqual([
      [2, 'unknown', 1],
      [2, 'reset', 1],
    ])
    const bucketVanishes = columns([{ counts: { 1: 2 } }, { counts: { 2: 9 } }])
    expect(shape(encodeChunks(bucketVanishes))).toEqual([
      [2, 'unknown', 1],
      [2, 'reset', 1],
    ])
    const zerosDrop = columns([
      { counts: {}, zeroCount: 2 },
      { counts: { 2: 9 }, zeroCount: 1 },
    ])
    expect(shape(encodeChunks(zerosDrop))).toEqual([
      [2, 'unknown', 1],
      [2, 'reset', 1],
    ])
    const said = columns([{ counts: { 1: 2 } }, { counts: { 1: 3 }, hint: 'reset' }])
    expect(shape(encodeChunks(said))).toEqual([
      [2, 'unknown', 1],
      [2, 'reset', 1],
    ])
  })

  it('end where the schema or the custom bounds change', () => {
    const schema = columns([{ counts: { 1: 2 } }, { counts: { 1: 3 }, schema: 3 }])
    expect(shape(encodeChunks(schema))).toEqual([
      [2, 'unknown', 1],
      [2, 'unknown', 1],
    ])
    const bounds = columns([
      { counts: { 0: 2 }, schema: -53, customValues: [1] },
      { counts: { 0: 3 }, schema: -53, customValues: [2] },
    ])
    expect(shape(encodeChunks(bounds))).toEqual([
      [2, 'unknown', 1],
      [2, 'reset', 1],
    ])
  })

  it('of gauges may fall', () => {
    const falls = columns([
      { counts: { 1: 5 }, hint: 'gauge' },
      { counts: { 2: 1 }, hint: 'gauge' },
    ])
    const chunks = encodeChunks(falls)
    expect(shape(chunks)).toEqual([[2, 'gauge', 2]])
    expect(
      decoded(chunks)
        .histograms!.list(2)
        .map((one) => one!.counterResetHint),
    ).toEqual(['gauge', 'gauge'])
  })

  it('end behind stale markers', () => {
    const made = [{ counts: { 1: 5 } }, { counts: {}, stale: true }, { counts: { 1: 6 } }]
    const chunks = encodeChunks(columns(made))
    expect(shape(chunks)).toEqual([
      [2, 'unknown', 2],
      [2, 'unknown', 1],
    ])
    expect(decoded(chunks).values).toEqual(columns(made).values)
  })

  it('that would be large are cut into neighbours that are no reset', () => {
    const wide = Array.from({ length: 60 }, (_, i): Made => {
      const counts: Record<number, number> = {}
      for (let b = 0; b < 100; b++) counts[b] = i * 1000 + ((i * 7919 + b * 104_729) % 997)
      return { counts }
    })
    const chunks = encodeChunks(columns(wide))
    expect(chunks.length).toBeGreaterThan(1)
    expect(shape(chunks).map(([, header]) => header)).toEqual(
      chunks.map((_, i) => (i === 0 ? 'unknown' : 'not-reset')),
    )
    expect(decoded(chunks).length).toBe(60)
  })
})

it('reduceResolution merges neighbours into the coarser bucket they lie in', () => {
  const fine = histogram({ counts: { '-3': 1, 0: 2, 1: 3, 2: 4, 3: 5, 8: 6 }, schema: 10 })
  const coarse = reduceResolution(fine, 8)
  expect(coarse.schema).toBe(8)
  expect(filled(coarse.positiveSpans, coarse.positiveBuckets)).toEqual([
    [0, 3],
    [1, 12],
    [2, 6],
  ])
})
