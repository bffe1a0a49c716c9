import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { downsampleAggregates } from '#lib/compact/downsample/downsample-aggregates.ts'
import { downsampleRaw } from '#lib/compact/downsample/downsample-raw.ts'
import type { Aggregate } from '#lib/tsdb/chunk/aggregate.ts'
import type { ReadyChunk } from '#lib/tsdb/chunk/chunk.ts'
import { columns } from '#test/store/sample-block.ts'
import { aggregateOf, framesOf, increaseOf, valuesOf } from './read-aggregates.ts'

const MINUTE_MS = 60_000
const FIVE_MS = 5 * MINUTE_MS

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0)

/** Gaps and values that are whole, so that sums are exact; none is below `min`. */
const raw = (min: number): fc.Arbitrary<[number, number][]> =>
  fc
    .array(
      fc.tuple(
        fc.oneof(
          { weight: 20, arbitrary: fc.integer({ min: 1, max: 120_000 }) },
          fc.integer({ min: 1, max: 20_000_000 }),
        ),
        fc.oneof({ weight: 8, arbitrary: fc.integer({ min, max: 100_000 }) }, fc.constant(NaN)),
      ),
      { minLength: 1, maxLength: 1500 },
    )
    .map((steps) => {
      let timeMs = 1_700_000_000_000
      return steps.map(([gap, value]): [number, number] => [(timeMs += gap), value])
    })

/** What must be the same of raw samples and of windows; the increase only of what never is below 0. */
interface Facts {
  readonly count: number
  readonly sum: number
  readonly min: number
  readonly max: number
  readonly increase: number
}

function factsOfRaw(samples: readonly (readonly [number, number])[]): Facts {
  const values = samples.map(([, value]) => value).filter((value) => !Number.isNaN(value))
  const steps = values.map((value, i) => {
    const before = values[i - 1]
    if (before === undefined) return 0
    return value < before ? value : value - before
  })
  const min = Math.min(...values)
  return {
    count: values.length,
    sum: total(values),
    min,
    max: Math.max(...values),
    increase: min < 0 ? 0 : total(steps),
  }
}

function factsOf(chunks: readonly ReadyChunk[]): Facts {
  const min = Math.min(...valuesOf(chunks, 'min'))
  return {
    count: total(valuesOf(chunks, 'count')),
    sum: total(valuesOf(chunks, 'sum')),
    min,
    max: Math.max(...valuesOf(chunks, 'max')),
    increase: min < 0 || chunks.length === 0 ? 0 : increaseOf(chunks),
  }
}

/** Of all windows of an aggregate; with those of the chunks, from their index entries. */
function timesOf(chunks: readonly ReadyChunk[], aggregate: Aggregate): number[][] {
  return chunks.map((chunk) => [...aggregateOf(chunk, aggregate).timestamps])
}

describe('floats', () => {
  it.each([0, -1000])('of at least %d keep number, sum, least, greatest and increase', (min) => {
    fc.assert(
      fc.property(raw(min), (samples) => {
        const five = downsampleRaw(columns(samples), FIVE_MS)
        const facts = factsOfRaw(samples)
        expect(factsOf(five)).toEqual(facts)
        expect(factsOf(downsampleAggregates(framesOf(five), []))).toEqual(facts)
      }),
      { numRuns: 150 },
    )
  })

  it('have the same times in all aggregates, ascending, and chunks have those of their first and last window', () => {
    fc.assert(
      fc.property(raw(0), (samples) => {
        const five = downsampleRaw(columns(samples), FIVE_MS)
        for (const chunks of [five, downsampleAggregates(framesOf(five), [])]) {
          const times = timesOf(chunks, 'count')
          for (const aggregate of ['sum', 'min', 'max'] as const) {
            expect(timesOf(chunks, aggregate)).toEqual(times)
          }
          const all = times.flat()
          expect(all).toEqual([...new Set(all)].sort((a, b) => a - b))
          expect(chunks.map(({ minTimeMs, maxTimeMs }) => [minTimeMs, maxTimeMs])).toEqual(
            times.map((one) => [one[0], one.at(-1)]),
          )
        }
      }),
      { numRuns: 50 },
    )
  })

  it('are in windows of the clock, and no window is later than its samples', () => {
    const chunk = downsampleRaw(columns([1, 4, 6, 14].map((t) => [t * MINUTE_MS, t])), FIVE_MS)[0]!
    expect(aggregateOf(chunk, 'sum')).toMatchObject({
      timestamps: Float64Array.of(299_999, 599_999, 840_000),
      values: Float64Array.of(5, 6, 14),
    })
    expect(aggregateOf(chunk, 'counter')).toMatchObject({
      timestamps: Float64Array.of(60_000, 299_999, 599_999, 840_000, 840_000),
      values: Float64Array.of(1, 4, 6, 14, 14),
    })
  })

  it('may be infinite', () => {
    const samples: [number, number][] = [Infinity, 1, -Infinity, Infinity, -Infinity].map(
      (v, i) => [i * FIVE_MS, v],
    )
    const [chunk] = downsampleRaw(columns(samples), FIVE_MS)
    expect([...aggregateOf(chunk!, 'min').values]).toEqual([
      Infinity,
      1,
      -Infinity,
      Infinity,
      -Infinity,
    ])
    const [hour] = downsampleAggregates(framesOf([chunk!]), [])
    expect([...aggregateOf(hour!, 'max').values]).toEqual([Infinity])
    expect([...aggregateOf(hour!, 'count').values]).toEqual([5])
  })

  it('may be before 1970', () => {
    const chunks = downsampleRaw(
      columns([
        [-400_000, 1],
        [-200_000, 2],
        [100, 3],
      ]),
      FIVE_MS,
    )
    expect([...aggregateOf(chunks[0]!, 'sum').timestamps]).toEqual([-300_001, -1, 100])
  })
})

describe('aggregate chunks', () => {
  const hours = (count: number, from = 0): ReadyChunk[] =>
    downsampleRaw(
      columns(
        Array.from({ length: count * 60 }, (_, i) => [from * 60 * MINUTE_MS + i * MINUTE_MS, i]),
      ),
      FIVE_MS,
    )

  it('give what is later than the one before, where they overlap', () => {
    const chunks = downsampleAggregates(framesOf([...hours(4), ...hours(4, 2)]), [])
    expect(chunks).toHaveLength(1)
    // The last window of a chunk is as late as its last sample, so that of the other is later and counts too.
    expect(total(valuesOf(chunks, 'count'))).toBe(6 * 60 + 5)
  })

  it('do not give what is deleted', () => {
    const chunks = downsampleAggregates(framesOf(hours(4)), [
      { minTimeMs: 60 * MINUTE_MS, maxTimeMs: 120 * MINUTE_MS - 1 },
    ])
    expect(total(valuesOf(chunks, 'count'))).toBe(3 * 60)
  })
})
