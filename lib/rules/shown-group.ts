/** A group of the ruler's state as the API tells of it. */
import { DomainError } from '#lib/model/errors.ts'
import { formatExponent } from '#lib/model/go-float.ts'
import { compareUtf8, type Labels } from '#lib/model/labels.ts'
import { type PreciseTime, ZERO_TIME } from '#lib/model/precise-time.ts'
import { FEATURES } from '#lib/promql/options.ts'
import { parseExpr } from '#lib/promql/parse/parse.ts'
import { printExpr } from '#lib/promql/parse/print.ts'
import { type Alert, ALERT_STATES, type Rule, type RuleGroup } from '#lib/storage/rules.ts'
import type { AlertingRuleState, AlertState, RuleState } from './evaluate/group-state.ts'
import { fromJsonNumber } from './evaluate/json-number.ts'
import type { AlertingRuleConfig, RuleConfig } from './file/rule-file.ts'
import type { RuleGroupEntry } from './tick/ruler-state.ts'

type Extend = (labels: Labels) => Labels

/** `extend` gives rules and alerts the labels that all of the ruler's have. */
export function shownGroup(
  { file, config, intervalMs, state }: RuleGroupEntry,
  extend: Extend,
): RuleGroup {
  return {
    name: config.name,
    file,
    rules: config.rules.map((rule, i) => shownRule(rule, state.rules[i]!, extend)),
    intervalSeconds: intervalMs / 1000,
    limit: config.limit,
    partialResponse: config.partialResponse,
    evaluationSeconds: state.evaluationMs / 1000,
    lastEvaluation: timeOf(state.lastEvaluationMs),
  }
}

function shownRule(config: RuleConfig, state: RuleState, extend: Extend): Rule {
  const { health, lastError, evaluationMs, lastEvaluationMs } = state
  const any = {
    query: printed(config.expr),
    labels: extend(pairsOf(config.labels)),
    health,
    lastError,
    evaluationSeconds: evaluationMs / 1000,
    lastEvaluation: timeOf(lastEvaluationMs),
  }
  if (config.type === 'recording') return { type: 'recording', name: config.record, ...any }
  return { name: config.alert, ...any, ...alerting(config, state as AlertingRuleState, extend) }
}

function alerting(config: AlertingRuleConfig, state: AlertingRuleState, extend: Extend) {
  const { alerts, lastEvaluationMs } = state
  const states = alerts.map((alert) => ALERT_STATES.indexOf(alert.state))
  const least = ALERT_STATES.indexOf(lastEvaluationMs === undefined ? 'unknown' : 'inactive')
  return {
    type: 'alerting',
    state: ALERT_STATES[Math.max(least, ...states)]!,
    holdSeconds: config.forMs / 1000,
    keepFiringSeconds: config.keepFiringForMs / 1000,
    annotations: pairsOf(config.annotations),
    alerts: alerts
      .filter(({ state: one }) => one !== 'inactive')
      .map((alert) => shownAlert(alert, extend)),
  } as const
}

function shownAlert(alert: AlertState, extend: Extend): Alert {
  return {
    labels: extend(pairsOf(alert.labels)),
    annotations: pairsOf(alert.annotations),
    state: alert.state,
    activeAt: timeOf(alert.activeAtMs),
    keepFiringSince:
      alert.keepFiringSinceMs === undefined ? undefined : timeOf(alert.keepFiringSinceMs),
    value: formatExponent(fromJsonNumber(alert.value)),
  }
}

/** With empty values, which Prometheus shows too where a file has them. */
function pairsOf(record: Readonly<Record<string, string>>): Labels {
  return Object.entries(record)
    .sort(([a], [b]) => compareUtf8(a, b))
    .flat()
}

const PARSING = { features: new Set(FEATURES) }

/** As it stands where it can't be read: then its health says so. */
function printed(expr: string): string {
  try {
    return printExpr(parseExpr(expr, PARSING))
  } catch (error) {
    if (error instanceof DomainError) return expr
    throw error
  }
}

function timeOf(ms: number | undefined): PreciseTime {
  if (ms === undefined) return ZERO_TIME
  const seconds = Math.floor(ms / 1000)
  return { seconds, nanos: Math.min(999_999_999, Math.round((ms - seconds * 1000) * 1e6)) }
}
