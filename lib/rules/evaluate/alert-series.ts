/** The series that say which alerts there are: ALERTS and ALERTS_FOR_STATE. */
import { labelsFromPairs, METRIC_NAME, type Labels } from '#lib/model/labels.ts'
import type { AlertingRuleConfig } from '../file/rule-file.ts'
import type { AlertState } from './group-state.ts'
import type { ResultSample } from './contract.ts'

export const ALERTS = 'ALERTS'
export const ALERTS_FOR_STATE = 'ALERTS_FOR_STATE'
export const ALERT_NAME = 'alertname'
const ALERT_STATE = 'alertstate'

/**
 * The two samples of a pending or firing alert: 1, and since when it is active in Unix seconds. A label of the rule that came out empty
 * shows its template, as in Prometheus.
 */
export function alertSamples(
  rule: AlertingRuleConfig,
  alert: AlertState,
  timeMs: number,
): ResultSample[] {
  const of = (metric: string, more: readonly [string, string][]): Labels =>
    labelsFromPairs([
      ...Object.entries(rule.labels),
      ...Object.entries(alert.labels),
      [METRIC_NAME, metric],
      [ALERT_NAME, rule.alert],
      ...more,
    ])
  return [
    { labels: of(ALERTS, [[ALERT_STATE, alert.state]]), timeMs, value: 1 },
    { labels: of(ALERTS_FOR_STATE, []), timeMs, value: Math.floor(alert.activeAtMs / 1000) },
  ]
}

/** What all ALERTS_FOR_STATE series of a rule have: its labels, except those that come of templates. */
export function forStateLabels(rule: AlertingRuleConfig): Labels {
  const plain = Object.entries(rule.labels).filter(([, value]) => !value.includes('{{'))
  return labelsFromPairs([...plain, [METRIC_NAME, ALERTS_FOR_STATE], [ALERT_NAME, rule.alert]])
}
