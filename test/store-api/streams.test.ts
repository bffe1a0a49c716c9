import { expect, it } from 'vitest'
import { joinStreams } from '#lib/store-api/streams.ts'

const HOUR = 3_600_000
const a = ['cluster', 'a']
const b = ['cluster', 'b']
const stream = (labels: string[], from: number, to: number) => ({
  labels,
  minTimeMs: from * HOUR,
  maxTimeMs: to * HOUR,
})

it('joins what touches, overlaps, or is minutes apart, for each set of labels', () => {
  const joined = joinStreams([
    stream(b, 0, 2),
    stream(a, 4, 6),
    stream(a, 0, 2),
    stream(a, 2, 4),
    stream(a, 1, 2),
    stream(a, 6.1, 7),
    stream(a, 9, 10),
    stream(b, 0, 1),
  ])
  expect(joined).toEqual([stream(a, 0, 7), stream(a, 9, 10), stream(b, 0, 2)])
})

it('is nothing of nothing', () => {
  expect(joinStreams([])).toEqual([])
})
