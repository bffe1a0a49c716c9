// Which of the things that go wrong is told, and where: as Prometheus does, whatever our own order of work is.
import { describe, expect, it } from 'vitest'
import { CUSTOM_BUCKETS_SCHEMA } from '#lib/model/histogram.ts'
import { HistogramColumn } from '#lib/model/histogram-column.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import { evaluate } from '#lib/promql/engine.ts'
import { joinAnnotations } from '#lib/promql/execute/join-annotations.ts'
import { DEFAULT_ENGINE_OPTIONS } from '#lib/promql/options.ts'
import { parseExpr } from '#lib/promql/parse/parse.ts'
import type { StepGrid } from '#lib/promql/result.ts'
import { memoryStorage } from '#lib/storage/memory-storage.ts'
import { exponential } from '#test/e2e/support/written-series.ts'

function series(record: Record<string, string>, from: number, count: number, histogram = false) {
  const timestamps = Float64Array.from({ length: count }, (_, i) => (from + i) * 60_000)
  const values = Float64Array.from(timestamps, (t) => t / 60_000)
  const histograms = histogram
    ? HistogramColumn.of(Array.from({ length: count }, (_, i) => exponential(1, i, 1)))
    : undefined
  const samples = { length: count, timestamps, values, histograms }
  return { labels: labelsFrom(record), samples }
}

function custom(record: Record<string, string>) {
  const { labels, samples } = series(record, 0, 4, true)
  const made = samples.histograms!.list(4).map((histogram) => ({
    ...histogram!,
    schema: CUSTOM_BUCKETS_SCHEMA,
    zeroThreshold: 0,
    zeroCount: 0,
    positiveSpans: [{ offset: 0, length: 2 }],
    negativeSpans: [],
    positiveBuckets: Float64Array.of(1, 1),
    negativeBuckets: new Float64Array(0),
    count: 2,
    customValues: Float64Array.of(1),
  }))
  return { labels, samples: { ...samples, histograms: HistogramColumn.of(made) } }
}

const storage = memoryStorage([
  series({ __name__: 'level', i: '1' }, 0, 4),
  series({ __name__: 'level', i: '2' }, 0, 4),
  series({ __name__: 'native', i: '1' }, 0, 4, true),
  series({ __name__: 'native', i: '2' }, 0, 4, true),
  custom({ __name__: 'custom', i: '1' }),
  restarted(),
  series({ __name__: 'zebra', i: '1' }, 0, 4),
  // From the third minute on two series of i=1 and k=x.
  series({ __name__: 'pair', i: '1', k: 'x', n: '1' }, 0, 4),
  series({ __name__: 'pair', i: '1', k: 'x', n: '2' }, 3, 1),
  series({ __name__: 'pair', i: '1', k: 'y', n: '3' }, 0, 4),
])
/** A counter of histograms that begins again at the third minute. */
function restarted() {
  const { labels, samples } = series({ __name__: 'restarted' }, 0, 6, true)
  const histograms = HistogramColumn.of([5, 6, 7, 1, 2, 3].map((k) => exponential(1, k, 1)))
  return { labels, samples: { ...samples, histograms } }
}

const RANGE: StepGrid = { startMs: 0, stepMs: 60_000, stepCount: 4 }
const INSTANT: StepGrid = { startMs: 60_000, stepMs: 0, stepCount: 1 }

function run(text: string, grid: StepGrid = RANGE) {
  const features = new Set([
    'promql-experimental-functions',
    'promql-extended-range-selectors',
  ] as const)
  const options = { ...DEFAULT_ENGINE_OPTIONS, features, lookbackMs: 60_000 }
  return evaluate({
    expr: parseExpr(text, options),
    text,
    grid,
    whole: grid,
    storage,
    options,
  })
}

async function said(text: string, grid?: StepGrid): Promise<readonly string[]> {
  const { annotations } = await run(text, grid)
  return [...annotations.warnings, ...annotations.infos]
}

describe('a text met in several places', () => {
  it('is shown at the operand that is evaluated last', async () => {
    expect(await said('max(native) + max(native)')).toEqual([
      'PromQL info: ignored histogram in max aggregation (1:19)',
    ])
    expect(await said('max(native) unless max(native)')).toEqual([
      'PromQL info: ignored histogram in max aggregation (1:24)',
    ])
  })

  it('is shown at the call around it, though its argument stands before', async () => {
    expect(await said('quantile(2, quantile(2, level) > 0)')).toEqual([
      'PromQL warning: quantile value should be between 0 and 1, got 2 (1:10)',
    ])
  })
})

describe('an operation', () => {
  it('tells of a step only what comes last', async () => {
    expect(await said('{__name__=~"level|native"} atan2 native')).toEqual([
      'PromQL info: incompatible sample types encountered for binary operator "atan2": histogram atan2 histogram (1:1)',
    ])
    expect(await said('2 ^ {__name__=~"native|zebra"}')).toEqual([
      'PromQL info: incompatible sample types encountered for binary operator "^": float ^ histogram (1:1)',
    ])
    expect(await said('2 >/ {__name__=~"native|zebra"}')).toEqual([
      'PromQL info: incompatible sample types encountered for binary operator ">/": float >/ float (1:1)',
    ])
  })

  it('fails with what is wrong at the earliest step', async () => {
    // At the first step i=1 has two series on the left; at the fourth two on the right.
    await expect(run('pair * on(i) pair{n!="3"}')).rejects.toThrow(/^multiple matches for labels/)
    await expect(run('zebra * on(i) pair{k="x"}')).rejects.toThrow(
      'found duplicate series for the match group {i="1"} on the right hand-side of the operation: [{__name__="pair", i="1", k="x", n="1"}, {__name__="pair", i="1", k="x", n="2"}]',
    )
  })
})

describe('a one-to-one operation', () => {
  it('refuses two series that differ in their names only, also where the names stay', async () => {
    await expect(run('{__name__=~"zebra|level"} > level{i="1"}')).rejects.toThrow(
      /^multiple matches for labels: many-to-one/,
    )
  })
})

describe('sort()', () => {
  const text =
    'PromQL warning: sort is ineffective for range queries since results are always ordered by labels (1:1)'

  it('warns in a range query, also where only its first step has an answer', async () => {
    expect(await said('sort(level)')).toEqual([text])
    expect(
      await said('sort(level)', { startMs: 0, stepMs: 60_000, stepCount: 1, endMs: 5000 }),
    ).toEqual([text])
    expect(await said('sort(level)', { startMs: 0, stepMs: 0, stepCount: 1 })).toEqual([])
  })
})

describe('start_timestamp()', () => {
  it('warns of what its argument warns of, though it gives nothing', async () => {
    expect(await said('start_timestamp(topk(1, native))')).toEqual([
      'PromQL info: ignored histogram in topk aggregation (1:17)',
    ])
  })
})

describe('a parameter beside a constant input', () => {
  it('counts as it is at the first step', async () => {
    const { value } = await run('topk(time() / 60 + 1, level @ 0)')
    expect(value.type === 'vector' && value.series.map(({ presence }) => [...presence])).toEqual([
      [1, 1, 1, 1],
    ])
  })
})

describe('histogram_quantiles() of a quantile that changes', () => {
  it('gives a series for each value', async () => {
    const { value } = await run('histogram_quantiles(native{i="1"}, "q", time() / 120)')
    const shown = value.type === 'vector' ? value.series : []
    expect(shown.map(({ labels, presence }) => [labels.join(), [...presence].join('')])).toEqual([
      ['i,1,q,0.0', '1000'],
      ['i,1,q,0.5', '0100'],
      ['i,1,q,1.0', '0010'],
      ['i,1,q,1.5', '0001'],
    ])
  })
})

describe('sum() and avg()', () => {
  it('say nothing of floats that come after histograms which do not go together', async () => {
    const warnings = await said('sum({__name__=~"custom|native|zebra"})')
    expect(warnings).toEqual([
      'PromQL warning: vector contains a mix of histograms with exponential and custom buckets schemas for metric name "native" (1:5)',
    ])
  })
})

describe('a duration that comes out wrong', () => {
  it('is told with the place inside of its parentheses', async () => {
    await expect(run('level offset (-(1m - 3m)) * NaN')).rejects.toThrow(
      /^14:31: duration is NaN or infinite$/,
    )
    await expect(run('level offset (min_of(30s, 10m)) ^ 10')).rejects.toThrow(
      /^21:36: duration is out of range$/,
    )
  })
})

describe('sort in a range query', () => {
  const ineffective =
    'PromQL warning: sort is ineffective for range queries since results are always ordered by labels'

  it('is told, but for what is evaluated once', async () => {
    expect(await said('sum(sort(level))')).toEqual([`${ineffective} (1:5)`])
    expect(await said('sum(sort(level @ 60))')).toEqual([])
    // What is the same at every step is evaluated at every step in a parameter.
    expect(await said('topk(scalar(sort(zebra @ 60)), level)')).toEqual([`${ineffective} (1:13)`])
    expect(await said('topk(scalar(sort(zebra @ 60)), level @ 60)')).toEqual([])
    expect(await said('topk(scalar(sort(zebra @ 60)), level)', INSTANT)).toEqual([])
  })
})

describe('a counter reset of which only count and sum are read', () => {
  const grid = (stepMs: number, stepCount: number): StepGrid => ({
    startMs: 60_000,
    stepMs,
    stepCount,
  })
  const text = 'histogram_sum(sum_over_time(restarted[90s]))'

  it('is known between windows that touch, not behind a gap', async () => {
    const conflict =
      'PromQL warning: conflicting counter resets during histogram aggregation (1:29)'
    expect(await said(text, grid(60_000, 4))).toEqual([conflict])
    expect(await said(text, grid(180_000, 2))).toEqual([])
  })
})

describe('start_timestamp', () => {
  it('looks at the samples of a smoothed selector as they are', async () => {
    expect(await said('start_timestamp({__name__=~"level|native"} smoothed)')).toEqual([])
  })
})

describe('of two things that are wrong', () => {
  it.each([
    ['(pair + on (i) level) * on (i) (level / on (i) pair)', /^multiple matches for labels/],
    ['(level / on (i) pair) * on (i) (pair + on (i) level)', /^found duplicate series/],
    ['(level / on (i) pair) + on (i) pair', /n="1".*n="3"/],
    ['-{__name__=~"level|pair|zebra"} or (level / on (i) pair)', /same labelset$/],
    ['count_over_time((level / on (i) pair)[2m:1m]) + (pair + on (i) level)', /^found duplicate/],
    ['quantile_over_time(scalar(level / on (i) pair), (pair + on (i) level)[2m:1m])', /^multiple/],
    ['topk(scalar(level / on (i) pair), pair + on (i) level)', /^found duplicate series/],
    ['topk(NaN, pair + on (i) level)', /^multiple matches for labels/],
    ['topk(NaN, pair)', /^Parameter value is NaN$/],
  ])('tells what is evaluated first: %s', async (text, message) => {
    await expect(run(text)).rejects.toThrow(message)
  })
})

describe('joinAnnotations', () => {
  const forced = (rest: string): string =>
    `PromQL info: input to histogram_quantile needed to be fixed for monotonicity, from buckets ${rest} (1:20)`

  const part = (warnings: string[], infos: string[], start = 19, end = 30) => {
    const places = Object.fromEntries([...warnings, ...infos].map((text) => [text, { start, end }]))
    return { warnings, infos, places }
  }

  it('shows a text once, where it was met last', () => {
    const first = part([], ['ignored (1:5)'], 4, 12)
    const second = part([], ['ignored (1:20)'], 19, 30)
    for (const parts of [
      [first, second],
      [second, first],
    ]) {
      expect(joinAnnotations(parts)).toEqual(second)
    }
  })

  it('adds up what parts of a query say of the same buckets', () => {
    const parts = [
      forced(
        '1 to 5, with a max diff of 1.9e+03, over 3 samples from 2026-01-01T00:01:00Z to 2026-01-01T00:02:00Z',
      ),
      forced(
        '0.5 to 1, with a max diff of 2, over 4 samples from 2026-01-01T00:03:00Z to 2026-01-01T00:04:00Z',
      ),
    ].map((text) => part(['same'], [text, 'other']))
    expect(joinAnnotations(parts)).toMatchObject({
      warnings: ['same'],
      infos: [
        forced(
          '0.5 to 5, with a max diff of 1.9e+03, over 7 samples from 2026-01-01T00:01:00Z to 2026-01-01T00:04:00Z',
        ),
        'other',
      ],
    })
  })

  it('knows infinity among the bounds', () => {
    const told = (bounds: string): string =>
      forced(
        `${bounds}, with a max diff of 2, over 1 samples from 2026-01-01T00:01:00Z to 2026-01-01T00:01:00Z`,
      )
    const parts = ['1 to 1', '+Inf to +Inf', '5 to 5'].map((bounds) => part([], [told(bounds)]))
    expect(joinAnnotations(parts).infos).toEqual([told('1 to +Inf').replace('over 1', 'over 3')])
  })
})
