import { describe, expect, it } from 'vitest'
import { DEFAULT_ENGINE_OPTIONS, type EngineOptions } from '#lib/promql/options.ts'
import { parseExpr } from '#lib/promql/parse/parse.ts'
import { explain } from '#lib/promql/plan/explain.ts'
import { resolve } from '#lib/promql/plan/resolve.ts'
import type { StepGrid } from '#lib/promql/result.ts'

const OPTIONS: EngineOptions = {
  ...DEFAULT_ENGINE_OPTIONS,
  features: new Set(['promql-experimental-functions']),
}
const GRID: StepGrid = { startMs: 60_000, stepMs: 30_000, stepCount: 5 }

function resolved(text: string, whole = GRID): string {
  return explain(resolve(parseExpr(text, OPTIONS), whole, OPTIONS))
}

describe('resolve', () => {
  it('replaces @ start() and @ end() by the ends of the whole query', () => {
    expect(resolved('x @ start() + x @ end()')).toBe(
      [
        'once + one-to-one ignoring ()',
        '  select {__name__="x"} @60000ms',
        '  select {__name__="x"} @180000ms',
      ].join('\n'),
    )
  })

  it('means by end() the end that was asked for, also between steps', () => {
    expect(resolved('x @ end()', { ...GRID, endMs: 190_000 })).toBe(
      'once select {__name__="x"} @190000ms',
    )
  })

  it('turns start(), end(), step() and range() into numbers', () => {
    expect(resolved('start()')).toBe('number 60')
    expect(resolved('end()')).toBe('number 180')
    expect(resolved('step()')).toBe('number 30')
    expect(resolved('range()')).toBe('number 120')
    expect(resolved('step()', { startMs: 0, stepMs: 30_000, stepCount: 1 })).toBe('number 0')
  })

  it('computes duration expressions', () => {
    expect(resolved('rate(x[step() * 2 + 1s] offset min_of(range(), 1m))')).toBe(
      'rate()\n  select {__name__="x"} range=61000ms offset=60000ms',
    )
  })

  it('gives subqueries without a step the default one', () => {
    expect(resolved('max_over_time(x[5m:])')).toBe(
      'max_over_time()\n  subquery range=300000ms step=60000ms\n    select {__name__="x"}',
    )
  })

  it('refuses durations that come out wrong, with their place', () => {
    expect(() => resolved('rate(x[1m - range()])')).toThrow('7:19: duration must be greater than 0')
    expect(() => resolved('x offset (1m / (range() - 2m))')).toThrow('division by zero')
  })

  it('changes nothing the second time', () => {
    const text = 'sum by (a) (rate((x)[5m:step()] @ end())) / (y offset -1m)'
    const once = resolve(parseExpr(text, OPTIONS), GRID, OPTIONS)
    expect(resolve(once, { startMs: 0, stepMs: 1, stepCount: 2 }, OPTIONS)).toEqual(once)
  })
})
