/** An answer does not depend on where it was cut: evaluating part of the steps gives the same bits as all of them. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HistogramColumn } from '#lib/model/histogram-column.ts'
import { labelsFrom, labelsKey } from '#lib/model/labels.ts'
import type { FloatHistogram } from '#lib/model/histogram.ts'
import { writeStale } from '#lib/model/samples.ts'
import { evaluate } from '#lib/promql/engine.ts'
import { DEFAULT_ENGINE_OPTIONS, type EngineOptions } from '#lib/promql/options.ts'
import { parseExpr } from '#lib/promql/parse/parse.ts'
import { sliceable } from '#lib/promql/plan/sliceable.ts'
import { ABSENT, HISTOGRAM, type QueryOutcome, type StepGrid } from '#lib/promql/result.ts'
import { memoryStorage, type MemorySeries } from '#lib/storage/memory-storage.ts'

const OPTIONS: EngineOptions = {
  ...DEFAULT_ENGINE_OPTIONS,
  features: new Set([
    'promql-experimental-functions',
    'promql-extended-range-selectors',
    'promql-binop-fill-modifiers',
  ]),
}

/** The same data every time: gaps, resets, stale markers, odd floats, histograms. */
function series(): MemorySeries[] {
  let seed = 42
  const random = () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
    return seed / 2_147_483_648
  }
  const made: MemorySeries[] = []
  for (let i = 0; i < 8; i++) {
    const times: number[] = []
    for (let t = 0; t < 3_600_000; t += 15_000) {
      if (random() > 0.15) times.push(t + Math.floor(random() * 2000))
    }
    let counter = 0
    const values = Float64Array.from(times, () => {
      counter = random() < 0.03 ? 0 : counter + random() * 1e3 ** (i % 3)
      return random() < 0.02 ? [NaN, Infinity, -0][i % 3]! : counter
    })
    times.forEach((_, k) => {
      if (random() < 0.02) writeStale(values, k)
    })
    const labels = labelsFrom({ __name__: i < 6 ? 'c_total' : 'g', a: `${i % 3}`, b: `${i}` })
    const timestamps = Float64Array.from(times)
    made.push({ labels, samples: { length: times.length, timestamps, values } })
  }
  for (let i = 0; i < 3; i++) {
    const timestamps = Float64Array.from({ length: 200 }, (_, k) => k * 17_000 + i)
    let count = 0
    const states = Array.from(timestamps, (): FloatHistogram => {
      count = random() < 0.05 ? 1 : count + random()
      return {
        schema: i,
        zeroThreshold: 0.001,
        zeroCount: count / 3,
        count,
        sum: count * 1.7,
        positiveSpans: [{ offset: i, length: 2 }],
        negativeSpans: [],
        positiveBuckets: Float64Array.of(count / 3, count / 3),
        negativeBuckets: new Float64Array(0),
        customValues: new Float64Array(0),
        counterResetHint: 'unknown',
      }
    })
    const values = Float64Array.from(states, ({ sum }) => sum)
    const labels = labelsFrom({ __name__: 'h', a: `${i}` })
    const histograms = HistogramColumn.of(states)
    made.push({ labels, samples: { length: 200, timestamps, values, histograms } })
  }
  return made
}

const storage = memoryStorage(series())

const selector = fc.tuple(
  fc.constantFrom('c_total', 'c_total{a="1"}', 'g', 'h'),
  fc.constantFrom(
    '',
    '',
    ' offset 90s',
    ' offset -1m',
    ' @ 1200',
    ' @ end()',
    ' @ start() offset 1m',
  ),
)
const instant = selector.map(([name, moved]) => name + moved)
const windows = fc.oneof(
  fc
    .tuple(selector, fc.constantFrom('1m', '5m', '17s', '20m'))
    .map(([[name, moved], range]) => `${name}[${range}]${moved}`),
  fc
    .tuple(instant, fc.constantFrom('5m:1m', '3m:7s', '10m:', '4m:90s'))
    .map(([inner, range]) => `(${inner})[${range}]`),
)
const rangeFunctions = [
  'rate increase delta irate idelta sum_over_time avg_over_time min_over_time max_over_time stddev_over_time',
  'count_over_time last_over_time first_over_time present_over_time absent_over_time changes resets deriv',
  'mad_over_time ts_of_max_over_time',
].flatMap((line) => line.split(' '))

const { query } = fc.letrec<{ query: string; vector: string }>((tie) => ({
  query: tie('vector'),
  vector: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    instant,
    fc.tuple(fc.constantFrom(...rangeFunctions), windows).map(([fn, arg]) => `${fn}(${arg})`),
    windows.map((arg) => `quantile_over_time(0.7, ${arg})`),
    windows.map((arg) => `predict_linear(${arg}, 600)`),
    fc
      .tuple(
        fc.constantFrom(
          'sum',
          'avg',
          'min',
          'max',
          'count',
          'stddev',
          'topk(2,',
          'quantile(0.3,',
          'limitk(1,',
        ),
        fc.constantFrom(' by (a) ', ' without (a) ', ''),
        tie('vector'),
      )
      .map(([op, by, inner]) =>
        op.includes('(')
          ? `${op.split('(')[0]}${by}(${op.split('(')[1]} ${inner})`
          : `${op}${by}(${inner})`,
      ),
    fc
      .tuple(
        tie('vector'),
        fc.constantFrom('+', '/', '> bool', 'and', 'unless', '>='),
        tie('vector'),
      )
      .map(([l, op, r]) => `(sum by (a) (${l}) ${op} sum by (a) (${r}))`),
    fc
      .tuple(tie('vector'), fc.constantFrom('* 2', '> 5', '^ 0.5', '% time()'))
      .map(([l, op]) => `(${l} ${op})`),
    fc
      .tuple(fc.constantFrom('abs', 'sgn', 'timestamp', 'minute', 'absent', '-'), tie('vector'))
      .map(([fn, inner]) => `${fn}(${inner})`),
    tie('vector').map((inner) => `histogram_quantile(0.9, ${inner})`),
    tie('vector').map((inner) => `vector(scalar(topk(1, ${inner})))`),
  ),
}))

const grid = fc.record({
  startMs: fc.integer({ min: 0, max: 3_000_000 }),
  stepMs: fc.constantFrom(1_000, 15_000, 60_000, 97_000),
  stepCount: fc.integer({ min: 2, max: 30 }),
})

describe('a query over part of its steps', () => {
  it('gives the bits of the whole query there', async () => {
    await fc.assert(
      fc.asyncProperty(query, grid, fc.nat(), fc.nat(), async (text, whole, a, b) => {
        const expr = parseExpr(text, OPTIONS)
        fc.pre(sliceable(expr))
        const first = a % whole.stepCount
        const stepCount = 1 + (b % (whole.stepCount - first))
        const part = { ...whole, startMs: whole.startMs + first * whole.stepMs, stepCount }
        const run = (of: StepGrid) =>
          evaluate({ expr, text, grid: of, whole, storage, options: OPTIONS }).then(
            (outcome) => bits(outcome),
            (error: unknown) => (error as Error).message,
          )
        const all = await run(whole)
        const cut = await run(part)
        // An error of the whole may be at a step outside.
        if (typeof all === 'string') return
        expect(cut).toEqual(cutBits(all, first, stepCount))
      }),
      { numRuns: 400 },
    )
  })
})

type Bits = Map<string, (string | undefined)[]>

function bits({ value }: QueryOutcome): Bits {
  const all: Bits = new Map()
  if (value.type === 'scalar') all.set('scalar', Array.from(value.values, hex))
  if (value.type !== 'vector') return all
  for (const { labels, values, presence, histograms } of value.series) {
    const steps = Array.from(presence, (kind, i) => {
      if (kind === ABSENT) return undefined
      if (kind !== HISTOGRAM) return hex(values[i]!)
      const { positiveBuckets, counterResetHint, schema, sum, count } = histograms!.at(i)!
      return [
        schema,
        counterResetHint,
        hex(sum),
        hex(count),
        ...Array.from(positiveBuckets, hex),
      ].join()
    })
    all.set(labelsKey(labels), steps)
  }
  return all
}

function cutBits(all: Bits, first: number, count: number): Bits {
  const cut: Bits = new Map()
  for (const [key, steps] of all) {
    const part = steps.slice(first, first + count)
    if (part.some((step) => step !== undefined)) cut.set(key, part)
  }
  return cut
}

const scratch = new DataView(new ArrayBuffer(8))

/** All NaNs are one: which it was is not defined. */
function hex(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  scratch.setFloat64(0, value)
  return scratch.getBigUint64(0).toString(16)
}
