/** Whether an expression means the same at a step whatever query the step belongs to. */
import type { Expr } from '../parse/ast.ts'
import type { EngineOptions } from '../options.ts'
import type { StepGrid } from '../result.ts'
import { resolve } from './resolve.ts'

/** Where the query begins and ends counts: start(), end(), range() and `@ end()`. `expr` as parsed, `resolved` for `grid`. */
export function dependsOnRange(
  expr: Expr,
  resolved: Expr,
  { startMs, stepMs, stepCount }: StepGrid,
  options: EngineOptions,
): boolean {
  const elsewhere = { startMs: startMs + stepMs, stepMs, stepCount: stepCount + 1 }
  return changes(expr, resolved, elsewhere, options)
}

/** How far its steps are apart counts: step(). */
export function dependsOnStep(
  expr: Expr,
  resolved: Expr,
  { startMs, stepMs, stepCount }: StepGrid,
  options: EngineOptions,
): boolean {
  const endMs = startMs + (stepCount - 1) * stepMs
  const denser = { startMs, stepMs: stepMs / 2, stepCount: stepCount * 2 - 1, endMs }
  return changes(expr, resolved, denser, options)
}

function changes(expr: Expr, resolved: Expr, grid: StepGrid, options: EngineOptions): boolean {
  try {
    return JSON.stringify(resolve(expr, grid, options)) !== JSON.stringify(resolved)
  } catch {
    // A duration that comes out wrong there.
    return true
  }
}
