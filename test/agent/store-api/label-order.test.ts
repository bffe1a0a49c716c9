/** Order with external labels out of order without, for label sets of every kind. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LabelOrder } from '#agent/store-api/label-order.ts'
import { compareLabels, type Labels, labelsFrom, mergeLabels } from '#lib/model/labels.ts'

function ordered(bare: readonly Labels[], external: Labels): { all: Labels[]; mostHeld: number } {
  const order = new LabelOrder<Labels>(external)
  const all: Labels[] = []
  let mostHeld = 0
  for (const labels of bare) {
    for (const ready of order.push(labels, labels)) all.push(ready.labels)
    mostHeld = Math.max(mostHeld, order.heldCount)
  }
  for (const ready of order.finish()) all.push(ready.labels)
  return { all, mostHeld }
}

const names = (first: string) => fc.constantFrom(...[...first].map((name) => name))
const labelSet = (letters: string) =>
  fc.dictionary(names(letters), fc.constantFrom('1', '2', 'é', '\u{1f600}')).map(labelsFrom)

describe('LabelOrder', () => {
  it('gives every series once, in the order that sorting gives', () => {
    fc.assert(
      fc.property(
        fc.array(labelSet('acegik\u{10000}'), { maxLength: 40 }),
        labelSet('bdfhjl\u{ff5e}'),
        (sets, external) => {
          const unique = new Map(sets.map((labels) => [labels.join(), labels]))
          const bare = [...unique.values()].sort(compareLabels)
          const expected = bare.map((labels) => mergeLabels(labels, external)).sort(compareLabels)
          expect(ordered(bare, external).all).toEqual(expected)
        },
      ),
      { numRuns: 3000 },
    )
  })

  it('holds no more than series that begin each other', () => {
    const many = Array.from({ length: 500 }, (_, i) => [
      '__name__',
      'm',
      'a',
      String(i).padStart(4, '0'),
      ...(i % 2 === 0 ? [] : ['b', 'x']),
    ])
    const bare: Labels[] = [['__name__', 'm'], ...many]
    expect(ordered(bare, ['replica', 'r'])).toMatchObject({ mostHeld: 2 })
    expect(ordered(bare, ['__name', 'r'])).toMatchObject({ mostHeld: 0 })
  })

  it.each([
    ['equal', ['a', '1']],
    ['smaller', ['a', '0']],
  ])('refuses %s labels, since it may have answered already', (_, second) => {
    expect(() => ordered([['a', '1'], second], ['b', '1'])).toThrow(/changed meanwhile, ask again/)
  })
})
