/** Which rules of a group read what others of it write. */
import { METRIC_NAME } from '#lib/model/labels.ts'
import { FEATURES } from '#lib/promql/options.ts'
import type { Expr } from '#lib/promql/parse/ast.ts'
import { parseExpr } from '#lib/promql/parse/parse.ts'
import { findSelectors } from '#lib/promql/parse/walk.ts'
import { compileMatcher } from '#lib/regex/matcher.ts'
import type { RuleConfig } from '../file/rule-file.ts'
import { ALERT_NAME, ALERTS, ALERTS_FOR_STATE } from './alert-series.ts'

/** Throws DomainError 'invalid'. */
export function parseRuleExpr(text: string): Expr {
  return parseExpr(text, { features: new Set(FEATURES) })
}

/**
 * For each rule, the earlier rules whose output it may read: those whose name a selector's name matcher accepts, and alerting rules for selectors
 * of ALERTS and ALERTS_FOR_STATE. A selector without a name reads anything, and so do templates that query.
 */
export function inputsOfRules(rules: readonly RuleConfig[]): number[][] {
  return rules.map((rule, place) => {
    const reads = readsOf(rule)
    return rules
      .slice(0, place)
      .map((_, earlier) => earlier)
      .filter((earlier) => reads(rules[earlier]!))
  })
}

function readsOf(rule: RuleConfig): (other: RuleConfig) => boolean {
  if (rule.type === 'alerting' && mayQuery(rule)) return () => true
  const selectors = findSelectors(parsed(rule.expr)).map(({ selector }) => {
    const matcherOf = (name: string): ((value: string) => boolean) => {
      const matcher = selector.matchers.find((candidate) => candidate.name === name)
      return matcher ? compileMatcher(matcher).matches : () => true
    }
    return { name: matcherOf(METRIC_NAME), alert: matcherOf(ALERT_NAME) }
  })
  return (other) =>
    selectors.some(({ name, alert }) =>
      other.type === 'recording'
        ? name(other.record)
        : (name(ALERTS) || name(ALERTS_FOR_STATE)) && alert(other.alert),
    )
}

/** A rule that is none reads nothing: it fails when its turn comes. */
function parsed(text: string): Expr {
  try {
    return parseRuleExpr(text)
  } catch {
    return parseRuleExpr('0')
  }
}

function mayQuery(rule: RuleConfig & { type: 'alerting' }): boolean {
  const texts = [...Object.values(rule.labels), ...Object.values(rule.annotations)]
  return texts.some((text) => text.includes('{{') && text.includes('query'))
}
