/** A query made ready to run: the expression that operators are built from, and every read it needs, as data. */
import type { Expr, VectorSelector } from '../parse/ast.ts'
import type { EngineOptions } from '../options.ts'
import type { StepGrid } from '../result.ts'
import { statsSelectors } from './histogram-stats.ts'
import { commonReads, type Read } from './pass-common-selectors.ts'
import { foldConstants } from './pass-constants.ts'
import { spreadMatchers } from './pass-matchers.ts'
import { labelNeeds, type LabelNeed } from './pass-projection.ts'
import { selectorReaches } from './reach.ts'
import { resolve } from './resolve.ts'

export interface Plan {
  /** Resolved and rewritten; every selector in it is one object, found in exactly one read. */
  readonly expr: Expr
  readonly reads: readonly Read[]
  /** Selectors of which only count and sum of histograms matter. */
  readonly stats: ReadonlySet<VectorSelector>
  /** Labels that are looked at; selectors that are not in it need all. */
  readonly labels: ReadonlyMap<VectorSelector, LabelNeed>
}

/** `expr` as parsed or resolved; `grid` is the part of `whole` that will be computed. */
export function planQuery(
  expr: Expr,
  whole: StepGrid,
  grid: StepGrid,
  options: EngineOptions,
): Plan {
  const rewritten = spreadMatchers(foldConstants(resolve(expr, whole, options)))
  return {
    expr: rewritten,
    reads: commonReads(selectorReaches(rewritten, grid, options)),
    stats: statsSelectors(rewritten),
    labels: labelNeeds(rewritten),
  }
}
