/** What is computed row by row has the bits of what is computed histogram by histogram. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { spansOf } from '#lib/model/bucket-indexes.ts'
import { CUSTOM_BUCKETS_SCHEMA, type FloatHistogram } from '#lib/model/histogram.ts'
import { HistogramColumn } from '#lib/model/histogram-column.ts'
import { newColumn, setRow } from '#lib/promql/execute/column.ts'
import { HistogramPoints } from '#lib/promql/execute/range-samples.ts'
import { averageAccumulator, sumAccumulator } from '#lib/promql/execute/sum-accumulators.ts'
import { subtractHistograms } from '#lib/promql/histogram/arithmetic.ts'
import { detectReset, detectRowReset } from '#lib/promql/histogram/reset.ts'
import { PlainWindows, setIncrease } from '#lib/promql/histogram/row-rate.ts'
import { HistogramMean, HistogramSum } from '#lib/promql/histogram/running.ts'
import { scaleHistogram } from '#lib/promql/histogram/working-histogram.ts'

const counts = fc.oneof(
  fc.nat(5),
  fc.constantFrom(0.1, 1e16, -1e16, -1, 5e-324, 1.5e308, Infinity, NaN),
)

const buckets = fc
  .dictionary(fc.integer({ min: -10, max: 3 }).map(String), counts, { maxKeys: 9 })
  .map((byIndex) =>
    Object.entries(byIndex)
      .map(([index, count]): [number, number] => [Number(index), count])
      .sort((a, b) => a[0] - b[0]),
  )

/** Most have the same bounds; a bucket may lie inside the zero bucket. */
const histogram = fc
  .record({
    positive: buckets,
    negative: buckets,
    shape: fc.constantFrom('usual', 'usual', 'usual', 'coarse', 'wide zero', 'custom', 'custom 2'),
    zeroCount: counts,
    count: counts,
    sum: counts,
    hint: fc.constantFrom('unknown', 'reset', 'not-reset', 'gauge'),
  })
  .map(({ positive, negative, shape, zeroCount, count, sum, hint }): FloatHistogram => {
    const custom = shape.startsWith('custom')
    const up = custom ? positive.filter(([index]) => index >= 0 && index < 3) : positive
    const down = custom ? [] : negative
    const sizes = shape === 'custom' ? [1, 2] : [1, 3]
    return {
      schema: custom ? CUSTOM_BUCKETS_SCHEMA : shape === 'coarse' ? 1 : 2,
      zeroThreshold: custom ? 0 : shape === 'wide zero' ? 1 : 0.001,
      zeroCount: custom ? 0 : zeroCount,
      count,
      sum,
      positiveSpans: spansOf(up.map(([index]) => index)),
      positiveBuckets: Float64Array.from(up, ([, one]) => one),
      negativeSpans: spansOf(down.map(([index]) => index)),
      negativeBuckets: Float64Array.from(down, ([, one]) => one),
      customValues: custom ? Float64Array.from(sizes) : new Float64Array(0),
      counterResetHint: hint,
    }
  })

const many = fc.array(histogram, { minLength: 1, maxLength: 8 })

function isGauge({ counterResetHint }: FloatHistogram): boolean {
  return counterResetHint === 'gauge'
}

/** Every number as its bits, typed arrays as lists. */
function bits(one: FloatHistogram | undefined): unknown {
  return JSON.stringify(one, (_, value: unknown) => {
    if (value instanceof Float64Array) return [...value]
    if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value)
    return value
  })
}

describe.each([
  ['sum', sumAccumulator, HistogramSum],
  ['avg', averageAccumulator, HistogramMean],
] as const)('%s of rows', (_, makeAccumulator, Running) => {
  it('is the one of histograms, with the same notes', () => {
    fc.assert(
      fc.property(many, (all) => {
        const said = { rows: [] as string[], histograms: [] as string[] }
        const notesTo = (list: string[]) => ({
          incompatible: () => void list.push('incompatible'),
          reconciled: () => void list.push('reconciled'),
          mixed: () => void list.push('mixed'),
          resetCollision: () => void list.push('reset collision'),
        })
        const running = new Running()
        const accumulator = makeAccumulator(3, () => notesTo(said.rows))
        for (const one of all) {
          running.add(one, notesTo(said.histograms))
          const column = newColumn(3)
          setRow(column, 1, HistogramColumn.of([one]), 0)
          accumulator.add(column)
        }
        const expected = running.finish()
        if (expected && running.resetCollision) said.histograms.push('reset collision')
        const result = accumulator.finish()
        expect(bits(result.presence[1] === 2 ? result.histograms!.at(1) : undefined)).toBe(
          bits(expected),
        )
        expect(said.rows).toEqual(said.histograms)
      }),
      { numRuns: 1000 },
    )
  })
})

describe('the increase of rows', () => {
  it('is the one of histograms', () => {
    const factor = fc.constantFrom(1, 1 / 3, 1e-320)
    let plain = 0
    fc.assert(
      fc.property(many, factor, (all, by) => {
        const points = new HistogramPoints(
          all.length,
          Float64Array.from(all, (_, i) => i),
          HistogramColumn.of(all),
          { starts: undefined, weights: undefined },
        )
        const last = all.length - 1
        for (const isCounter of [true, false]) {
          if (last === 0 || !new PlainWindows(points, isCounter).has(0, all.length)) continue
          plain++
          expect(isCounter && all.some(isGauge)).toBe(false)
          expect(isCounter && all.some((one, i) => i > 0 && detectReset(one, all[i - 1]!))).toBe(
            false,
          )
          const out = newColumn(1)
          setIncrease(out, 0, points.rows, 0, last, by)
          const difference = subtractHistograms(all[last]!, all[0]!)!.histogram
          const expected = scaleHistogram({ ...difference, counterResetHint: 'gauge' }, by)
          expect(bits(out.histograms!.at(0))).toBe(bits(expected))
        }
      }),
      { numRuns: 2000 },
    )
    expect(plain).toBeGreaterThan(20)
  })
})

describe('a reset between rows', () => {
  it('is one between histograms', () => {
    fc.assert(
      fc.property(histogram, histogram, fc.boolean(), (first, other, sameBuckets) => {
        const second = sameBuckets
          ? { ...other, ...first, counterResetHint: other.counterResetHint, count: other.count }
          : other
        const rows = HistogramColumn.of([first, second])
        expect(detectRowReset(rows, 1, 0)).toBe(detectReset(second, first))
      }),
      { numRuns: 1000 },
    )
  })
})
