import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { labelsFrom, labelsKey } from '#lib/model/labels.ts'
import { evaluate } from '#lib/promql/engine.ts'
import { DEFAULT_ENGINE_OPTIONS } from '#lib/promql/options.ts'
import { parseExpr } from '#lib/promql/parse/parse.ts'
import { shardPlan, type ShardPlan } from '#lib/promql/plan/shard.ts'
import { ABSENT } from '#lib/promql/result.ts'
import { memoryStorage, type MemorySeries } from '#lib/storage/memory-storage.ts'
import { inShard } from '#lib/storage/shard.ts'
import type { Storage } from '#lib/storage/storage.ts'

const OPTIONS = {
  ...DEFAULT_ENGINE_OPTIONS,
  features: new Set(['promql-experimental-functions'] as const),
}

const METADATA = ['__name__', '__type__', '__unit__']

describe('shardPlan', () => {
  it.each<[string, ShardPlan]>([
    ['sum by (a, b) (rate(x[5m]))', { by: true, labels: ['a', 'b'] }],
    ['sum without (a) (x)', { by: false, labels: [...METADATA, 'a'] }],
    ['sum by (a, b) (count by (b, c) (x))', { by: true, labels: ['b'] }],
    ['sum by (a, b) (count without (a) (x))', { by: true, labels: ['b'] }],
    ['sum by (a) (x) / on (a) sum by (a, b) (y)', { by: true, labels: ['a'] }],
    ['x * ignoring (a) group_left y', { by: false, labels: [...METADATA, 'a'] }],
    ['x and y', { by: false, labels: METADATA }],
    ['histogram_quantile(0.9, sum by (le, a) (rate(x[5m])))', { by: true, labels: ['a'] }],
    ['histogram_quantile(0.9, rate(x[5m]))', { by: false, labels: [...METADATA, 'le'] }],
    ['sum by (a, b) (label_replace(x, "b", "$1", "c", "(.*)"))', { by: true, labels: ['a'] }],
    ['topk by (a) (1, x) > 2 * 3', { by: true, labels: ['a'] }],
    ['sum by (__name__, a) (x)', { by: true, labels: ['a'] }],
    ['sum by (a) (max_over_time(rate(x[1m])[1h:1m]))', { by: true, labels: ['a'] }],
    ['count_values by (a) ("b", x)', { by: true, labels: ['a'] }],
    ['count(x)', { by: false, labels: METADATA, partial: 'count' }],
    ['group by (__name__) (x)', { by: false, labels: METADATA, partial: 'group' }],
    ['(count(sum by (a) (x) > 1))', { by: true, labels: ['a'], partial: 'count' }],
    [
      'count by (b) (label_replace(x, "b", "", "", ""))',
      { by: false, labels: [...METADATA, 'b'], partial: 'count' },
    ],
  ])('%s', (text, expected) => {
    expect(shardPlan(parseExpr(text, OPTIONS))).toEqual(expected)
  })

  it.each([
    ['nothing joins series', 'rate(x[5m])'],
    ['all series are one group', 'sum(x)'],
    ['one group is inside', 'sum by (a) (x / on () group_left () sum(y))'],
    ['groups have no label in common', 'sum by (a) (sum by (b) (x))'],
    ['one group of all is counted', 'count(count(x))'],
    ['absence is of all series', 'sum by (a) (x) or on (a) absent(y)'],
    ['a scalar looks at all series', 'sum by (a) (x) * scalar(y)'],
    ['each shard would make up a series', 'sum by (a) (x) or on (a) vector(1)'],
    ['each shard would have the hour', 'sum by (a) (x) * on (a) hour()'],
    ['labels come from elsewhere', 'sum by (a) (info(x))'],
    ['the only label is written by hand', 'sum by (b) (label_join(x, "b", "", "c"))'],
    ['the only label is the name', 'sum by (__name__) (x)'],
    ['the only labels go with the name', 'sum by (__type__, __unit__) (x)'],
    ['samples are asked for', 'sum by (a) (x)[5m:1m]'],
    ['buckets are one group', 'sum by (le) (x)/ on (le) histogram_quantile(0.9, x)'],
  ])('not where %s', (_, text) => {
    expect(shardPlan(parseExpr(text, OPTIONS))).toBe(undefined)
  })

  it('gives shards that together are the answer', async () => {
    const selector = fc.constantFrom(
      'x',
      'y',
      'x{c!="1"}',
      'rate(y[3m])',
      'max_over_time(x[2m:1m])',
    )
    const labels = fc.constantFrom('a', 'a, b', 'b, c', 'a, b, c', '__name__, a', '')
    const { vector } = fc.letrec<{ vector: string }>((tie) => ({
      vector: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        selector,
        fc
          .tuple(
            fc.constantFrom(
              'sum',
              'count',
              'group',
              'max',
              'topk',
              'limitk',
              'quantile',
              'count_values',
            ),
            fc.constantFrom('by', 'without'),
            labels,
            tie('vector'),
          )
          .map(([op, by, names, inner]) => {
            const param = { topk: '1, ', limitk: '1, ', quantile: '0.5, ', count_values: '"b", ' }
            return `${op} ${by} (${names}) (${param[op as 'topk'] ?? ''}${inner})`
          }),
        fc
          .tuple(
            tie('vector'),
            fc.constantFrom('+', '>', 'and', 'or', 'unless'),
            fc.constantFrom('on', 'ignoring'),
            labels,
            tie('vector'),
          )
          .map(([left, op, on, names, right]) => `(${left} ${op} ${on} (${names}) ${right})`),
        tie('vector').map((inner) => `label_replace(${inner}, "b", "$1", "c", "(.*)")`),
        tie('vector').map((inner) => `(${inner} * 2)`),
      ),
    }))
    const bit = fc.constantFrom('0', '1', '2')
    const data = fc.uniqueArray(fc.tuple(fc.constantFrom('x', 'y'), bit, bit, bit), {
      minLength: 6,
      maxLength: 24,
      selector: (row) => row.join(),
    })
    let compared = 0
    await fc.assert(
      fc.asyncProperty(vector, data, async (text, rows) => {
        const plan = shardPlan(parseExpr(text, OPTIONS))
        if (!plan) return
        const series = rows.map(([name, a, b, c], i): MemorySeries => {
          const timestamps = Float64Array.from({ length: 5 }, (_, k) => k * 60_000)
          const values = timestamps.map((t) => (t / 60_000) * (i + 1))
          const record = { __name__: name, a, b, c }
          return { labels: labelsFrom(record), samples: { length: 5, timestamps, values } }
        })
        const whole = await answer(text, memoryStorage(series))
        if (!whole) return
        const union = new Map<string, string>()
        for (let index = 0; index < 3; index++) {
          const own = series.filter((one) => inShard(one.labels, { index, count: 3, ...plan }))
          const part = await answer(text, memoryStorage(own))
          for (const [key, values] of part ?? []) {
            const other = union.get(key)
            expect(other !== undefined && plan.partial === undefined).toBe(false)
            union.set(key, other === undefined ? values : together(plan, other, values))
          }
        }
        expect(union).toEqual(whole)
        if (whole.size > 0) compared++
      }),
      { numRuns: 500 },
    )
    expect(compared).toBeGreaterThan(30)
  })
})

/** The values of two shards as those of one. */
function together({ partial }: ShardPlan, one: string, other: string): string {
  const others = other.split(',')
  return one
    .split(',')
    .map((value, i) => {
      if (value === '' || others[i] === '') return value + others[i]
      return partial === 'group' ? value : String(Number(value) + Number(others[i]))
    })
    .join()
}

/** Undefined where it fails. */
async function answer(text: string, storage: Storage): Promise<Map<string, string> | undefined> {
  const grid = { startMs: 60_000, stepMs: 60_000, stepCount: 4 }
  const expr = parseExpr(text, OPTIONS)
  try {
    const { value } = await evaluate({ expr, text, grid, whole: grid, storage, options: OPTIONS })
    if (value.type !== 'vector') return undefined
    return new Map(
      value.series.map(({ labels, values, presence }) => [
        labelsKey(labels),
        Array.from(presence, (kind, i) => (kind === ABSENT ? '' : values[i])).join(),
      ]),
    )
  } catch {
    return undefined
  }
}
