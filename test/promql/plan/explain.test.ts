import { describe, expect, it } from 'vitest'
import { parseExpr } from '#lib/promql/parse/parse.ts'
import { explain } from '#lib/promql/plan/explain.ts'

describe('explain', () => {
  it('shows a plan, one operator a line', () => {
    const text =
      'sum without (i) (rate(x{a!="b"}[5m] offset 1m)) / on (a) group_left (c) (y > bool 2)'
    expect(explain(parseExpr(text))).toBe(
      [
        '/ many-to-one on (a) include (c)',
        '  sum without (i)',
        '    rate()',
        '      select {a!="b",__name__="x"} range=300000ms offset=60000ms',
        '  > bool vector, scalar',
        '    select {__name__="y"}',
        '    number 2',
      ].join('\n'),
    )
  })

  it('marks what is computed once for all steps', () => {
    expect(explain(parseExpr('x + sum(y @ 5)'))).toBe(
      [
        '+ one-to-one ignoring ()',
        '  select {__name__="x"}',
        '  once sum',
        '    select {__name__="y"} @5000ms',
      ].join('\n'),
    )
  })
})
