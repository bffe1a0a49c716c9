import { describe, expect, it } from 'vitest'
import { parseExpr } from '#lib/promql/parse/parse.ts'
import { sliceable } from '#lib/promql/plan/sliceable.ts'

describe('sliceable', () => {
  it.each([
    'x',
    '1 + time()',
    'sum by (a) (rate(x[5m]))',
    'topk(scalar(k), x)',
    '{job="a"} * 2',
    'abs({__name__=~"a|b"})',
    'last_over_time({job="a"}[5m])',
    'label_replace(x, "a", "$1", "b", "(.*)")',
    'rate(sum by (a) ({job="a"})[5m:1m])',
    'quantile(0.9, x)',
    'histogram_quantile(0.9, rate(x_bucket[5m]))',
  ])('%s can be cut', (text) => {
    expect(sliceable(parseExpr(text))).toBe(true)
  })

  it.each([
    ['a string', '"text"'],
    ['a range vector', 'x[5m]'],
    ['a rate over more than one name', 'rate({job="a"}[5m])'],
    ['a rate over a name pattern, deep inside', 'sum(1 + max_over_time({__name__=~"a.*"}[5m]))'],
    ['a subquery over two names', 'rate((x or y)[5m:1m])'],
    ['a subquery over names kept by grouping', 'rate(sum by (__name__) ({job="a"})[5m:1m])'],
    ['a subquery over labels written by hand', 'rate(label_replace(x, "a", "b", "", "")[5m:1m])'],
    ['a warning about the worst parameter', 'quantile(scalar(q), x)'],
  ])('%s can not', (_, text) => {
    expect(sliceable(parseExpr(text))).toBe(false)
  })
})
