/** States of a ruler, as a tick would leave them. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import type { AlertState, GroupState } from '#lib/rules/evaluate/group-state.ts'
import { newGroupState } from '#lib/rules/evaluate/new-group-state.ts'
import type { RuleGroupConfig } from '#lib/rules/file/rule-file.ts'
import type { RulerState } from '#lib/rules/tick/ruler-state.ts'
import { newRulerState } from '#lib/rules/tick/state-changes.ts'
import { encodeRulerState, RULE_STATE_KEY } from '#lib/rules/tick/state-object.ts'

export function rulerState(given: Partial<RulerState>): RulerState {
  return { ...newRulerState('e', { nowMs: 0, updatedMs: 0 }), ...given }
}

export async function putRulerState(bucket: Bucket, state: RulerState): Promise<void> {
  await bucket.put(RULE_STATE_KEY, encodeRulerState(state))
}

/** Two groups, evaluated: a recording rule, and an alert that fires. */
export function sampleRules(): RulerState {
  const config = { limit: 0, labels: {}, partialResponse: 'abort', intervalMs: 60_000 } as const
  const entry = { file: 'f.yaml', intervalMs: 60_000, queryOffsetMs: 0, nextMs: 0, missed: 0 }
  const a: RuleGroupConfig = {
    ...config,
    name: 'a',
    rules: [{ type: 'recording', record: 'one', expr: 'vector(1)', labels: {} }],
  }
  const b: RuleGroupConfig = {
    ...config,
    name: 'b',
    rules: [
      {
        type: 'alerting',
        alert: 'Down',
        expr: 'up == 0',
        forMs: 60_000,
        keepFiringForMs: 0,
        labels: { severity: 'page' },
        annotations: { summary: '{{ $labels.job }} is down' },
      },
    ],
  }
  const alert = {
    state: 'firing',
    labels: { alertname: 'Down', severity: 'page' },
    annotations: { summary: 'x is down' },
    value: 0,
    activeAtMs: 1_700_000_000_123,
    firedAtMs: 1_700_000_060_123,
  } as const
  const evaluated = { health: 'ok', lastEvaluationMs: 1_700_000_060_500, evaluationMs: 1 } as const
  const state = (config: RuleGroupConfig, alerts: readonly AlertState[]): GroupState => {
    const group = newGroupState(config)
    const rules = group.rules.map((rule) =>
      rule.type === 'alerting' ? { ...rule, ...evaluated, alerts } : { ...rule, ...evaluated },
    )
    return { ...group, rules, evaluationMs: 2, lastEvaluationMs: evaluated.lastEvaluationMs }
  }
  return rulerState({
    groups: [
      { ...entry, config: a, state: state(a, []) },
      { ...entry, config: b, state: state(b, [alert]) },
    ],
    alertmanagers: {
      active: ['http://am:9093/api/v2/alerts'],
      dropped: ['http://old:9093/api/v2/alerts'],
    },
  })
}
