import { describe, expect, it } from 'vitest'
import { parseExpr } from '#lib/promql/parse/parse.ts'
import { metricNames } from '#lib/promql/plan/metric-names.ts'

describe('metric names that an expression reads', () => {
  it.each<[string, string[] | undefined]>([
    ['1 + 2', []],
    ['sum(rate(a[5m])) / ignoring(x) max_over_time(b[1h:1m])', ['a', 'b']],
    ['topk(scalar(count(a)), {__name__="b.c"})', ['a', 'b.c']],
    ['{__name__=~"a|b"}', undefined],
    ['a + on() {job="x"}', undefined],
    ['{__name__!="a",x="y"} and b', undefined],
    ['absent(a{job="x"} offset 5m)', ['a']],
  ])('%s', (text, names) => {
    const found = metricNames(parseExpr(text))
    expect(found && [...found].sort()).toEqual(names)
  })
})
