import { describe, expect, it } from 'vitest'
import { CUSTOM_BUCKETS_SCHEMA } from '#lib/model/histogram.ts'
import { bucketUpperBound } from '#lib/model/histogram-bounds.ts'

const NONE = new Float64Array(0)

describe('bucketUpperBound', () => {
  // As Prometheus prints them: of schema 1 one unit below the double nearest to the root of two.
  it.each([
    [0, 0, 1],
    [1, 0, 2],
    [-1, 0, 0.5],
    [1, 1, Math.SQRT2 - 2 ** -52],
    [1, 2, 1.189207115002721],
    [3, 2, 1.6817928305074288],
    [1, -1, 4],
    [-1, -2, 0.0625],
  ])('ends bucket %d of schema %d at %d', (index, schema, bound) => {
    expect(bucketUpperBound(index, schema, NONE)).toBe(bound)
  })

  it('keeps the last bucket of numbers below infinity in every schema', () => {
    for (let schema = -4; schema <= 8; schema++) {
      const last = 1024 * 2 ** schema
      if (last < 1 || !Number.isInteger(last)) continue
      expect(bucketUpperBound(last, schema, NONE)).toBe(Number.MAX_VALUE)
      expect(bucketUpperBound(last + 1, schema, NONE)).toBe(Infinity)
    }
  })

  it('rises strictly, and coarser schemas share the bounds of finer ones', () => {
    for (let schema = 1; schema <= 8; schema++) {
      for (let index = -40; index < 40; index++) {
        const bound = bucketUpperBound(index, schema, NONE)
        expect(bound).toBeGreaterThan(bucketUpperBound(index - 1, schema, NONE))
        expect(bucketUpperBound(index * 2, schema, NONE)).toBe(
          bucketUpperBound(index, schema - 1, NONE),
        )
      }
    }
  })

  it('takes custom bounds as they are', () => {
    const custom = new Float64Array([0.1, 5])
    const bounds = [-1, 0, 1, 2].map((i) => bucketUpperBound(i, CUSTOM_BUCKETS_SCHEMA, custom))
    expect(bounds).toEqual([-Infinity, 0.1, 5, Infinity])
  })
})
