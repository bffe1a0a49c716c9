import { describe, expect, it } from 'vitest'
import type { Aggregation } from '#lib/storage/downsampling.ts'
import { NO_HINTS } from '#lib/storage/storage.ts'
import { planRead } from '#lib/store/plan-read.ts'
import type { SeriesSource } from '#lib/store/series-source.ts'
import { SCOPE } from '#test/storage/telling.ts'

const RANGE = 3_600_000
const SOURCE = { downsamples: true } as SeriesSource

function taken(
  func: string,
  exactDownsampling: boolean,
  { rangeMs = RANGE, sources = [] }: { rangeMs?: number; sources?: SeriesSource[] } = {},
): Aggregation {
  const hints = { ...NO_HINTS, func, rangeMs }
  const request = { matchers: [], startMs: 0, endMs: RANGE, hints }
  const scope = { ...SCOPE, exactDownsampling, maxSourceResolutionMs: RANGE }
  return planRead([], request, scope, 0, sources).aggregation
}

describe('what is taken of downsampled blocks', () => {
  it.each([
    ['avg_over_time', 'weighted', 'average'],
    ['count_over_time', 'weighted', 'count'],
    ['sum_over_time', 'sum', 'sum'],
    ['max_over_time', 'max', 'max'],
    ['count_values', 'average', 'count'],
    ['resets', 'min', 'counter'],
    ['rate', 'counter', 'counter'],
    ['count', 'count', 'count'],
    ['', 'average', 'average'],
  ])('by %s: %s, in Thanos %s', (func, exact, thanos) => {
    expect(taken(func, true)).toBe(exact)
    expect(taken(func, false)).toBe(thanos)
  })

  it.each(['avg_over_time', 'count_over_time', 'sum_over_time'])(
    'by the steps of a subquery of %s: values',
    (func) => {
      expect(taken(func, true, { rangeMs: 0 })).toBe('average')
    },
  )

  it('by resets beside StoreAPIs that downsample: what they have of histograms too', () => {
    expect(taken('resets', true, { sources: [SOURCE] })).toBe('counter')
    expect(taken('avg_over_time', true, { sources: [SOURCE] })).toBe('weighted')
  })
})
