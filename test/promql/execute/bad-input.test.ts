import { describe, expect, it } from 'vitest'
import { DomainError } from '#lib/model/errors.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import { evaluate } from '#lib/promql/engine.ts'
import { DEFAULT_ENGINE_OPTIONS } from '#lib/promql/options.ts'
import { parseExpr } from '#lib/promql/parse/parse.ts'
import { explain } from '#lib/promql/plan/explain.ts'
import { MAX_PATTERN_LENGTH } from '#lib/regex/regex.ts'
import { memoryStorage } from '#lib/storage/memory-storage.ts'
import type { SelectRequest, Storage } from '#lib/storage/storage.ts'

const TIMES = Float64Array.from({ length: 20 }, (_, i) => 1.7e12 + i * 60_000)
const GRID = { startMs: 1.7e12, stepMs: 60_000, stepCount: 11 }
const OPTIONS = DEFAULT_ENGINE_OPTIONS

function storageOf(count: number): Storage {
  return memoryStorage(
    Array.from({ length: count }, (_, i) => ({
      labels: labelsFrom({ __name__: 'x', i: `v${i}` }),
      samples: { length: TIMES.length, timestamps: TIMES, values: TIMES },
    })),
  )
}

/** Number of series, or the error; anything that is no DomainError is a bug and fails the test. */
async function outcome(text: string, storage: Storage = storageOf(3)): Promise<number | string> {
  try {
    const expr = parseExpr(text, OPTIONS)
    const asked = { expr, text, grid: GRID, whole: GRID, storage, options: OPTIONS }
    const { value } = await evaluate(asked)
    return value.type === 'vector' || value.type === 'matrix' ? value.series.length : 1
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    return `${error.kind}: ${error.message}`
  }
}

function nested(times: number, open: string, middle: string, close = ''): string {
  return open.repeat(times) + middle + close.repeat(times)
}

describe('deep nesting', () => {
  it.each([
    ['parentheses', nested(490, '(', 'x', ')'), 3],
    ['minus', nested(990, '-', 'x'), 3],
    ['functions', nested(490, 'abs(', 'x', ')'), 3],
    ['aggregations', nested(490, 'sum by (i) (', 'x', ')'), 3],
    ['a chain of operators', `x${' + x'.repeat(990)}`, 3],
    ['a chain of scalars', `1${' + time()'.repeat(990)}`, 1],
    ['a chain of sets', `x${' or x'.repeat(990)}`, 3],
    ['sets that narrow each other', `x{i="v1"}${' and x'.repeat(990)}`, 1],
    ['new labels', nested(490, 'label_replace(', 'x', ',"a","$1","i","(.*)")'), 3],
    ['subqueries', nested(200, 'max_over_time(', 'x', '[1m:1m])'), 3],
  ])('below the limit is evaluated and explained: %s', async (_, text, series) => {
    expect(await outcome(text)).toBe(series)
    expect(explain(parseExpr(text, OPTIONS)).length).toBeGreaterThan(0)
  })

  it.each([
    ['parentheses', nested(100_000, '(', 'x', ')')],
    ['minus', nested(100_000, '-', 'x')],
    ['operators', `x${' + x'.repeat(100_000)}`],
    ['subqueries', nested(100_000, 'max_over_time(', 'x', '[1m:1m])')],
  ])('above it is refused: %s', async (_, text) => {
    expect(await outcome(text)).toMatch(
      /^invalid: 1:\d+: parse error: expression is nested more than 1000 levels deep$/,
    )
  })

  it('in width reads each selector once', async () => {
    const balanced = (depth: number): string =>
      depth === 0 ? 'x' : `(${balanced(depth - 1)} + ${balanced(depth - 1)})`
    const asked: SelectRequest[] = []
    const storage = storageOf(3)
    const counting: Storage = {
      ...storage,
      select(request, signal) {
        asked.push(request)
        return storage.select(request, signal)
      },
    }
    expect(await outcome(balanced(10), counting)).toBe(3)
    expect(asked.length).toBe(1)
  })
})

describe('a megabyte of query', () => {
  it.each([
    ['one string', `count_values("a", x{i!="${'a'.repeat(1e6)}"})`, 11],
    ['many arguments', `label_join(x, "d", ","${',"i"'.repeat(250_000)})`, 3],
    ['spaces', `${' '.repeat(1e6)}x`, 3],
    ['many matchers', `x{${'i!="a",'.repeat(100_000)}}`, 3],
    ['a comment', `x # ${'a'.repeat(1e6)}`, 3],
  ])('is answered: %s', async (_, text, series) => {
    expect(await outcome(text)).toBe(series)
  })

  it('is refused where it is nonsense', async () => {
    expect(await outcome('x '.repeat(500_000))).toMatch(/^invalid: 1:3: parse error: unexpected/)
    expect(await outcome('"'.repeat(1e6 + 1))).toMatch(/^invalid: /)
  })
})

describe('regular expressions', () => {
  it.each([
    ['(a{1000}){1000}', /invalid repeat count/],
    ['(((a{30}){30}){30}){30}', /invalid repeat count/],
    [Array.from({ length: 1e5 }, (_, i) => `w+${i}`).join('|'), /expression too large/],
  ])('that would be too large are refused', async (pattern, reason) => {
    expect(await outcome(`x{i=~"${pattern}"}`)).toMatch(reason)
  })

  it.each([
    ['(x+x+)+y', 0],
    ['(v*)*(v*)*(v*)*[0-9]*(.*)*Q', 0],
    [`(${'v?'.repeat(40)}${'v'.repeat(40)})*`, 0],
    ['(v|v|v)+([0-9]|[0-9]|[0-9])+', 2_000],
  ])('that backtracking would never finish are answered: %s', async (pattern, series) => {
    const storage = storageOf(2_000)
    expect(await outcome(`x{i=~"${pattern}"}`, storage)).toBe(series)
    const replaced = `count(label_replace(x, "a", "$1", "i", "${pattern}"))`
    expect(await outcome(replaced, storage)).toBe(1)
  })

  it('of a million alternatives are one look-up a value', async () => {
    const all = Array.from({ length: 1e6 }, (_, i) => `w${i}`)
    const pattern = [...all, 'v1', 'v9999'].join('|')
    expect(await outcome(`x{i=~"${pattern}"}`, storageOf(10_000))).toBe(2)
    // An automaton of this size would have been refused: these are looked up.
    expect(pattern.length).toBeGreaterThan(MAX_PATTERN_LENGTH)
  })
})

describe('absurd times', () => {
  it.each([
    ['rate(x[100y])', 3],
    ['x offset 200y', 0],
    ['x offset -200y', 0],
    ['x @ 1e15', 0],
    ['max_over_time(max_over_time(max_over_time(x[1y:1m])[1y:1m])[1y:1m])', 3],
    ['predict_linear(x[5m], 1e308)', 3],
  ])('are answered: %s', async (text, series) => {
    expect(await outcome(text)).toBe(series)
  })

  it.each([
    ['rate(x[300y])', 'invalid: 1:8: parse error: duration out of range'],
    ['x offset 1000y', 'invalid: 1:10: parse error: duration out of range'],
    [
      'count_over_time(x[100y:1s])',
      'limit: query has 3153600600 steps in one range, at most 10000000 are allowed',
    ],
    [
      'count_over_time(vector(1)[100y:1ms])',
      'limit: query has 3153600600000 steps in one range, at most 10000000 are allowed',
    ],
    [
      'max_over_time(rate(x[5m])[1y:1ms])',
      'limit: query has 31536600000 steps in one range, at most 10000000 are allowed',
    ],
  ])('are refused: %s', async (text, message) => {
    expect(await outcome(text)).toBe(message)
  })

  it.each(['x @ 1e300', 'x @ NaN', 'x @ Inf'])('are refused: %s', async (text) => {
    expect(await outcome(text)).toMatch(
      /^invalid: 1:1: parse error: timestamp out of bounds for @ modifier: /,
    )
  })
})

describe('absurd numbers', () => {
  it.each([
    ['topk(1e300, x)', 'execution: Scalar value 1e+300 overflows int64'],
    ['bottomk(-1e300, x)', 0],
    ['topk(NaN, x)', 'execution: Parameter value is NaN'],
    ['sum(topk(9e18, x))', 1],
    ['quantile(1e300, x)', 1],
    ['round(x, 1e-320)', 3],
    ['clamp(x, 5, 1)', 0],
    ['histogram_quantile(NaN, x)', 0],
    [
      '1e99999',
      'invalid: 1:1: parse error: error parsing number: strconv.ParseFloat: parsing "1e99999": value out of range',
    ],
  ])('%s', async (text, expected) => {
    expect(await outcome(text)).toBe(expected)
  })
})

describe('label sets that collide', () => {
  const SAME = 'execution: vector cannot contain metrics with the same labelset'
  it.each([
    ['label_replace(x, "i", "", "", "")', SAME],
    ['label_join(x, "i", "")', SAME],
    ['-label_replace(x, "i", "", "", "")', SAME],
    ['sum without () (label_replace(x, "i", "1", "", ""))', SAME],
    ['count by (i) (label_replace(x, "__name__", "$1", "i", "(.*)"))', 3],
  ])('%s', async (text, expected) => {
    expect(await outcome(text)).toBe(expected)
  })

  it.each([
    ['x * on () x', 'right'],
    ['x * on () group_left () x', 'right'],
    ['x * on () group_right () x', 'left'],
  ])('%s', async (text, side) => {
    expect(await outcome(text)).toBe(
      `execution: found duplicate series for the match group {} on the ${side} hand-side of the operation: [{__name__="x", i="v0"}, {__name__="x", i="v1"}];many-to-many matching not allowed: matching labels must be unique on one side`,
    )
  })

  it('refuses several matches of one to one, and outputs that become equal', async () => {
    expect(await outcome('x * on () vector(2)')).toBe(
      'execution: multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)',
    )
    const text = 'x * on () group_left (i) label_replace(vector(2), "i", "same", "", "")'
    expect(await outcome(text)).toBe(
      'execution: multiple matches for labels: grouping labels must ensure unique matches',
    )
  })
})
