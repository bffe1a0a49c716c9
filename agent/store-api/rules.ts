/** Rules of a Prometheus as `thanos.Rules` has them. */
import {
  ALERT_STATES,
  type Alert,
  type AlertInstance,
  type AlertState,
  type RecordingRule,
  type Rule,
  type RuleGroup,
  type RuleType,
} from '#lib/grpc/rules-messages.ts'
import { DomainError } from '#lib/model/errors.ts'
import { type Labels, mergeLabels } from '#lib/model/labels.ts'
import type { PrometheusUnit } from '../run-prometheus.ts'
import { type Json, labelSet, list, number, object, text, time } from './json-fields.ts'
import { externalLabelsOf } from './per-prometheus.ts'

/** As Thanos: which rules a client wants by labels or names is its own business. */
export async function rulesOf(
  unit: PrometheusUnit,
  type: RuleType,
  signal: AbortSignal,
): Promise<readonly RuleGroup[]> {
  const query = new URLSearchParams(type === 'ALL' ? {} : { type: type.toLowerCase() })
  const data = object(await unit.prometheus.api('/api/v1/rules', query, signal))
  const external = externalLabelsOf(unit)
  return list(data['groups']).map((group) => readGroup(object(group), external))
}

function readGroup(group: Json, external: Labels): RuleGroup {
  return {
    name: text(group['name']),
    file: text(group['file']),
    rules: list(group['rules']).map((rule) => readRule(object(rule), external)),
    interval: number(group['interval']),
    evaluationDurationSeconds: number(group['evaluationTime']),
    lastEvaluation: time(group['lastEvaluation']),
    limit: number(group['limit']),
    partialResponseStrategy: 'ABORT',
  }
}

function readRule(rule: Json, external: Labels): Rule {
  switch (rule['type']) {
    case 'alerting':
      return { alert: readAlert(rule, external), recording: undefined }
    case 'recording':
      return { alert: undefined, recording: readRecording(rule, external) }
    default:
      throw new DomainError('unavailable', `prometheus has a rule of type "${text(rule['type'])}"`)
  }
}

function readRecording(rule: Json, external: Labels): RecordingRule {
  return {
    name: text(rule['name']),
    query: text(rule['query']),
    labels: mergeLabels(labelSet(rule['labels']), external),
    health: text(rule['health']),
    lastError: text(rule['lastError']),
    evaluationDurationSeconds: number(rule['evaluationTime']),
    lastEvaluation: time(rule['lastEvaluation']),
  }
}

function readAlert(rule: Json, external: Labels): Alert {
  return {
    ...readRecording(rule, external),
    state: alertState(rule['state']),
    durationSeconds: number(rule['duration']),
    keepFiringForSeconds: number(rule['keepFiringFor']),
    annotations: labelSet(rule['annotations']),
    alerts: list(rule['alerts']).map((alert) => readInstance(object(alert))),
  }
}

function readInstance(alert: Json): AlertInstance {
  return {
    labels: labelSet(alert['labels']),
    annotations: labelSet(alert['annotations']),
    state: alertState(alert['state']),
    activeAt: alert['activeAt'] == null ? undefined : time(alert['activeAt']),
    value: text(alert['value']),
    partialResponseStrategy: 'WARN',
  }
}

function alertState(value: unknown): AlertState {
  const name = text(value).toUpperCase()
  return ALERT_STATES.find((state) => state === name) ?? 'UNKNOWN'
}
