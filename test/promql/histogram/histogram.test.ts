import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { FloatHistogram } from '#lib/model/histogram.ts'
import { HistogramColumn } from '#lib/model/histogram-column.ts'
import { addHistograms, subtractHistograms } from '#lib/promql/histogram/arithmetic.ts'
import { bucketBound, exponentialBound } from '#lib/promql/histogram/bounds.ts'
import { ClassicBuckets, classicQuantile } from '#lib/promql/histogram/classic.ts'
import { equalHistograms } from '#lib/promql/histogram/equal.ts'
import { formatHistogram } from '#lib/promql/histogram/format.ts'
import { nativeFraction, nativeQuantile } from '#lib/promql/histogram/native-quantile.ts'
import { detectReset } from '#lib/promql/histogram/reset.ts'
import { trimHistogram } from '#lib/promql/histogram/trim.ts'
import { compactHistogram, divideHistogram } from '#lib/promql/histogram/working-histogram.ts'
import { parseHistogram } from '#lib/promql/parse/histogram-description.ts'

const h = parseHistogram

describe('bounds', () => {
  it('are powers of two in schema 0 and below', () => {
    expect([-1, 0, 1, 2].map((index) => exponentialBound(index, 0))).toEqual([0.5, 1, 2, 4])
    expect([0, 1].map((index) => exponentialBound(index, -2))).toEqual([1, 16])
  })

  it('are those of the table of Prometheus, also where it is not correctly rounded', () => {
    expect(exponentialBound(6, 8)).toBe(2 * 0.5081891574554764)
    expect(exponentialBound(1, 1)).toBe(2 * 0.7071067811865475)
    expect(exponentialBound(-1, 2)).toBe(0.8408964152537144)
  })

  it('end at the largest number before infinity', () => {
    expect(exponentialBound(1024, 0)).toBe(Number.MAX_VALUE)
    expect(exponentialBound(1025, 0)).toBe(Infinity)
    expect(exponentialBound(256, -2)).toBe(Number.MAX_VALUE)
  })

  it('of custom buckets are given', () => {
    const bounds = Float64Array.of(1, 5)
    expect([-1, 0, 1, 2].map((index) => bucketBound(index, -53, bounds))).toEqual([
      -Infinity,
      1,
      5,
      Infinity,
    ])
  })
})

describe('addition', () => {
  it('takes the coarser schema', () => {
    const sum = addHistograms(
      h('{{schema:1 count:4 sum:4 buckets:[1 1 1 1]}}'),
      h('{{schema:0 count:2 sum:2 offset:1 buckets:[2]}}'),
    )
    expect(sum?.histogram).toEqual(h('{{schema:0 count:6 sum:6 buckets:[1 4 1]}}'))
  })

  it('widens the zero bucket to the end of a populated one', () => {
    const sum = addHistograms(
      h('{{schema:0 count:3 sum:3 z_bucket:1 z_bucket_w:0.001 buckets:[1 1]}}'),
      h('{{schema:0 count:1 sum:0 z_bucket:1 z_bucket_w:0.75}}'),
    )
    expect(sum?.histogram).toEqual(
      h('{{schema:0 count:4 sum:3 z_bucket:3 z_bucket_w:1 offset:1 buckets:[1]}}'),
    )
  })

  it('reduces custom buckets to the common bounds', () => {
    const sum = addHistograms(
      h('{{schema:-53 count:3 sum:3 custom_values:[1 2] buckets:[1 1 1]}}'),
      h('{{schema:-53 count:2 sum:2 custom_values:[2 3] buckets:[1 1]}}'),
    )
    expect(sum).toEqual({
      resetCollision: false,
      boundsReconciled: true,
      histogram: h('{{schema:-53 count:5 sum:5 custom_values:[2] buckets:[3 2]}}'),
    })
  })

  it('does not mix exponential and custom buckets', () => {
    expect(addHistograms(h('{{schema:0}}'), h('{{schema:-53 custom_values:[1]}}'))).toBeUndefined()
  })

  it('reports a reset that meets its opposite', () => {
    const sum = addHistograms(
      h('{{count:1 counter_reset_hint:reset}}'),
      h('{{count:1 counter_reset_hint:not_reset}}'),
    )
    expect(sum?.resetCollision).toBe(true)
    expect(sum?.histogram.counterResetHint).toBe('unknown')
  })

  const counts = fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 8 })
  const histogram = fc
    .tuple(fc.integer({ min: -2, max: 3 }), fc.integer({ min: -3, max: 5 }), counts, counts)
    .map(([schema, offset, positive, negative]): FloatHistogram => {
      const count = [...positive, ...negative].reduce((sum, one) => sum + one, 0)
      return compactHistogram({
        schema,
        zeroThreshold: 0,
        zeroCount: 0,
        count,
        sum: count,
        positiveSpans: [{ offset, length: positive.length }],
        negativeSpans: [{ offset: -offset, length: negative.length }],
        positiveBuckets: Float64Array.from(positive),
        negativeBuckets: Float64Array.from(negative),
        customValues: new Float64Array(0),
        counterResetHint: 'gauge',
      })
    })

  it('commutes, and subtraction takes it back at the coarser schema', () => {
    fc.assert(
      fc.property(histogram, histogram, (a, b) => {
        const sum = addHistograms(a, b)!.histogram
        expect(equalHistograms(sum, addHistograms(b, a)!.histogram)).toBe(true)
        const back = subtractHistograms(sum, b)!.histogram
        expect(back.count).toBe(a.count)
        expect(a.schema > b.schema || equalHistograms(back, a)).toBe(true)
      }),
    )
  })
})

describe('compactHistogram', () => {
  it('leaves a negative zero what it is', () => {
    const divided = compactHistogram(
      divideHistogram(h('{{schema:0 count:3 sum:2 z_bucket:1 buckets:[2 0]}}'), -Infinity),
    )
    expect([divided.count, divided.sum, divided.zeroCount]).toEqual([-0, -0, -0])
    expect(divided.positiveSpans).toEqual([])
  })
})

describe('detectReset', () => {
  const before = h('{{schema:1 count:4 sum:4 z_bucket:1 z_bucket_w:0.001 buckets:[1 2]}}')

  it.each([
    ['more of everything', '{{schema:1 count:6 z_bucket:1 z_bucket_w:0.001 buckets:[2 3]}}', false],
    ['a smaller count', '{{schema:1 count:3 z_bucket:1 z_bucket_w:0.001 buckets:[1 2]}}', true],
    ['a smaller bucket', '{{schema:1 count:6 z_bucket:1 z_bucket_w:0.001 buckets:[3 1]}}', true],
    ['a bucket less', '{{schema:1 count:6 z_bucket:4 z_bucket_w:0.001 buckets:[2]}}', true],
    ['a coarser schema', '{{schema:0 count:4 z_bucket:1 z_bucket_w:0.001 buckets:[1 2]}}', false],
    ['a finer schema', '{{schema:2 count:6 z_bucket:1 z_bucket_w:0.001 buckets:[2 3]}}', true],
    ['a narrower zero bucket', '{{schema:1 count:6 z_bucket:1 buckets:[2 3]}}', true],
    ['a hint that says so', '{{schema:1 count:9 counter_reset_hint:reset}}', true],
    ['a hint that says no', '{{schema:1 count:1 counter_reset_hint:not_reset}}', false],
  ])('%s', (_, text, expected) => {
    expect(detectReset(h(text), before)).toBe(expected)
  })
})

describe('estimates', () => {
  const one = HistogramColumn.of([h('{{schema:0 count:8 sum:20 offset:1 buckets:[4 4]}}')])
  const nothing = HistogramColumn.of([h('{{schema:0}}')])

  it('interpolates on a logarithmic scale', () => {
    // Not Math.SQRT2: Go's Exp2 is one unit of the last place lower.
    expect(nativeQuantile(0.25, one, 0)).toEqual({ value: Math.SQRT2 - 2 ** -52, nan: 'none' })
    expect(nativeQuantile(0.5, one, 0).value).toBe(2)
    expect(nativeFraction(2, 4, one, 0)).toEqual({ value: 0.5, nan: 'none' })
  })

  it('has no quantile of nothing, and infinite ones outside of 0 to 1', () => {
    expect(nativeQuantile(0.5, nothing, 0).value).toBe(NaN)
    expect([nativeQuantile(-1, one, 0).value, nativeQuantile(2, one, 0).value]).toEqual([
      -Infinity,
      Infinity,
    ])
  })

  it('levels classic buckets that go down', () => {
    const buckets = new ClassicBuckets(3)
    buckets.push(1, 4)
    buckets.push(2, 3)
    buckets.push(Infinity, 9)
    expect(classicQuantile(0.4, buckets)).toBe(0.9)
    expect(buckets.forced).toEqual({ minBucket: 2, maxBucket: 2, maxDiff: 1 })
  })
})

describe('trim', () => {
  it('keeps what is below, interpolating the bucket that is cut', () => {
    const trimmed = trimHistogram(h('{{schema:0 count:8 sum:20 offset:1 buckets:[4 4]}}'), 2, true)
    expect(trimmed.count).toBe(4)
    expect(Array.from(trimmed.positiveBuckets)).toEqual([4])
  })

  it('gives back what it does not touch', () => {
    const one = h('{{schema:0 count:8 sum:20 offset:1 buckets:[4 4]}}')
    expect(trimHistogram(one, 4, true)).toBe(one)
  })
})

describe('formatHistogram', () => {
  it('writes bounds as intervals', () => {
    const one = h(
      '{{schema:0 count:4 sum:2.5 z_bucket:1 z_bucket_w:0.001 buckets:[0 2] n_buckets:[1]}}',
    )
    expect(formatHistogram(one)).toBe('{count:4, sum:2.5, [-1,-0.5):1, [-0.001,0.001]:1, (1,2]:2}')
  })
})
