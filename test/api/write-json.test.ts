import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HistogramColumn } from '#lib/model/histogram-column.ts'
import { formatFloat } from '#lib/model/go-float.ts'
import { CUSTOM_BUCKETS_SCHEMA, type FloatHistogram } from '#lib/model/histogram.ts'
import type { QueryOutcome, QueryValue, StepGrid } from '#lib/promql/result.ts'
import { writeDigits } from '#lib/api/float-digits.ts'
import { JsonBytes, NUMBER_ROOM } from '#lib/api/json-bytes.ts'
import { writeQueryAnswer } from '#lib/api/write-json.ts'
import { writeSeriesAnswer, writeStringsAnswer } from '#lib/api/write-labels.ts'

const INSTANT: StepGrid = { startMs: 1_700_000_031_500, stepMs: 0, stepCount: 1 }
const NO_TEXTS = { warnings: [], infos: [], places: {} }

function outcome(value: QueryValue, grid = INSTANT): QueryOutcome {
  return {
    grid,
    value,
    annotations: NO_TEXTS,
    warnings: [],
    stats: { samplesRead: 0, peakSamples: 0, seriesRead: 0 },
  }
}

function write(value: QueryValue, grid = INSTANT, range = false, limit = 0): string {
  const form = { range, limit, ...NO_TEXTS, maxBytes: Infinity }
  const pieces = [...writeQueryAnswer(outcome(value, grid), form)]
  expect(pieces).toHaveLength(1)
  // However it is cut into pieces, it is the same answer.
  for (const pieceBytes of [1, 100]) {
    const cut = [...writeQueryAnswer(outcome(value, grid), { ...form, pieceBytes })]
    expect(Buffer.concat(cut).equals(pieces[0]!)).toBe(true)
  }
  return Buffer.from(pieces[0]!).toString()
}

function data(text: string): string {
  const prefix = '{"status":"success","data":'
  expect(text.startsWith(prefix)).toBe(true)
  return text.slice(prefix.length, -1)
}

const HISTOGRAM: FloatHistogram = {
  schema: 0,
  zeroThreshold: 0.001,
  zeroCount: 2,
  count: 12.5,
  sum: -3,
  positiveSpans: [
    { offset: -10, length: 1 },
    { offset: 10, length: 2 },
  ],
  negativeSpans: [{ offset: 0, length: 2 }],
  positiveBuckets: new Float64Array([1, 0, 4]),
  negativeBuckets: new Float64Array([3, 2.5]),
  customValues: new Float64Array(0),
  counterResetHint: 'unknown',
}

describe('an instant query', () => {
  it('writes a vector with the time of the query, floats and histograms', () => {
    const text = write({
      type: 'vector',
      series: [
        {
          labels: ['__name__', 'm', 'a', 'y<z>&"\\\n'],
          values: new Float64Array([1e-7]),
          presence: new Uint8Array([1]),
        },
        {
          labels: [],
          values: new Float64Array([0]),
          presence: new Uint8Array([2]),
          histograms: HistogramColumn.of([HISTOGRAM]),
        },
      ],
    })
    expect(data(text)).toBe(
      '{"resultType":"vector","result":[' +
        '{"metric":{"__name__":"m","a":"y<z>&\\"\\\\\\n"},"value":[1700000031.500,"1e-07"]},' +
        '{"metric":{},"histogram":[1700000031.500,{"count":"12.5","sum":"-3","buckets":[' +
        '[1,"-2","-1","2.5"],[1,"-1","-0.5","3"],[3,"-0.001","0.001","2"],' +
        '[0,"0.001","0.0009765625","1"],[0,"2","4","4"]]}]}]}',
    )
  })

  it('keeps the order of the engine', () => {
    const series = ['b', 'a'].map((name) => ({
      labels: ['x', name],
      values: new Float64Array([1]),
      presence: new Uint8Array([1]),
    }))
    const { result } = JSON.parse(data(write({ type: 'vector', series })))
    expect(result.map((one: { metric: unknown }) => one.metric)).toEqual([{ x: 'b' }, { x: 'a' }])
  })

  it('writes scalars in plain digits and times as floats', () => {
    expect(data(write({ type: 'scalar', values: new Float64Array([1e21]) }))).toBe(
      '{"resultType":"scalar","result":[1700000031.5,"1000000000000000000000"]}',
    )
  })

  it('writes strings', () => {
    expect(data(write({ type: 'string', value: 's<' }))).toBe(
      '{"resultType":"string","result":[1700000031.5,"s\\u003c"]}',
    )
  })

  it('writes raw samples, sorted by labels, floats before histograms', () => {
    const samples = {
      length: 3,
      timestamps: new Float64Array([1_700_000_000_000, 1_700_000_045_500, 1_700_000_050_000]),
      values: new Float64Array([NaN, Infinity, 9, 7]),
    }
    const histograms = [
      undefined,
      undefined,
      {
        ...HISTOGRAM,
        zeroCount: 0,
        negativeSpans: [],
        negativeBuckets: new Float64Array(0),
        positiveSpans: [],
        positiveBuckets: new Float64Array(0),
      },
    ]
    const text = write({
      type: 'matrix',
      series: [
        { labels: ['a', '2'], samples },
        { labels: ['a', '1'], samples: { ...samples, histograms: HistogramColumn.of(histograms) } },
      ],
    })
    expect(data(text)).toBe(
      '{"resultType":"matrix","result":[' +
        '{"metric":{"a":"1"},"values":[[1700000000,"NaN"],[1700000045.500,"+Inf"]],' +
        '"histograms":[[1700000050,{"count":"12.5","sum":"-3"}]]},' +
        '{"metric":{"a":"2"},"values":[[1700000000,"NaN"],[1700000045.500,"+Inf"],[1700000050,"9"]]}]}',
    )
  })

  it('names the first and the last bucket of custom bounds as Prometheus does', () => {
    const custom: FloatHistogram = {
      ...HISTOGRAM,
      schema: CUSTOM_BUCKETS_SCHEMA,
      zeroThreshold: 0,
      zeroCount: 0,
      negativeSpans: [],
      negativeBuckets: new Float64Array(0),
      positiveSpans: [{ offset: 0, length: 3 }],
      positiveBuckets: new Float64Array([1, 2, 3]),
      customValues: new Float64Array([0.1, 5]),
    }
    const text = write({
      type: 'vector',
      series: [
        {
          labels: [],
          values: new Float64Array(1),
          presence: new Uint8Array([2]),
          histograms: HistogramColumn.of([custom]),
        },
      ],
    })
    expect(JSON.parse(data(text)).result[0].histogram[1].buckets).toEqual([
      [3, '-Inf', '0.1', '1'],
      [0, '0.1', '5', '2'],
      [0, '5', '+Inf', '3'],
    ])
  })
})

describe('a range query', () => {
  const grid: StepGrid = { startMs: -1000, stepMs: 550, stepCount: 3 }

  it('writes the steps that are present, sorted by labels, and leaves empty series out', () => {
    const text = write(
      {
        type: 'vector',
        series: [
          { labels: ['b', '1'], values: new Float64Array([1, 2, 3]), presence: new Uint8Array(3) },
          {
            labels: ['a', '2'],
            values: new Float64Array([1, 2, 3]),
            presence: new Uint8Array([1, 0, 1]),
          },
          {
            labels: ['a', '1'],
            values: new Float64Array([-0, 0.1, 1e300]),
            presence: new Uint8Array([1, 1, 1]),
          },
        ],
      },
      grid,
      true,
    )
    expect(data(text)).toBe(
      '{"resultType":"matrix","result":[' +
        '{"metric":{"a":"1"},"values":[[-1,"-0"],[-0.450,"0.1"],[0.100,"1e+300"]]},' +
        '{"metric":{"a":"2"},"values":[[-1,"1"],[0.100,"3"]]}]}',
    )
  })

  it('writes a scalar as one series without labels', () => {
    const text = write({ type: 'scalar', values: new Float64Array([1, 2, 3]) }, grid, true)
    expect(data(text)).toBe(
      '{"resultType":"matrix","result":[{"metric":{},"values":[[-1,"1"],[-0.450,"2"],[0.100,"3"]]}]}',
    )
  })

  it('writes floats and histograms of one series apart', () => {
    const series = {
      labels: ['a', '1'],
      values: new Float64Array([1, 2, 3]),
      presence: new Uint8Array([2, 1, 2]),
      histograms: HistogramColumn.of([HISTOGRAM, undefined, HISTOGRAM]),
    }
    const { result } = JSON.parse(data(write({ type: 'vector', series: [series] }, grid, true)))
    expect(result[0].values).toEqual([[-0.45, '2']])
    expect(result[0].histograms.map(([t]: [number]) => t)).toEqual([-1, 0.1])
  })

  it('stops after `limit` series', () => {
    const series = ['1', '2', '3'].map((name) => ({
      labels: ['a', name],
      values: new Float64Array(3),
      presence: new Uint8Array([1, 1, 1]),
    }))
    const { result } = JSON.parse(data(write({ type: 'vector', series }, grid, true, 2)))
    expect(result.map((one: { metric: unknown }) => one.metric)).toEqual([{ a: '1' }, { a: '2' }])
  })

  it('writes what JSON.parse reads back, whatever the labels, times and values', () => {
    const anySeries = fc.record({
      name: fc.string({ unit: 'binary', maxLength: 20 }),
      values: fc.array(fc.double(), { minLength: 3, maxLength: 3 }),
      presence: fc.array(fc.constantFrom(0, 1), { minLength: 3, maxLength: 3 }),
    })
    const anyGrid = fc.record({
      startMs: fc.integer({ min: -1e15, max: 1e15 }),
      stepMs: fc.integer({ min: 1, max: 1e12 }),
      stepCount: fc.constant(3),
    })
    fc.assert(
      fc.property(fc.array(anySeries, { maxLength: 5 }), anyGrid, (all, anyOf) => {
        const series = all.map(({ name, values, presence }) => ({
          labels: ['a', name],
          values: Float64Array.from(values),
          presence: Uint8Array.from(presence),
        }))
        const { result } = JSON.parse(data(write({ type: 'vector', series }, anyOf, true)))
        const written = new Set<string>(result.map((one: unknown) => JSON.stringify(one)))
        const present = all.filter(({ presence }) => presence.includes(1))
        const expected = present.map(({ name, values, presence }) => ({
          metric: { a: name.toWellFormed() },
          values: values
            .map((value, i) => [(anyOf.startMs + i * anyOf.stepMs) / 1000, formatFloat(value)])
            .filter((_, i) => presence[i] === 1),
        }))
        expect(written).toEqual(new Set(expected.map((one) => JSON.stringify(one))))
        expect(result).toHaveLength(present.length)
      }),
    )
  })

  it('refuses to grow past its limit', () => {
    const stepCount = 10_000
    const series = Array.from({ length: 10 }, (_, i) => ({
      labels: ['a', String(i)],
      values: new Float64Array(stepCount).fill(0.1234567),
      presence: new Uint8Array(stepCount).fill(1),
    }))
    const big = outcome({ type: 'vector', series }, { startMs: 0, stepMs: 1000, stepCount })
    const form = { range: true, limit: 0, ...NO_TEXTS, maxBytes: 100_000 }
    expect(() => [...writeQueryAnswer(big, form)]).toThrow(/larger than 100000 bytes/)
  })

  it('makes the next piece when it is asked for, and holds no more than one', () => {
    const stepCount = 1000
    const series = Array.from({ length: 50 }, (_, i) => ({
      labels: ['a', String(i)],
      values: new Float64Array(stepCount).fill(0.1234567),
      presence: new Uint8Array(stepCount).fill(1),
    }))
    const big = outcome({ type: 'vector', series }, { startMs: 0, stepMs: 1000, stepCount })
    const form = { range: true, limit: 0, ...NO_TEXTS, maxBytes: 100_000, pieceBytes: 60_000 }
    const sizes = [...writeQueryAnswer(big, form)].map(({ length }) => length)
    expect(sizes.length).toBeGreaterThan(10)
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeGreaterThan(500_000)
    expect(Math.max(...sizes)).toBeLessThan(100_000)
  })
})

describe('numbers by hand', () => {
  function floatText(value: number): string {
    const out = new JsonBytes(Infinity)
    out.reserve(NUMBER_ROOM)
    out.rawFloat(value)
    return Buffer.from(out.bytes()).toString()
  }

  it('are the shortest digits, as formatFloat has them', () => {
    const decimals = fc
      .tuple(fc.integer({ min: -1e12, max: 1e12 }), fc.integer({ min: 0, max: 6 }))
      .map(([digits, places]) => digits / 10 ** places)
    const usual = fc.double({ min: 1e-4, max: 1e17, noNaN: true })
    const precise = fc
      .tuple(usual, fc.integer({ min: 1, max: 17 }))
      .map(([value, digits]) => Number(value.toPrecision(digits)))
    const beside = fc
      .tuple(
        fc.constantFrom(2, 10),
        fc.integer({ min: -16, max: 60 }),
        fc.integer({ min: -3, max: 3 }),
      )
      .map(([base, exponent, distance]) => base ** exponent * (1 + distance * Number.EPSILON))
    const any = fc.oneof(fc.double(), fc.maxSafeInteger(), decimals, usual, precise, beside)
    fc.assert(
      fc.property(any, (value) => {
        expect(floatText(value)).toBe(formatFloat(value))
      }),
      { numRuns: 5000 },
    )
  })

  it('are mostly written without a string', () => {
    let written = 0
    for (let i = 1; i <= 1000; i++) if (writeDigits(new Uint8Array(40), 0, i / 7) > 0) written++
    expect(written).toBeGreaterThan(990)
  })

  it.each([
    999_999_999,
    1e9,
    1_000_000_001,
    999_999_999_999,
    1e12,
    2 ** 53,
    1e15,
    0.001,
    0.0005,
    0.1 + 0.2,
    1e-6,
    9.5e-7,
  ])('print %d', (value) => {
    expect(floatText(value)).toBe(formatFloat(value))
    expect(floatText(-value)).toBe(formatFloat(-value))
  })
})

describe('label answers', () => {
  it('are lists, with warnings only when there are any', () => {
    expect(Buffer.from(writeStringsAnswer([], [], 1000)).toString()).toBe(
      '{"status":"success","data":[]}',
    )
    expect(Buffer.from(writeSeriesAnswer([['a', 'é'], []], ['half'], 1000)).toString()).toBe(
      '{"status":"success","data":[{"a":"é"},{}],"warnings":["half"]}',
    )
  })
})
