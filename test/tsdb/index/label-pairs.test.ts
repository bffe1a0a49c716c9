import fc from 'fast-check'
import { expect, it } from 'vitest'
import { LabelPairs } from '#lib/tsdb/index/label-pairs.ts'

it('numbers pairs as they come, counts them and sorts them', () => {
  const ref = fc.oneof(fc.nat({ max: 20 }), fc.integer({ min: 0, max: 0xffff_ffff }))
  fc.assert(
    fc.property(fc.array(fc.tuple(ref, ref), { maxLength: 3000 }), (given) => {
      const pairs = new LabelPairs()
      const known = new Map<string, { pair: number; count: number }>()
      for (const [name, value] of given) {
        const key = `${name} ${value}`
        const before = known.get(key) ?? { pair: known.size, count: 0 }
        expect(pairs.count(name, value)).toBe(before.pair)
        known.set(key, { ...before, count: before.count + 1 })
      }
      expect(pairs.length).toBe(known.size)
      const sorted = [...pairs.sorted()].map((pair) => {
        return { name: pairs.name(pair), value: pairs.value(pair), count: pairs.occurrences(pair) }
      })
      const expected = [...known]
        .map(([key, { count }]) => {
          const [name, value] = key.split(' ').map(Number)
          return { name: name!, value: value!, count }
        })
        .sort((a, b) => a.name - b.name || a.value - b.value)
      expect(sorted).toEqual(expected)
    }),
    { numRuns: 50, seed: 6 },
  )
})
