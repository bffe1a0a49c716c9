import { describe, expect, it } from 'vitest'
import { DomainError, LimitError } from '#lib/model/errors.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import { evaluate } from '#lib/promql/engine.ts'
import { DEFAULT_ENGINE_OPTIONS, type EngineOptions } from '#lib/promql/options.ts'
import { parseExpr } from '#lib/promql/parse/parse.ts'
import type { StepGrid } from '#lib/promql/result.ts'
import { memoryStorage, type MemorySeries } from '#lib/storage/memory-storage.ts'
import type { SelectRequest, Storage } from '#lib/storage/storage.ts'

function series(record: Record<string, string>, values: readonly number[], from = 0): MemorySeries {
  const timestamps = Float64Array.from(values, (_, i) => (from + i) * 60_000)
  const samples = { length: values.length, timestamps, values: Float64Array.from(values) }
  return { labels: labelsFrom(record), samples }
}

const STORAGE = memoryStorage([
  series({ __name__: 'a', i: '1' }, [1, 2, 3, 4]),
  series({ __name__: 'a', i: '2' }, [10, 20, 30, 40]),
  series({ __name__: 'b', i: '1' }, [5, 6], 20),
])
const INSTANT: StepGrid = { startMs: 120_000, stepMs: 0, stepCount: 1 }
const RANGE: StepGrid = { startMs: 0, stepMs: 60_000, stepCount: 4 }

function run(
  text: string,
  grid: StepGrid,
  more: { options?: EngineOptions; storage?: Storage; signal?: AbortSignal } = {},
) {
  const { options = DEFAULT_ENGINE_OPTIONS, storage = STORAGE, signal } = more
  const expr = parseExpr(text, options)
  return evaluate({ expr, text, grid, whole: grid, storage, options, signal })
}

function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  )
}

describe('evaluate', () => {
  it('gives columns over the steps, with presence', async () => {
    const { value } = await run('a > 2', RANGE)
    expect(value).toEqual({
      type: 'vector',
      series: [
        {
          labels: ['__name__', 'a', 'i', '1'],
          values: Float64Array.of(1, 2, 3, 4),
          presence: Uint8Array.of(0, 0, 1, 1),
          histograms: undefined,
        },
        {
          labels: ['__name__', 'a', 'i', '2'],
          values: Float64Array.of(10, 20, 30, 40),
          presence: Uint8Array.of(1, 1, 1, 1),
          histograms: undefined,
        },
      ],
    })
  })

  it('gives scalars, strings and raw samples their own form', async () => {
    expect((await run('1 + 2 * time()', RANGE)).value).toEqual({
      type: 'scalar',
      values: Float64Array.of(1, 121, 241, 361),
    })
    expect((await run('"text"', INSTANT)).value).toEqual({ type: 'string', value: 'text' })
    expect((await run('a{i="2"}[2m]', INSTANT)).value).toEqual({
      type: 'matrix',
      series: [
        {
          labels: ['__name__', 'a', 'i', '2'],
          samples: {
            length: 2,
            timestamps: Float64Array.of(60_000, 120_000),
            values: Float64Array.of(20, 30),
            histograms: undefined,
          },
        },
      ],
    })
  })

  it('keeps the order of sort() in instant queries only', async () => {
    const names = async (grid: StepGrid) => {
      const { value } = await run('sort_desc(a)', grid)
      return value.type === 'vector' ? value.series.map(({ labels }) => labels[3]) : []
    }
    expect(await names(INSTANT)).toEqual(['2', '1'])
    expect(await names({ ...INSTANT, stepMs: 60_000 })).toEqual(['1', '2'])
  })

  it('counts what it read', async () => {
    const { stats } = await run('sum(a)', RANGE)
    expect(stats).toEqual({ samplesRead: 8, peakSamples: 4, seriesRead: 2 })
  })

  it('stops at the limit of samples with the text of Prometheus', async () => {
    const options = { ...DEFAULT_ENGINE_OPTIONS, maxSamples: 7 }
    expect(await failure(run('a', RANGE, { options }))).toEqual(
      new LimitError(
        'query processing would load too many samples into memory in query execution',
        7,
        8,
      ),
    )
  })

  it('asks once for what two selectors share, and at the same time for the rest', async () => {
    const asked: SelectRequest[] = []
    let running = 0
    let most = 0
    const storage: Storage = {
      ...STORAGE,
      async select(request, signal) {
        asked.push(request)
        most = Math.max(most, ++running)
        await Promise.resolve()
        running--
        return STORAGE.select(request, signal)
      },
    }
    const { value } = await run('a / a + on(i) b', RANGE, { storage })
    expect(asked.map(({ matchers }) => matchers[0]!.value)).toEqual(['a', 'b'])
    expect(most).toBe(2)
    expect(value).toEqual({ type: 'vector', series: [] })
  })

  it('passes warnings of the storage on', async () => {
    const storage: Storage = {
      ...STORAGE,
      select: async (request, signal) => ({
        ...(await STORAGE.select(request, signal)),
        warnings: ['a store is down'],
      }),
    }
    expect((await run('a + a', INSTANT, { storage })).warnings).toEqual(['a store is down'])
  })

  it('ends when it is canceled, and with the reason of a deadline', async () => {
    const canceled = AbortSignal.abort()
    expect(await failure(run('a', RANGE, { signal: canceled }))).toMatchObject({ kind: 'canceled' })
    const late = AbortSignal.abort(new DomainError('timeout', 'query timed out'))
    expect(await failure(run('a', RANGE, { signal: late }))).toMatchObject({ kind: 'timeout' })
  })

  it('notices a cancel while it computes', async () => {
    const control = new AbortController()
    let decoded = 0
    const storage: Storage = {
      ...STORAGE,
      select: async (request, signal) => {
        const set = await STORAGE.select(request, signal)
        return {
          ...set,
          samples(index) {
            decoded++
            control.abort()
            return set.samples(index)
          },
        }
      },
    }
    const error = await failure(run('a', RANGE, { storage, signal: control.signal }))
    expect(error).toMatchObject({ kind: 'canceled' })
    expect(decoded).toBe(1)
  })

  it('refuses two results with equal labels', async () => {
    const text = 'rate({__name__=~"a|b"}[5m])'
    const wide = { startMs: 120_000, stepMs: 60_000, stepCount: 25 }
    expect(await failure(run(text, wide))).toMatchObject({
      kind: 'execution',
      message: 'vector cannot contain metrics with the same labelset',
    })
  })

  it('lets equal labels be where they never meet and nothing looks at ranges', async () => {
    const wide = { startMs: 180_000, stepMs: 1_020_000, stepCount: 2 }
    const { value } = await run('-{__name__=~"a|b", i="1"}', wide)
    expect(value).toEqual({
      type: 'vector',
      series: [
        {
          labels: ['i', '1'],
          values: Float64Array.of(-4, -5),
          presence: Uint8Array.of(1, 1),
          histograms: undefined,
        },
      ],
    })
  })

  it('says where in the query an annotation comes from', async () => {
    const { annotations } = await run('1 +\n  rate(a[5m])', INSTANT)
    expect(annotations).toMatchObject({
      warnings: [],
      infos: [
        'PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "a" (2:8)',
      ],
    })
  })

  it('mentions also what a join has no use for', async () => {
    const { value, annotations } = await run('b + on(i) rate(a{i="2"}[5m])', INSTANT)
    expect(value).toEqual({ type: 'vector', series: [] })
    expect(annotations.infos).toEqual([
      'PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "a" (1:16)',
    ])
  })
})
