import { describe, expect, it } from 'vitest'
import { planLines, planOf } from './plan-text.ts'

describe('the plan', () => {
  it('reads once what selectors share, whatever is done with it and however it is written', () => {
    expect(planLines('rate(x{a="1",b="2"}[5m]) / increase(x{b="2",a="1"}[5m])')).toEqual([
      '/ one-to-one ignoring ()',
      '  rate()',
      '    select {a="1",b="2",__name__="x"} range=300000ms read 1',
      '  increase()',
      '    select {b="2",a="1",__name__="x"} range=300000ms read 1',
      'read 1 {a="1",b="2",__name__="x"} from 3300001ms to 7200000ms',
    ])
  })

  it('reads apart what lies elsewhere, or what a downsampled block keeps apart', () => {
    expect(planLines('x - x offset 5m')).toEqual([
      '- one-to-one ignoring ()',
      '  select {__name__="x"} read 1',
      '  select {__name__="x"} offset=300000ms read 2',
      'read 1 {__name__="x"} from 3300001ms to 7200000ms',
      'read 2 {__name__="x"} from 3000001ms to 6900000ms',
    ])
    expect(planOf('max(x) - min(x)').reads.length).toBe(2)
    expect(planOf('avg(x) - stddev(x)').reads.length).toBe(1)
    expect(planOf('count(x) / count_over_time(x[5m])').reads.length).toBe(2)
  })

  it('tells the storage a grouping only where all selectors of the read have it', () => {
    const [read] = planOf('sum by (a) (x) / sum by (b) (x)').reads
    expect(read?.request.hints).toMatchObject({ func: 'sum', grouping: [], by: false })
    const [same] = planOf('sum by (a) (x) / avg by (a) (x)').reads
    expect(same?.request.hints).toMatchObject({ func: 'sum', grouping: ['a'], by: true })
  })

  it('knows which labels matter', () => {
    const text =
      'sum by (b, a) (x) / on (a) group_right count without (c) (y) + on (a) topk by (a) (1, z) + on (a) sum by (a) (rate(w[1m]))'
    expect(planLines(text).flatMap((line) => /select.* read.*/.exec(line) ?? [])).toEqual([
      'select {__name__="x"} read 1 labels (__name__, a, b)',
      'select {__name__="y"} read 2 all labels but (c)',
      'select {__name__="z"} read 3',
      'select {__name__="w"} range=60000ms read 4',
    ])
  })

  it('reads nothing for the second argument of info()', () => {
    expect(planLines('info(x, {data=~".+"})')).toEqual([
      'info()',
      '  select {__name__="x"} read 1',
      '  select {data=~".+"}',
      'read 1 {__name__="x"} from 3300001ms to 7200000ms',
    ])
  })
})
