/** Rule groups of the storage interface as `thanos.Rules` has them. `lib/endpoints/wire-knowledge.ts` is the way back. */
import type * as wire from '#lib/grpc/rules-messages.ts'
import type { PartialResponseStrategy } from '#lib/grpc/store-messages.ts'
import type { Alert, AlertState, Rule, RuleGroup } from '#lib/storage/rules.ts'

/** Groups and alerts say how their ruler's queries take half an answer; ABORT, as for Thanos, where nobody knows. */
export function wireGroup(group: RuleGroup): wire.RuleGroup {
  const { name, file, intervalSeconds, limit, evaluationSeconds, lastEvaluation } = group
  const strategy = group.partialResponse === 'warn' ? 'WARN' : 'ABORT'
  return {
    name,
    file,
    rules: group.rules.map((rule) => wireRule(rule, strategy)),
    interval: intervalSeconds,
    evaluationDurationSeconds: evaluationSeconds,
    lastEvaluation,
    limit,
    partialResponseStrategy: strategy,
  }
}

function wireRule(rule: Rule, strategy: PartialResponseStrategy): wire.Rule {
  const { name, query, labels, health, lastError, evaluationSeconds, lastEvaluation } = rule
  const any = { name, query, labels, health, lastError, lastEvaluation }
  const recording = { ...any, evaluationDurationSeconds: evaluationSeconds }
  if (rule.type === 'recording') return { recording, alert: undefined }
  return {
    recording: undefined,
    alert: {
      ...recording,
      state: wireState(rule.state),
      durationSeconds: rule.holdSeconds,
      keepFiringForSeconds: rule.keepFiringSeconds,
      annotations: rule.annotations,
      alerts: rule.alerts.map((alert) => wireAlert(alert, strategy)),
    },
  }
}

function wireAlert(
  { labels, annotations, state, activeAt, value }: Alert,
  partialResponseStrategy: PartialResponseStrategy,
): wire.AlertInstance {
  return {
    labels,
    annotations,
    state: wireState(state),
    activeAt,
    value,
    partialResponseStrategy,
  }
}

function wireState(state: AlertState): wire.AlertState {
  return state.toUpperCase() as Uppercase<AlertState>
}
