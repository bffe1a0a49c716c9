import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { quantileOf } from '#lib/promql/function/quantile.ts'

describe('quantileOf', () => {
  it('leaves zeros of both signs in their order', () => {
    expect(quantileOf(1, Float64Array.of(-0, 0))).toBe(0)
    expect(quantileOf(1, Float64Array.of(0, -0))).toBe(-0)
    expect(quantileOf(0.5, Float64Array.of(3, 0, -0, -1, -2))).toBe(0)
  })

  it('interpolates between neighbours of the sorted values, NaN first, however many there are', () => {
    const value = fc.oneof(fc.integer({ min: -9, max: 9 }), fc.constantFrom(NaN, Infinity, 0.5))
    fc.assert(
      fc.property(
        fc.array(value, { minLength: 1, maxLength: 40 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (values, q) => {
          const order = (x: number): number => (Number.isNaN(x) ? -Infinity : x)
          const sorted = values.toSorted((a, b) => order(a) - order(b) || 0)
          const rank = q * (values.length - 1)
          const at = Math.floor(rank)
          const [low = NaN, high = low] = [sorted[at], sorted[at + 1]]
          // Zeros of both signs are equal here.
          const expected = low * (1 - (rank - at)) + high * (rank - at) + 0
          expect(quantileOf(q, Float64Array.from(values)) + 0).toBe(expected)
        },
      ),
    )
  })

  it('is infinite outside of 0 to 1', () => {
    expect([-1, 2, NaN].map((q) => quantileOf(q, Float64Array.of(1)))).toEqual([
      -Infinity,
      Infinity,
      NaN,
    ])
    expect(quantileOf(0.5, new Float64Array(0))).toBe(NaN)
  })
})
