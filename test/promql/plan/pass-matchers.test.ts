import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { labelsFrom } from '#lib/model/labels.ts'
import { evaluate } from '#lib/promql/engine.ts'
import { DEFAULT_ENGINE_OPTIONS } from '#lib/promql/options.ts'
import { parseExpr } from '#lib/promql/parse/parse.ts'
import { ABSENT, type QueryOutcome } from '#lib/promql/result.ts'
import { memoryStorage, type MemorySeries } from '#lib/storage/memory-storage.ts'
import { explain } from '#lib/promql/plan/explain.ts'
import { spreadMatchers } from '#lib/promql/plan/pass-matchers.ts'
import { operatorLines } from './plan-text.ts'

describe('matchers go to the other side', () => {
  it('of and, both ways', () => {
    expect(operatorLines('a{x="1"} and on (x, y) b{y="2"}')).toEqual([
      'and many-to-many on (x, y)',
      '  select {y="2",x="1",__name__="a"}',
      '  select {x="1",y="2",__name__="b"}',
    ])
  })

  it('of unless, to the right only', () => {
    expect(operatorLines('a{x="1"} unless on (x, y) b{y="2"}')).toEqual([
      'unless many-to-many on (x, y)',
      '  select {x="1",__name__="a"}',
      '  select {x="1",y="2",__name__="b"}',
    ])
  })

  it('where labels are not ignored, never the name', () => {
    expect(operatorLines('a{x="1",y="2"} and ignoring (y) b')).toEqual([
      'and many-to-many ignoring (y)',
      '  select {x="1",y="2",__name__="a"}',
      '  select {x="1",__name__="b"}',
    ])
  })

  it('never type and unit, which go with the name', () => {
    expect(operatorLines('rate(a{__type__="counter",x="1"}[5m]) and on (x, __type__) b')).toEqual([
      'and many-to-many on (x, __type__)',
      '  rate()',
      '    select {__type__="counter",x="1",__name__="a"} range=300000ms',
      '  select {x="1",__name__="b"}',
    ])
  })

  it('through what keeps the label and says nothing', () => {
    const text =
      'sum by (x, y) (rate(a{x="1",z="3"}[5m])) > 2 and count by (x) (last_over_time(b[1m])) unless on (x, z) (c and d)'
    expect(operatorLines(text)).toEqual([
      'unless many-to-many on (x, z)',
      '  and many-to-many ignoring ()',
      '    > vector, scalar',
      '      sum by (x, y)',
      '        rate()',
      '          select {x="1",z="3",__name__="a"} range=300000ms',
      '      number 2',
      '    count by (x)',
      '      last_over_time()',
      '        select {x="1",__name__="b"} range=60000ms',
      '  and many-to-many ignoring ()',
      '    select {x="1",__name__="c"}',
      '    select {x="1",__name__="d"}',
    ])
  })

  it.each([
    ['arithmetic, which refuses duplicates that match nothing', 'a{x="1"} * on (x) b'],
    ['or', 'a{x="1"} or on (x) b'],
    ['what may warn', 'a{x="1"} and on (x) rate(b[5m])'],
    ['sums, which may meet floats and histograms', 'a{x="1"} and on (x) sum by (x) (b)'],
    ['labels that an aggregation drops', 'a{x="1"} and on (x) count by (y) (b)'],
    ['labels written by hand', 'label_replace(a{x="1"}, "x", "2", "", "") and on (x) b'],
    ['equalities that are none', 'a{x=~"1|2", y!="3"} and on (x, y) b'],
    ['a selector that is read anyway', 'a{x="1"} and on (x) b or b'],
    ['a label that is not matched', 'a{x="1"} and on (y) b'],
    ['equal series of two names', 'a{x="1"} and on (x) count_over_time({__name__=~"b|c"}[5m])'],
  ])('not with %s', (_, text) => {
    expect(operatorLines(text).filter((line) => line.includes('{x="1",__name__="b"}'))).toEqual([])
    expect(operatorLines(text).filter((line) => /x="1".*b\|c/.test(line))).toEqual([])
  })

  it('and the answer is what it is without', async () => {
    const names = fc.constantFrom('a', 'b', 'c')
    const values = fc.constantFrom('', '1', '2')
    const instant = fc
      .tuple(names, fc.constantFrom('', '{x="1"}', '{y="2"}', '{x="2",y="1"}', '{x=""}'))
      .map(([name, matchers]) => name + matchers)
    const { vector } = fc.letrec<{ vector: string }>((tie) => ({
      vector: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        instant,
        fc
          .tuple(
            tie('vector'),
            fc.constantFrom('and', 'unless', 'or'),
            fc.constantFrom('', 'on (x)', 'on (x, y)', 'ignoring (y)', 'on ()'),
            tie('vector'),
          )
          .map(([left, op, matching, right]) => `(${left} ${op} ${matching} ${right})`),
        fc
          .tuple(fc.constantFrom('count', 'group', 'sum', 'topk'), tie('vector'))
          .map(([op, inner]) =>
            op === 'topk' ? `topk by (x) (1, ${inner})` : `${op} by (x) (${inner})`,
          ),
        tie('vector').map((inner) => `count without (y) (${inner})`),
        instant.map((inner) => `count_over_time(${inner}[2m])`),
        tie('vector').map((inner) => `(${inner} > 3)`),
      ),
    }))
    const data = fc.array(fc.record({ name: names, x: values, y: values, from: fc.nat(5) }), {
      minLength: 3,
      maxLength: 14,
    })
    const joins = fc.constantFrom('and on (x)', 'unless on (x, y)', 'and', 'and ignoring (x)')
    let narrowed = 0
    await fc.assert(
      fc.asyncProperty(instant, joins, vector, data, async (left, join, right, rows) => {
        const text = `${left} ${join} ${right}`
        const series = new Map<string, MemorySeries>()
        for (const { name, x, y, from } of rows) {
          const labels = labelsFrom({ __name__: name, ...(x && { x }), ...(y && { y }) })
          const timestamps = Float64Array.from({ length: 3 }, (_, i) => (from + i) * 60_000)
          const samples = { length: 3, timestamps, values: timestamps.map((t) => t / 60_000) }
          series.set(labels.join(), { labels, samples })
        }
        const storage = memoryStorage([...series.values()])
        const grid = { startMs: 0, stepMs: 60_000, stepCount: 9 }
        const options = DEFAULT_ENGINE_OPTIONS
        const run = (of: string) =>
          evaluate({
            expr: parseExpr(of, options),
            text: of,
            grid,
            whole: grid,
            storage,
            options,
          })
            .then(shown)
            .catch((error: unknown) => (error as Error).message)
        const expr = parseExpr(text, options)
        if (explain(spreadMatchers(expr)) !== explain(expr)) narrowed++
        // The same beside nothing, in which every selector is read once more, so that none is narrowed.
        const all = ['a', 'b', 'c', 'a{x="1"}', 'a{y="2"}', 'a{x="2",y="1"}', 'a{x=""}']
          .flatMap((one) => [one, one.replace('a', 'b'), one.replace('a', 'c')])
          .flatMap((one) => [one, `last_over_time(${one}[1m])`])
          .map((one) => `group(${one})`)
          .join(' or ')
        const kept = await run(`(${text}) unless on () (vector(0) > 1 and on () (${all}))`)
        const plain = await run(text)
        expect(plain).toEqual(kept)
      }),
      { numRuns: 300 },
    )
    expect(narrowed).toBeGreaterThan(20)
  })
})

/** Values where there are none mean nothing. */
function shown({ value, annotations }: QueryOutcome): unknown {
  const series = value.type === 'vector' ? value.series : []
  const rows = series.map(({ labels, values, presence }) => [
    labels,
    Array.from(presence, (kind, i) => (kind === ABSENT ? undefined : values[i])),
  ])
  return { rows, annotations }
}
