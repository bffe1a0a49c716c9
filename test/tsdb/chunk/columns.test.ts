/** ColumnBuilder and the chained merge. */
import { exponential } from '#test/e2e/support/written-series.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HistogramColumn } from '#lib/model/histogram-column.ts'
import type { CounterResetHint } from '#lib/model/histogram.ts'
import { isStale, NO_SAMPLES, type SampleColumns, writeStale } from '#lib/model/samples.ts'
import { decodeChunk } from '#lib/tsdb/chunk/chunk.ts'
import { ColumnBuilder, copyColumns, mergeColumns } from '#lib/tsdb/chunk/columns.ts'
import { encodeChunks } from '#lib/tsdb/chunk/encode.ts'

function builderOf(...timestamps: number[]): ColumnBuilder {
  const builder = new ColumnBuilder(2)
  for (const t of timestamps) builder.append(t, t / 10)
  return builder
}

function columnsOf(timestamps: readonly number[], value: number): SampleColumns {
  const values = Float64Array.from(timestamps, () => value)
  return { length: timestamps.length, timestamps: Float64Array.from(timestamps), values }
}

describe('ColumnBuilder', () => {
  it('gives the samples of the closed interval that is wanted', () => {
    const cut = (minTimeMs: number, maxTimeMs: number) => {
      const builder = new ColumnBuilder(2)
      builder.reset(minTimeMs, maxTimeMs)
      for (const t of [10, 20, 30, 40]) builder.append(t, t / 10)
      const { timestamps, values, length } = builder.columns()
      return [[...timestamps.subarray(0, length)], [...values.subarray(0, length)]]
    }
    expect(cut(20, 30)).toEqual([
      [20, 30],
      [2, 3],
    ])
    expect(cut(11, 39)).toEqual([
      [20, 30],
      [2, 3],
    ])
    expect(cut(41, 50)).toEqual([[], []])
    expect(cut(30, 20)).toEqual([[], []])
  })

  it('leaves out deleted closed intervals', () => {
    const deleted = [
      { minTimeMs: 20, maxTimeMs: 30 },
      { minTimeMs: 45, maxTimeMs: 100 },
    ]
    const { timestamps, values } = copyColumns(builderOf(10, 20, 30, 40, 50).columns(deleted))
    expect([[...timestamps], [...values]]).toEqual([
      [10, 40],
      [1, 4],
    ])
    expect(builderOf(20, 30).columns(deleted)).toBe(NO_SAMPLES)
  })

  it('starts anew after reset', () => {
    const builder = builderOf(10, 20)
    builder.startTimestamps()[0] = 5
    builder.reset()
    builder.append(7, 1)
    expect(copyColumns(builder.columns())).toEqual({
      length: 1,
      timestamps: Float64Array.of(7),
      values: Float64Array.of(1),
    })
  })

  it('keeps start timestamps when it grows, 0 where none was written', () => {
    const builder = new ColumnBuilder(1)
    builder.append(10, 1)
    builder.reserve(1)
    builder.startTimestamps()[1] = 3
    builder.timestamps[1] = 20
    builder.commit(1)
    builder.append(30, 1)
    expect([...copyColumns(builder.columns()).startTimestamps!]).toEqual([0, 3, 0])
  })

  it('shares memory; copyColumns does not', () => {
    const builder = builderOf(10)
    const view = builder.columns()
    const copy = copyColumns(view)
    builder.values[0] = 9
    expect([view.values[0], copy.values[0]]).toEqual([9, 1])
  })
})

describe('a histogram behind one that was deleted', () => {
  it('says nothing of it any more', () => {
    const times = [10, 20, 30, 40]
    const histograms = HistogramColumn.of(times.map(() => exponential(1, 3, 1)))
    const [chunk] = encodeChunks({ ...columnsOf(times, 0), histograms })
    const hintsAfter = (minTimeMs: number, maxTimeMs: number): unknown[] => {
      const builder = new ColumnBuilder()
      decodeChunk(chunk!.encoding, chunk!.data, builder)
      builder.delete({ minTimeMs, maxTimeMs })
      const { length, histograms: left } = builder.columns()
      return left!.list(length).map((histogram) => histogram!.counterResetHint)
    }
    expect(hintsAfter(50, 60)).toEqual(['unknown', 'not-reset', 'not-reset', 'not-reset'])
    expect(hintsAfter(20, 25)).toEqual(['unknown', 'unknown', 'not-reset'])
    expect(hintsAfter(40, 60)).toEqual(['unknown', 'not-reset', 'not-reset'])
  })
})

describe('mergeColumns', () => {
  it('gives every timestamp once, the greater where both have it', () => {
    const times = fc.uniqueArray(fc.nat(30)).map((all) => all.sort((a, b) => a - b))
    fc.assert(
      fc.property(times, times, (a, b) => {
        const { length, timestamps, values } = mergeColumns(columnsOf(a, 1), columnsOf(b, 2))
        const expected = [...new Set([...a, ...b])].sort((x, y) => x - y)
        expect([...timestamps]).toEqual(expected)
        expect([...values]).toEqual(expected.map((t) => (b.includes(t) ? 2 : 1)))
        expect(length).toBe(expected.length)
      }),
    )
  })

  it('gives the same however what is merged was put together', () => {
    const value = fc.oneof(
      fc.constantFrom(0, -0, 1, -1, Infinity, NaN, 'stale' as const),
      fc.constantFrom(exponential(1, 3, 1), exponential(2, 3, 1), exponential(1, 3, 2)),
    )
    const columns = fc
      .uniqueArray(fc.tuple(fc.nat(6), value), { selector: ([t]) => t })
      .map((samples) => {
        const sorted = samples.sort(([s], [t]) => s - t)
        const all = columnsOf(
          sorted.map(([t]) => t),
          1,
        )
        for (const [i, [, v]] of sorted.entries()) {
          if (v === 'stale') writeStale(all.values, i)
          else if (typeof v === 'number') all.values[i] = v
        }
        const histograms = sorted.map(([, v]) => (typeof v === 'object' ? v : undefined))
        return { ...all, histograms: HistogramColumn.of(histograms) }
      })
    const said = (merged: SampleColumns): unknown =>
      Array.from({ length: merged.length }, (_, i) => {
        const histogram = merged.histograms?.at(i)
        if (histogram) return { ...histogram, counterResetHint: '' }
        return isStale(merged.values, i) ? 'stale' : merged.values[i]
      })
    fc.assert(
      fc.property(columns, columns, columns, (a, b, c) => {
        const wanted = said(mergeColumns(mergeColumns(a, b), c))
        expect(said(mergeColumns(a, mergeColumns(b, c)))).toEqual(wanted)
        expect(said(mergeColumns(mergeColumns(c, a), b))).toEqual(wanted)
      }),
    )
  })

  it('keeps stale markers, start timestamps and histograms beside floats', () => {
    const a = columnsOf([10, 30], 1)
    writeStale(a.values, 1)
    const histogram = exponential(1, 3, 1)
    const b = {
      ...columnsOf([20], 7),
      histograms: HistogramColumn.of([histogram]),
      startTimestamps: Float64Array.of(15),
    }
    const merged = mergeColumns(a, b)
    expect([0, 1, 2].map((i) => isStale(merged.values, i))).toEqual([false, false, true])
    expect(merged.histograms!.list(3)).toEqual([undefined, histogram, undefined])
    expect([...merged.startTimestamps!]).toEqual([0, 15, 0])
  })

  it('forgets what a histogram says of the one before it where that is another now', () => {
    const hinted = (
      times: readonly number[],
      hints: readonly CounterResetHint[],
    ): SampleColumns => ({
      ...columnsOf(times, 1),
      histograms: HistogramColumn.of(
        hints.map((counterResetHint) => ({ ...exponential(1, 3, 1), counterResetHint })),
      ),
    })
    // The reset that 40 tells of is one from 20; now 30 is between them.
    const a = hinted([10, 20, 40, 50], ['unknown', 'not-reset', 'reset', 'not-reset'])
    const hintsOf = (b: SampleColumns): unknown[] =>
      mergeColumns(a, b)
        .histograms!.list(5)
        .map((histogram) => histogram!.counterResetHint)
    expect(hintsOf(hinted([20, 30], ['unknown', 'reset']))).toEqual([
      'unknown',
      'not-reset',
      'unknown',
      'unknown',
      'not-reset',
    ])
    expect(hintsOf(hinted([30], ['gauge']))[2]).toBe('gauge')
  })
})
