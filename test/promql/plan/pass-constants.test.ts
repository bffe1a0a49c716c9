import { describe, expect, it } from 'vitest'
import { parseExpr } from '#lib/promql/parse/parse.ts'
import { foldConstants } from '#lib/promql/plan/pass-constants.ts'
import { operatorLines } from './plan-text.ts'

describe('constant folding', () => {
  it.each([
    ['1 + 2 * 3', 'number 7'],
    ['-(2 ^ 3)', 'number -8'],
    ['2 ^ 3 ^ 2', 'number 512'],
    ['5m / 2', 'number 150'],
    ['1 / 0 - Inf', 'number NaN'],
    ['7 % -4', 'number 3'],
    ['2 > bool 1', 'number 1'],
    ['1 == bool NaN', 'number 0'],
    ['max_of(1, 2 + 3) + min_of(1, NaN)', 'number NaN'],
    ['pi() / 2', 'number 1.5707963267948966'],
    ['0 * -1', 'number -0'],
  ])('%s is %s', (text, expected) => {
    expect(operatorLines(text)).toEqual([expected])
  })

  it('folds beside what changes, and leaves that as it is', () => {
    expect(operatorLines('x * (60 * 60) + time() * (1 + 1)')).toEqual([
      '+ vector, scalar',
      '  * vector, scalar',
      '    select {__name__="x"}',
      '    number 3600',
      '  * scalar, scalar',
      '    time()',
      '    number 2',
    ])
  })

  it('does not do arithmetic in an order that was not written', () => {
    expect(operatorLines('time() + 1 + 1')).toEqual([
      '+ scalar, scalar',
      '  + scalar, scalar',
      '    time()',
      '    number 1',
      '  number 1',
    ])
  })

  it('leaves the number where the arithmetic stood', () => {
    const folded = foldConstants(parseExpr('quantile(1 + 1, x)'))
    expect(folded).toMatchObject({
      param: { type: 'number', value: 2, position: { start: 9, end: 14 } },
    })
  })
})
