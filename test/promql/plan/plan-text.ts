/** Plans of query texts, for tests: over an hour in steps of a minute. */
import { DEFAULT_ENGINE_OPTIONS, type EngineOptions } from '#lib/promql/options.ts'
import { parseExpr } from '#lib/promql/parse/parse.ts'
import { explain, explainPlan } from '#lib/promql/plan/explain.ts'
import { planQuery, type Plan } from '#lib/promql/plan/plan.ts'

const GRID = { startMs: 3_600_000, stepMs: 60_000, stepCount: 61 }
const OPTIONS: EngineOptions = {
  ...DEFAULT_ENGINE_OPTIONS,
  features: new Set(['promql-experimental-functions', 'promql-extended-range-selectors']),
}

export function planOf(text: string): Plan {
  return planQuery(parseExpr(text, OPTIONS), GRID, GRID, OPTIONS)
}

/** The operators, with what they read. */
export function planLines(text: string): string[] {
  return explainPlan(planOf(text)).split('\n')
}

/** The operators alone. */
export function operatorLines(text: string): string[] {
  return explain(planOf(text).expr).split('\n')
}
