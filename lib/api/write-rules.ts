/** Rules and alerts as Prometheus's JSON has them. */
import { formatPreciseTime, ZERO_TIME } from '#lib/model/precise-time.ts'
import type { Alert, Rule, RuleGroup } from '#lib/storage/rules.ts'
import { LabelsDocument, type Document } from './write-document.ts'

export function ruleGroupDocument(group: RuleGroup, excludeAlerts: boolean): Document {
  return {
    name: group.name,
    file: group.file,
    rules: group.rules.map((rule) => ruleDocument(rule, excludeAlerts)),
    interval: group.intervalSeconds,
    limit: group.limit,
    evaluationTime: group.evaluationSeconds,
    lastEvaluation: formatPreciseTime(group.lastEvaluation),
  }
}

function ruleDocument(rule: Rule, excludeAlerts: boolean): Document {
  const { name, query, labels, health, lastError, type } = rule
  const last = {
    health,
    lastError: lastError === '' ? undefined : lastError,
    evaluationTime: rule.evaluationSeconds,
    lastEvaluation: formatPreciseTime(rule.lastEvaluation),
    type,
  }
  if (rule.type === 'recording') {
    return { name, query, labels: new LabelsDocument(labels), ...last }
  }
  return {
    state: rule.state,
    name,
    query,
    duration: rule.holdSeconds,
    keepFiringFor: rule.keepFiringSeconds,
    labels: new LabelsDocument(labels),
    annotations: new LabelsDocument(rule.annotations),
    alerts: excludeAlerts ? null : rule.alerts.map(alertDocument),
    ...last,
  }
}

export function alertDocument(alert: Alert): Document {
  const { keepFiringSince } = alert
  return {
    labels: new LabelsDocument(alert.labels),
    annotations: new LabelsDocument(alert.annotations),
    state: alert.state,
    activeAt: formatPreciseTime(alert.activeAt ?? ZERO_TIME),
    keepFiringSince: keepFiringSince && formatPreciseTime(keepFiringSince),
    value: alert.value,
  }
}
