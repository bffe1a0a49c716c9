import { describe, expect, it } from 'vitest'
import { DEFAULT_ENGINE_OPTIONS, type EngineOptions } from '#lib/promql/options.ts'
import { parseExpr } from '#lib/promql/parse/parse.ts'
import { selectorReaches } from '#lib/promql/plan/reach.ts'
import { resolve } from '#lib/promql/plan/resolve.ts'
import type { StepGrid } from '#lib/promql/result.ts'

const OPTIONS: EngineOptions = {
  ...DEFAULT_ENGINE_OPTIONS,
  features: new Set(['promql-extended-range-selectors', 'promql-experimental-functions']),
}
const GRID = { startMs: 3_600_000, stepMs: 60_000, stepCount: 11 }

function requests(text: string, grid: StepGrid = GRID) {
  const expr = resolve(parseExpr(text, OPTIONS), grid, OPTIONS)
  return selectorReaches(expr, grid, OPTIONS).map(({ request }) => request)
}

function intervals(text: string): [number, number][] {
  return requests(text).map(({ startMs, endMs }) => [startMs, endMs])
}

describe('selectorReaches', () => {
  it.each([
    // The sample exactly one lookback or range before is outside.
    ['x', [[3_300_001, 4_200_000]]],
    ['rate(x[1m])', [[3_540_001, 4_200_000]]],
    ['x offset 10m', [[2_700_001, 3_600_000]]],
    ['x offset -10m', [[3_900_001, 4_800_000]]],
    ['rate(x[1m] @ 100 offset 10s)', [[30_001, 90_000]]],
    // Subquery steps are multiples of 7 s: the first after 3,300,000 and the last up to 4,200,000.
    ['sum_over_time(x[5m:7s])', [[3_004_001, 4_200_000]]],
    ['rate(x[1m] anchored)', [[3_240_001, 4_200_000]]],
    ['rate(x[1m] smoothed)', [[3_240_001, 4_500_000]]],
    [
      'x + on() y offset 1m',
      [
        [3_300_001, 4_200_000],
        [3_240_001, 4_140_000],
      ],
    ],
  ])('reads for %s', (text, expected) => {
    expect(intervals(text)).toEqual(expected)
  })

  it('tells the storage what is above a selector', () => {
    const [request] = requests('sum by (job) (rate(x{a="b"}[5m]))')
    expect(request).toEqual({
      matchers: [
        { type: '=', name: 'a', value: 'b' },
        { type: '=', name: '__name__', value: 'x' },
      ],
      startMs: 3_300_001,
      endMs: 4_200_000,
      hints: {
        stepMs: 60_000,
        rangeMs: 300_000,
        windowMs: 300_000,
        func: 'rate',
        grouping: [],
        by: false,
        limit: 0,
        labelsOnly: false,
        asked: {
          selector: { startMs: 3_300_001, endMs: 4_200_000 },
          query: { startMs: 3_300_001, endMs: 4_200_000 },
        },
      },
    })
  })

  it.each([
    ['x', [[3_300_001, 4_230_000]]],
    // Not at the first multiple of 7 s, and to the end that was asked for.
    ['sum_over_time(x[5m:7s])', [[3_000_001, 4_230_000]]],
    ['max_over_time(rate(x[1m] offset 1s)[5m:7s] offset 9s)', [[3_230_001, 4_220_000]]],
    ['max_over_time(rate(x[1m])[5m:7s] @ 4000)', [[3_640_001, 4_000_000]]],
    [
      'x + on() y offset 1h',
      [
        [3_300_001, 4_230_000],
        [-299_999, 630_000],
      ],
    ],
  ])('tells what Prometheus would ask for %s', (text, expected) => {
    const asked = requests(text, { ...GRID, endMs: 4_230_000 }).map(({ hints }) => hints.asked!)
    expect(asked.map(({ selector }) => [selector.startMs, selector.endMs])).toEqual(expected)
    const query = {
      startMs: Math.min(...expected.map(([start]) => start!)),
      endMs: Math.max(...expected.map(([, end]) => end!)),
    }
    expect(asked.map((one) => one.query)).toEqual(expected.map(() => query))
  })

  it('tells of a grouping only what is directly inside', () => {
    const hints = requests('sum by (job) (x) + max without (i) (y * 2)').map((one) => one.hints)
    expect(hints.map(({ func, grouping, by }) => ({ func, grouping, by }))).toEqual([
      { func: 'sum', grouping: ['job'], by: true },
      { func: '', grouping: [], by: false },
    ])
  })

  it('leaves the label selector of info() alone', () => {
    expect(requests('info(x, {data=~".+"})')).toHaveLength(1)
  })
})
