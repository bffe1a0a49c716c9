/** What the ruler says of itself. Nothing scrapes it, so it is written as samples, with the results of rules. Names of Prometheus and Thanos. */
import { labelsFrom } from '#lib/model/labels.ts'
import type { ResultSample } from '../evaluate/contract.ts'
import { MAX_ALERTS } from './deliver.ts'
import { groupKey, type RuleGroupEntry, type RulerState } from './ruler-state.ts'

const JOB = 'thaw-rule'

/** At `nowMs`, which is after that of the tick before. */
export function selfMetrics(state: RulerState, nowMs: number): ResultSample[] {
  const samples: ResultSample[] = []
  const add = (
    name: string,
    value: number,
    labels: Readonly<Record<string, string>> = {},
  ): void => {
    const all = labelsFrom({ ...labels, __name__: name, job: JOB })
    samples.push({ labels: all, timeMs: nowMs, value })
  }
  for (const group of state.groups) {
    for (const [name, value] of groupMetrics(group))
      add(name, value, { rule_group: groupKey(group) })
  }
  for (const [labels, entries] of strategies(state.groups)) {
    const warned = entries.reduce((sum, entry) => sum + entry.state.counters.withWarnings, 0)
    add('thanos_rule_evaluation_with_warnings_total', warned, { strategy: labels })
  }
  const bad = state.files.filter(({ error }) => error !== undefined)
  add('thanos_rule_config_last_reload_successful', bad.length === 0 ? 1 : 0)
  for (const [name, value, labels] of notificationMetrics(state)) add(name, value, labels)
  return samples
}

type Metric = readonly [string, number, Readonly<Record<string, string>>]

/** The ruler has one queue for all Alertmanagers. Prometheus names those by their URLs, Thanos by host and port. */
function notificationMetrics({ counters, outbox, alertmanagers }: RulerState): Metric[] {
  const queued = outbox.alerts.length
  return [
    ['prometheus_notifications_alertmanagers_discovered', alertmanagers.active.length, {}],
    ['prometheus_notifications_queue_length', queued, {}],
    ['prometheus_notifications_queue_capacity', MAX_ALERTS, {}],
    ['thanos_alert_queue_length', queued, {}],
    ['thanos_alert_queue_capacity', MAX_ALERTS, {}],
    ['thanos_alert_sender_alerts_dropped_total', counters.alertsDropped, {}],
    ...Object.entries(counters.alertmanagers).flatMap(([url, one]): Metric[] => {
      const byUrl = { alertmanager: url }
      const byHost = { alertmanager: new URL(url).host }
      return [
        ['prometheus_notifications_sent_total', one.sent, byUrl],
        ['prometheus_notifications_errors_total', one.errors, byUrl],
        ['prometheus_notifications_dropped_total', one.dropped, byUrl],
        ['prometheus_notifications_latency_seconds_sum', one.latencySeconds, byUrl],
        ['prometheus_notifications_latency_seconds_count', one.requests, byUrl],
        ['thanos_alert_sender_alerts_sent_total', one.sent, byHost],
        ['thanos_alert_sender_errors_total', one.errors, byHost],
      ]
    }),
  ]
}

function groupMetrics({ config, intervalMs, missed, state }: RuleGroupEntry): [string, number][] {
  const { counters, evaluationMs, lastEvaluationMs, samples } = state
  return [
    ['prometheus_rule_evaluations_total', counters.evaluations],
    ['prometheus_rule_evaluation_failures_total', counters.failures],
    ['prometheus_rule_group_iterations_total', counters.iterations + missed],
    ['prometheus_rule_group_iterations_missed_total', missed],
    ['prometheus_rule_group_interval_seconds', intervalMs / 1000],
    ['prometheus_rule_group_last_duration_seconds', evaluationMs / 1000],
    ['prometheus_rule_group_last_evaluation_timestamp_seconds', (lastEvaluationMs ?? 0) / 1000],
    ['prometheus_rule_group_last_evaluation_samples', samples],
    ['prometheus_rule_group_rules', config.rules.length],
  ]
}

function strategies(groups: readonly RuleGroupEntry[]): Map<'warn' | 'abort', RuleGroupEntry[]> {
  return Map.groupBy(groups, ({ config }) => config.partialResponse)
}
