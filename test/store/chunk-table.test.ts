// Where the chunks of a block are: each ends where the next of its segment begins.
import { describe, expect, it } from 'vitest'
import { ChunkTable } from '#lib/store/chunk-table.ts'

function table(places: readonly (readonly [segment: number, offset: number])[]): ChunkTable {
  const made = new ChunkTable()
  for (const [segment, offset] of places) made.add(0, 10, segment, offset)
  made.finish()
  return made
}

describe('ChunkTable', () => {
  it.each([
    {
      name: 'in file order',
      places: [
        [0, 8],
        [0, 50],
        [1, 8],
        [1, 90],
      ] as const,
      inFileOrder: true,
      nextOffsets: [50, 0, 90, 0],
    },
    {
      name: 'in another order',
      places: [
        [1, 90],
        [0, 50],
        [0, 8],
        [1, 8],
      ] as const,
      inFileOrder: false,
      nextOffsets: [0, 0, 50, 90],
    },
  ])('knows what comes next, $name', ({ places, inFileOrder, nextOffsets }) => {
    const made = table(places)
    expect(made.inFileOrder).toBe(inFileOrder)
    expect([...made.nextOffsets]).toEqual(nextOffsets)
  })
})
