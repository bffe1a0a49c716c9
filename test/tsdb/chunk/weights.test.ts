import { expect, it } from 'vitest'
import { ColumnBuilder } from '#lib/tsdb/chunk/columns.ts'

it('weights of samples go where the samples go, and are one where nobody says', () => {
  const builder = new ColumnBuilder(2)
  const add = (...values: number[]): void => {
    for (const value of values) builder.append(value, value)
  }
  add(1, 2)
  builder.weights().set([10, 20])
  add(3, 4, 5)
  builder.weights().set([40, 50], 3)
  builder.remove(1, 3)
  add(6)
  const { length, weights } = builder.columns()
  expect([...builder.timestamps.subarray(0, length)]).toEqual([1, 4, 5, 6])
  expect([...weights!.subarray(0, length)]).toEqual([10, 40, 50, 1])
  builder.move(2, 0)
  expect([...builder.columns().weights!.subarray(0, 4)]).toEqual([50, 40, 50, 1])
  builder.reset()
  add(7)
  expect(builder.columns().weights).toBeUndefined()
})
