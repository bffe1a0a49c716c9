import fc from 'fast-check'
import { expect, it } from 'vitest'
import { foldByPenalty } from '#lib/compact/fold-penalty.ts'
import { mergeByPenalty } from '#lib/storage/penalty.ts'

/** Gaps between samples: mostly a scrape interval, sometimes much more. */
const gap = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 14, max: 16 }) },
  fc.integer({ min: 1, max: 6000 }),
)
const chunk = fc
  .tuple(fc.integer({ min: 0, max: 2000 }), fc.array(gap, { minLength: 1, maxLength: 20 }))
  .map(([startMs, gaps]) => {
    let timeMs = startMs
    return Float64Array.from(gaps, (ms) => (timeMs += ms))
  })

it('takes the samples that the algorithm for whole replicas takes', () => {
  fc.assert(
    fc.property(fc.array(chunk, { minLength: 1, maxLength: 6 }), (chunks) => {
      const sorted = chunks.toSorted((a, b) => a[0]! - b[0]!)
      const replicas = sorted.map((timestamps, i) => ({
        length: timestamps.length,
        timestamps,
        // Says whose it is, and which.
        values: timestamps.map((_, row) => i * 1000 + row),
      }))
      const { length, timestamps, values } = mergeByPenalty(replicas, false)
      const { times, columns, rows } = foldByPenalty(replicas)
      expect(times).toEqual([...timestamps.subarray(0, length)])
      expect(columns.map((column, i) => column * 1000 + rows[i]!)).toEqual([
        ...values.subarray(0, length),
      ])
    }),
    { numRuns: 3000 },
  )
})
