/** Rule groups as a file of Prometheus describes them: plain JSON, which is also how the ruler's state keeps them. */

export interface RuleFile {
  readonly groups: readonly RuleGroupConfig[]
}

export interface RuleGroupConfig {
  readonly name: string
  /** Undefined: the ruler's evaluation interval. */
  readonly intervalMs?: number
  /** How far behind the clock it is evaluated; undefined: the ruler's own offset. */
  readonly queryOffsetMs?: number
  /** Most series or alerts one rule may give; 0: any number. */
  readonly limit: number
  readonly labels: Readonly<Record<string, string>>
  /** Thanos's: whether a rule goes on with half an answer. */
  readonly partialResponse: 'warn' | 'abort'
  /** In the order they are evaluated. */
  readonly rules: readonly RuleConfig[]
}

/** `labels`: with the group's as defaults. */
export type RuleConfig = RecordingRuleConfig | AlertingRuleConfig

export interface RecordingRuleConfig {
  readonly type: 'recording'
  readonly record: string
  readonly expr: string
  readonly labels: Readonly<Record<string, string>>
}

export interface AlertingRuleConfig {
  readonly type: 'alerting'
  readonly alert: string
  readonly expr: string
  readonly forMs: number
  readonly keepFiringForMs: number
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}
