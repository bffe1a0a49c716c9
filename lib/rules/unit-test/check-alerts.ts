/** The alerts of a unit test that are due at a step, against those that fire. */
import { formatDuration } from '#lib/promql/parse/literals.ts'
import type { GroupState } from '../evaluate/group-state.ts'
import type { RuleGroupConfig } from '../file/rule-file.ts'
import { alertDifference } from './alert-difference.ts'
import {
  alertsText,
  indentLines,
  labelList,
  sameAlerts,
  sortedAlerts,
  type AlertLabels,
} from './expectations.ts'
import type { AlertTest, TestGroup } from './unit-test-file.ts'

export interface TestedGroup {
  readonly config: RuleGroupConfig
  state: GroupState
}

/** Of the tests from this step until the next, in the order of their times. */
export function checkAlerts(
  test: TestGroup,
  groups: readonly TestedGroup[],
  stepMs: number,
  { intervalMs, diff }: { readonly intervalMs: number; readonly diff: boolean },
): string[] {
  const due = test.alerts
    .filter(({ atMs }) => stepMs <= atMs && atMs < stepMs + intervalMs)
    .toSorted((a, b) => a.atMs - b.atMs)
  const name = test.name === '' ? '' : `    name: ${test.name},\n`
  return due.flatMap(({ atMs, alert, expected }) => {
    const wanted = expectedAlerts(alert, expected)
    const got = sortedAlerts(groups.flatMap((group) => firingAlerts(group, alert)))
    if (sameAlerts(wanted, got)) return []
    const head = `${name}    alertname: ${alert}, time: ${formatDuration(atMs)}, \n        `
    const indent = '            '
    if (diff) return [`${head}diff: ${indentLines(alertDifference(wanted, got), indent)}`]
    const exp = indentLines(alertsText(wanted), indent)
    return [`${head}exp:${exp}, \n        got:${indentLines(alertsText(got), indent)}`]
  })
}

function expectedAlerts(alert: string, expected: AlertTest['expected']): AlertLabels[] {
  return sortedAlerts(
    expected.map(({ labels, annotations }) => ({
      labels: labelList({ ...labels, alertname: alert }),
      annotations: labelList(annotations),
    })),
  )
}

function firingAlerts({ config, state }: TestedGroup, name: string): AlertLabels[] {
  return config.rules.flatMap((rule, i) => {
    const ruleState = state.rules[i]!
    if (rule.type !== 'alerting' || rule.alert !== name || ruleState.type !== 'alerting') return []
    return ruleState.alerts
      .filter((alert) => alert.state === 'firing')
      .map(({ labels, annotations }) => ({
        labels: labelList(labels),
        annotations: labelList(annotations),
      }))
  })
}
