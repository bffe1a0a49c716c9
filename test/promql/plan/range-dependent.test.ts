import { expect, it } from 'vitest'
import { DEFAULT_ENGINE_OPTIONS } from '#lib/promql/options.ts'
import { parseExpr } from '#lib/promql/parse/parse.ts'
import { dependsOnRange, dependsOnStep } from '#lib/promql/plan/range-dependent.ts'
import { resolve } from '#lib/promql/plan/resolve.ts'

const grid = { startMs: 60_000, stepMs: 10_000, stepCount: 31 }
const options = {
  ...DEFAULT_ENGINE_OPTIONS,
  features: new Set(['promql-experimental-functions', 'promql-extended-range-selectors'] as const),
}

it.each([
  ['rate(up[5m])', false, false],
  ['up @ 100', false, false],
  ['max_over_time(up[1h:])', false, false],
  ['time() + vector(1)', false, false],
  ['up @ end()', true, false],
  ['sum(up @ start())', true, false],
  ['max_over_time(up[1h:5m] @ end())', true, false],
  ['up * step()', false, true],
  ['rate(up[step()])', false, true],
  ['rate(up[range()])', true, false],
  ['rate(up[2 * step()] offset range())', true, true],
])('%s: on the range %s, on the step %s', (text, onRange, onStep) => {
  const expr = parseExpr(text, { features: options.features })
  const resolved = resolve(expr, grid, options)
  expect(dependsOnRange(expr, resolved, grid, options)).toBe(onRange)
  expect(dependsOnStep(expr, resolved, grid, options)).toBe(onStep)
})
