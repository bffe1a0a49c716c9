/** Functions that take all windows of a series at once give the bits of those that take one after the other. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { labelsFrom } from '#lib/model/labels.ts'
import { evaluate } from '#lib/promql/engine.ts'
import { DEFAULT_ENGINE_OPTIONS, type EngineOptions } from '#lib/promql/options.ts'
import { parseExpr } from '#lib/promql/parse/parse.ts'
import type { StepGrid, StepSeries } from '#lib/promql/result.ts'
import { memoryStorage, type MemorySeries } from '#lib/storage/memory-storage.ts'

const FUNCTIONS = [
  'rate(x_total[R])',
  'increase(x_total[R])',
  'delta(x_total[R])',
  'sum_over_time(x_total[R])',
  'avg_over_time(x_total[R])',
  'min_over_time(x_total[R])',
  'max_over_time(x_total[R])',
  'quantile_over_time(0.7, x_total[R])',
  'quantile_over_time(0, x_total[R])',
  'max_over_time(x_total[R] offset 90s)',
  'rate(x_total[R] @ 900)',
]

/** With this feature each window is computed for itself. There are no start timestamps, so that nothing else changes. */
const ONE_BY_ONE: EngineOptions = {
  ...DEFAULT_ENGINE_OPTIONS,
  features: new Set([...DEFAULT_ENGINE_OPTIONS.features, 'use-start-timestamps']),
}

const gap = fc.oneof(
  { weight: 8, arbitrary: fc.constant(15_000) },
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 20_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 20_000, max: 900_000 }) },
)
const change = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 50 }) },
  { weight: 2, arbitrary: fc.double({ min: -1e3, max: 1e3, noNaN: true }) },
  { weight: 1, arbitrary: fc.constant(0) },
)
const odd = fc.constantFrom(NaN, Infinity, -Infinity, -0, 0, 1.7e308, -1.7e308)
const samples = fc.array(fc.tuple(gap, change, fc.option(odd, { freq: 15, nil: undefined })), {
  minLength: 1,
  maxLength: 400,
})
/** Without what would stop shortcuts: counters, and gauges that jump. */
const plainSamples = fc.array(fc.tuple(gap, change, fc.constant(undefined)), {
  minLength: 1,
  maxLength: 400,
})
const jumps = fc.array(fc.tuple(gap, change, fc.integer({ min: -1000, max: 1000 })), {
  minLength: 1,
  maxLength: 400,
})

function seriesOf(made: readonly [number, number, number | undefined][]): MemorySeries {
  let time = 0
  let counter = 0
  const timestamps = new Float64Array(made.length)
  const values = new Float64Array(made.length)
  for (const [i, [after, more, instead]] of made.entries()) {
    timestamps[i] = time += after
    counter = counter + more < 0 ? 0 : counter + more
    values[i] = instead ?? counter
  }
  const labels = labelsFrom({ __name__: 'x_total' })
  return { labels, samples: { length: made.length, timestamps, values } }
}

async function bits(
  text: string,
  series: MemorySeries,
  grid: StepGrid,
  options: EngineOptions,
): Promise<unknown> {
  const expr = parseExpr(text, options)
  const storage = memoryStorage([series])
  const { value } = await evaluate({ expr, text, grid, whole: grid, storage, options })
  const found = value.type === 'vector' ? value.series : []
  return found.map(({ values, presence }: StepSeries) => ({
    presence: [...presence],
    values: [...values].map((v, i) => (presence[i] === 0 ? '' : Object.is(v, -0) ? '-0' : `${v}`)),
  }))
}

it.each(FUNCTIONS)('%s', async (shape) => {
  const range = fc.constantFrom('20s', '61s', '5m', '17m', '1h')
  const data = fc.oneof(samples, plainSamples, jumps)
  const stepMs = fc.constantFrom(1000, 15_000, 60_000, 100_000, 1_800_000)
  await fc.assert(
    fc.asyncProperty(data, range, stepMs, async (made, R, step) => {
      const text = shape.replace('R', R)
      const stepCount = Math.min(300, Math.ceil(9_000_000 / step))
      const grid: StepGrid = { startMs: 0, stepMs: step, stepCount }
      const series = seriesOf(made)
      expect(await bits(text, series, grid, DEFAULT_ENGINE_OPTIONS)).toEqual(
        await bits(text, series, grid, ONE_BY_ONE),
      )
    }),
    { numRuns: 100 },
  )
})
