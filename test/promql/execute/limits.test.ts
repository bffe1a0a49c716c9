import { describe, expect, it } from 'vitest'
import { DomainError } from '#lib/model/errors.ts'
import type { Labels } from '#lib/model/labels.ts'
import { evaluate } from '#lib/promql/engine.ts'
import { DEFAULT_ENGINE_OPTIONS, type EngineOptions } from '#lib/promql/options.ts'
import { parseExpr } from '#lib/promql/parse/parse.ts'
import type { QueryOutcome, StepGrid } from '#lib/promql/result.ts'
import { memoryStorage } from '#lib/storage/memory-storage.ts'
import type { Storage } from '#lib/storage/storage.ts'

const GRID: StepGrid = { startMs: 600_000, stepMs: 60_000, stepCount: 11 }

/** Any number of series without making them: `{g="<i mod groups>", h="<g mod 40>", i="<i>"}`, ten samples each. */
function wideStorage(seriesCount: number, groups: number, decoded: () => void = () => {}): Storage {
  const timestamps = Float64Array.from({ length: 10 }, (_, k) => 600_000 + k * 60_000)
  const samples = { length: 10, timestamps, values: timestamps }
  return {
    async select({ matchers }) {
      const name = matchers.find((matcher) => matcher.name === '__name__')?.value ?? 'x'
      const labels = Array.from({ length: seriesCount }, (_, i): Labels => {
        const padded = String(i).padStart(7, '0')
        const g = i % groups
        return ['__name__', name, 'g', String(g), 'h', String(g % 40), 'i', padded]
      })
      return {
        labels,
        warnings: [],
        samples() {
          decoded()
          return samples
        },
      }
    },
    labelNames: async () => ({ values: [], warnings: [] }),
    labelValues: async () => ({ values: [], warnings: [] }),
  }
}

interface Run {
  readonly storage?: Storage
  readonly options?: Partial<EngineOptions>
  readonly signal?: AbortSignal
  readonly grid?: StepGrid
}

function run(text: string, more: Run = {}): Promise<QueryOutcome> {
  const { storage = wideStorage(10, 2), grid = GRID, signal } = more
  const options = { ...DEFAULT_ENGINE_OPTIONS, ...more.options }
  const expr = parseExpr(text, options)
  return evaluate({ expr, text, grid, whole: grid, storage, options, signal })
}

async function failure(promise: Promise<unknown>): Promise<unknown> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof DomainError)) return error
  return `${error.kind}: ${error.message}`
}

describe('limits', () => {
  it('of series, over all selectors', async () => {
    const options = { maxSeries: 19 }
    expect(await failure(run('sum(x)', { options }))).toBe(undefined)
    expect(await failure(run('sum(x) + sum(x)', { options }))).toBe(undefined)
    expect(await failure(run('sum(x) + sum(y)', { options }))).toBe(
      'limit: query reads 20 series or more, at most 19 are allowed: narrow its selectors, or raise --query.max-series',
    )
  })

  it('of bytes in the answer', async () => {
    const options = { maxResultBytes: 300 }
    expect(await failure(run('sum by (g) (x)', { options }))).toBe(undefined)
    expect(await failure(run('x', { options }))).toBe(
      'limit: query answers with more than 300 bytes',
    )
    const grid = { startMs: 1_200_000, stepMs: 0, stepCount: 1 }
    expect(await failure(run('x[10m]', { options, grid }))).toBe(
      'limit: query answers with more than 300 bytes',
    )
  })

  it('of steps, of the query and of subqueries', async () => {
    const options = { maxSteps: 19 }
    expect(await failure(run('sum_over_time(x[9m:1m])', { options }))).toBe(undefined)
    expect(await failure(run('sum_over_time(x[10m:1m])', { options }))).toBe(
      'limit: query has 20 steps in one range, at most 19 are allowed',
    )
    expect(await failure(run('time()', { options: { maxSteps: 10 } }))).toBe(
      'limit: query has 11 steps in one range, at most 10 are allowed',
    )
  })

  it('of samples, whatever holds them', async () => {
    const message =
      'limit: query processing would load too many samples into memory in query execution'
    const options = { maxSamples: 100 }
    for (const text of ['x', 'x or y', 'sort(x)', 'topk(9, x)', 'x + on (g, i) y']) {
      expect([text, await failure(run(text, { options }))]).toEqual([text, message])
    }
    for (const text of ['sum(x)', 'sum by (g) (x)', 'count(rate(x[5m]))', 'absent(x)']) {
      expect([text, await failure(run(text, { options }))]).toEqual([text, undefined])
    }
  })
})

describe('a long query', () => {
  const SERIES = 30_000
  // One event of the loop is all a deadline or a client that goes away gets.
  it.each([
    ['one huge group', 'sum(x)', 1],
    ['a huge group of rates', 'sum(rate(x[5m]))', 1],
    ['many small groups', 'sum by (g) (x)', 1_000],
    ['groups of groups', 'sum by (h) (sum by (g) (sum by (g, i) (x)))', 3_000],
    ['small groups of small groups', 'sum(sum by (h) (sum by (g, h) (x)))', 1_000],
    ['an answer of many series', 'x * 2', 1],
    ['a join', 'x / on (g, i) x', 1],
    ['a join of many to one', 'x / on () group_left () vector(2)', 1],
    ['a set operation', 'x and on (g) y', 1],
    ['picking', 'topk(3, x)', 1],
    ['a subquery', 'max_over_time(sum by (g) (x)[1h:1s])', 1_000],
    ['absence', 'absent(x)', 1],
    ['values', 'count_values("v", x)', 1],
    ['quantiles of histograms', 'histogram_quantile(0.9, x)', 1],
    ['new labels', 'count(label_replace(x, "a", "$1", "i", "(.*)"))', 1],
    ['a scalar', 'scalar(x)', 1],
  ])('can be canceled: %s', async (_, text, groups) => {
    const control = new AbortController()
    let decoded = 0
    let atAbort = 0
    const storage = wideStorage(SERIES, groups, () => {
      decoded++
      if (decoded !== 100) return
      atAbort = decoded
      setImmediate(() => control.abort(new DomainError('timeout', 'query timed out')))
    })
    // Long columns make little work look like much, so that a pause is due.
    const grid = { startMs: 600_000, stepMs: 1_000, stepCount: 2_000 }
    const error = await failure(run(text, { storage, grid, signal: control.signal }))
    expect(error).toBe('timeout: query timed out')
    expect(atAbort).toBe(100)
    expect(decoded).toBeLessThan(8_000)
  })

  it('of few series and long windows can be canceled between two of them', async () => {
    const control = new AbortController()
    let decoded = 0
    const length = 2_000
    const timestamps = Float64Array.from({ length }, (_, k) => k * 15_000)
    const storage = memoryStorage(
      Array.from({ length: 20 }, (_, i) => ({
        labels: ['__name__', 'x', 'i', String(i)],
        samples: { length, timestamps, values: timestamps },
      })),
    )
    const counting: Storage = {
      ...storage,
      async select(request) {
        const set = await storage.select(request)
        return {
          ...set,
          samples(index) {
            if (++decoded === 1) setImmediate(() => control.abort())
            return set.samples(index)
          },
        }
      },
    }
    const grid = { startMs: length * 15_000, stepMs: 60_000, stepCount: 1 }
    const text = 'max_over_time(sum_over_time(x[6h])[2h:1s])'
    const error = await failure(run(text, { storage: counting, grid, signal: control.signal }))
    expect(error).toContain('canceled')
    // The inner windows alone hold ten million samples a series.
    expect(decoded).toBeLessThanOrEqual(2)
  })
})
