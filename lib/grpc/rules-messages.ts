/** `thanos.Rules`: proto/rules.proto. */
import type { Labels } from '#lib/model/labels.ts'
import { labelSet } from './label-fields.ts'
import * as proto from './message.ts'
import { STRATEGIES, type PartialResponseStrategy } from './store-messages.ts'
import { NEVER, timestamp, type Timestamp } from './timestamp.ts'

export const RULE_TYPES = ['ALL', 'ALERT', 'RECORD'] as const
export type RuleType = (typeof RULE_TYPES)[number]

export const ALERT_STATES = ['UNKNOWN', 'INACTIVE', 'PENDING', 'FIRING'] as const
export type AlertState = (typeof ALERT_STATES)[number]

export interface RulesRequest {
  readonly type: RuleType
  readonly partialResponseStrategy: PartialResponseStrategy
  /** Selectors in text; a rule must have the labels of one of them. */
  readonly matcherString: readonly string[]
  readonly ruleName: readonly string[]
  readonly ruleGroup: readonly string[]
  readonly file: readonly string[]
}

/** One of the two. */
export interface RulesResponse {
  readonly group: RuleGroup | undefined
  readonly warning: string | undefined
}

/** Also without rules: a group that has none is still told. */
export interface RuleGroup {
  readonly name: string
  readonly file: string
  readonly rules: readonly Rule[]
  /** Seconds. */
  readonly interval: number
  readonly evaluationDurationSeconds: number
  readonly lastEvaluation: Timestamp
  readonly limit: number
  readonly partialResponseStrategy: PartialResponseStrategy
}

/** One of the two. */
export interface Rule {
  readonly recording: RecordingRule | undefined
  readonly alert: Alert | undefined
}

export interface RecordingRule {
  readonly name: string
  readonly query: string
  readonly labels: Labels
  readonly health: string
  readonly lastError: string
  readonly evaluationDurationSeconds: number
  readonly lastEvaluation: Timestamp
}

export interface Alert {
  /** The highest of its instances'. */
  readonly state: AlertState
  readonly name: string
  readonly query: string
  readonly durationSeconds: number
  readonly labels: Labels
  readonly annotations: Labels
  readonly alerts: readonly AlertInstance[]
  readonly health: string
  readonly lastError: string
  readonly evaluationDurationSeconds: number
  readonly lastEvaluation: Timestamp
  readonly keepFiringForSeconds: number
}

export interface AlertInstance {
  readonly labels: Labels
  readonly annotations: Labels
  readonly state: AlertState
  readonly activeAt: Timestamp | undefined
  readonly value: string
  readonly partialResponseStrategy: PartialResponseStrategy
}

/** Absent means never. */
function time(number: number): proto.Field<Timestamp> {
  return {
    ...(proto.optional(number, timestamp) as proto.Field<Timestamp>),
    initial: () => NEVER,
    isAbsent: () => false,
  }
}

const recordingRule = proto.message<RecordingRule>('RecordingRule', {
  name: proto.string(1),
  query: proto.string(2),
  labels: labelSet(3),
  health: proto.string(4),
  lastError: proto.string(5),
  evaluationDurationSeconds: proto.double(6),
  lastEvaluation: time(7),
})

const alertInstance = proto.message<AlertInstance>('AlertInstance', {
  labels: labelSet(1),
  annotations: labelSet(2),
  state: proto.enumeration(3, ALERT_STATES),
  activeAt: proto.optional(4, timestamp),
  value: proto.string(5),
  partialResponseStrategy: proto.enumeration(6, STRATEGIES),
})

const alert = proto.message<Alert>('Alert', {
  state: proto.enumeration(1, ALERT_STATES),
  name: proto.string(2),
  query: proto.string(3),
  durationSeconds: proto.double(4),
  labels: labelSet(5),
  annotations: labelSet(6),
  alerts: proto.repeated(7, alertInstance),
  health: proto.string(8),
  lastError: proto.string(9),
  evaluationDurationSeconds: proto.double(10),
  lastEvaluation: time(11),
  keepFiringForSeconds: proto.double(12),
})

const rule = proto.message<Rule>('Rule', {
  recording: proto.optional(1, recordingRule),
  alert: proto.optional(2, alert),
})

const ruleGroup = proto.message<RuleGroup>('RuleGroup', {
  name: proto.string(1),
  file: proto.string(2),
  rules: proto.repeated(3, rule),
  interval: proto.double(4),
  evaluationDurationSeconds: proto.double(5),
  lastEvaluation: time(6),
  partialResponseStrategy: proto.enumeration(8, STRATEGIES),
  limit: proto.int(9),
})

export const rulesRequest = proto.message<RulesRequest>('RulesRequest', {
  type: proto.enumeration(1, RULE_TYPES),
  partialResponseStrategy: proto.enumeration(2, STRATEGIES),
  matcherString: proto.strings(3),
  ruleName: proto.strings(4),
  ruleGroup: proto.strings(5),
  file: proto.strings(6),
})

export const rulesResponse = proto.message<RulesResponse>('RulesResponse', {
  group: proto.optional(1, ruleGroup),
  warning: proto.oneofString(2),
})
