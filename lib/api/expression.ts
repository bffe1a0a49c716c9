/** Expressions and selectors of a request, checked before anything is asked of the backend. */
import { DomainError } from '#lib/model/errors.ts'
import type { Matcher } from '#lib/model/matcher.ts'
import type { Feature } from '#lib/promql/options.ts'
import type { Expr } from '#lib/promql/parse/ast.ts'
import { parseExpr, parseMetricSelector } from '#lib/promql/parse/parse.ts'
import { compileMatcher } from '#lib/regex/matcher.ts'
import { withParam } from './call.ts'

/** Throws `invalid` with the place and the reason. */
export function parseExpression(text: string, features: ReadonlySet<Feature>): Expr {
  return parseExpr(text, { features })
}

/** The same for the parameter `query`, which the error names. */
export function parseQueryText(text: string, features: ReadonlySet<Feature>): Expr {
  return withParam('query', () => parseExpression(text, features))
}

/** Each selector must ask for something: one that could match every series is refused. */
export function parseMatcherSets(selectors: readonly string[]): Matcher[][] {
  const sets = selectors.map((text) => [...parseMetricSelector(text)])
  for (const matchers of sets) {
    if (matchers.every((matcher) => compileMatcher(matcher).matchesEmpty)) {
      throw new DomainError('invalid', 'match[] must contain at least one non-empty matcher')
    }
  }
  return sets
}
