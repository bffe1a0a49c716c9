import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HistogramColumn } from '#lib/model/histogram-column.ts'
import type { FloatHistogram } from '#lib/model/histogram.ts'
import type { SampleColumns } from '#lib/model/samples.ts'
import { mergeByChain } from '#lib/storage/chain.ts'
import { exponential } from '#test/e2e/support/written-series.ts'
import { columns } from '#test/store/sample-block.ts'

const WHOLE = { firstMs: 1e9, lastMs: 1e9, stepMs: 0, windowMs: 2e9 }
const times = ({ length, timestamps }: SampleColumns): number[] => [
  ...timestamps.subarray(0, length),
]
const values = (all: SampleColumns): number[] => [...all.values.subarray(0, all.length)]

describe('mergeByChain', () => {
  it('gives every timestamp of any replica once', () => {
    const replica = fc
      .uniqueArray(fc.integer({ min: 0, max: 500 }), { maxLength: 80 })
      .map((all) => all.sort((a, b) => a - b))
    fc.assert(
      fc.property(fc.array(replica, { minLength: 1, maxLength: 5 }), (all) => {
        const merged = mergeByChain(
          all.map((one) => columns(one.map((t) => [t, t]))),
          WHOLE,
        )
        expect(times(merged)).toEqual([...new Set(all.flat())].sort((a, b) => a - b))
        expect(values(merged)).toEqual(times(merged))
      }),
    )
  })

  it('makes the turns anew where an engine skips samples between its windows', () => {
    const a = columns([0, 10, 20, 30, 40].map((t) => [t, 1]))
    const b = columns([0, 10, 20, 30, 40].map((t) => [t, 2]))
    expect(values(mergeByChain([a, b], WHOLE))).toEqual([2, 2, 2, 2, 2])
    const windows = { firstMs: 0, lastMs: 40, stepMs: 40, windowMs: 5 }
    const merged = mergeByChain([a, b], windows)
    expect(times(merged)).toEqual([0, 40])
    expect(values(merged)).toEqual([2, 1])
  })

  it('knows of no reset where the replica changes, but keeps gauges', () => {
    const hinted = (ts: number[], counterResetHint: FloatHistogram['counterResetHint']) => ({
      ...columns(ts.map((t) => [t, 1])),
      histograms: HistogramColumn.of(
        ts.map((): FloatHistogram => ({ ...exponential(1, 1, 1), counterResetHint })),
      ),
    })
    const hints = (merged: SampleColumns): unknown[] =>
      merged.histograms!.list(merged.length).map((histogram) => histogram?.counterResetHint)
    const first = hinted([0, 10, 20, 40], 'not-reset')
    expect(hints(mergeByChain([first, hinted([30], 'reset')], WHOLE))).toEqual([
      'unknown',
      'not-reset',
      'not-reset',
      'unknown',
      'unknown',
    ])
    expect(hints(mergeByChain([hinted([0], 'gauge'), hinted([10], 'gauge')], WHOLE))).toEqual([
      'gauge',
      'gauge',
    ])
  })
})
