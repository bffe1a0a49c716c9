/** What a rule group remembers between evaluations: plain JSON, kept in the ruler's state object. */
import type { JsonNumber } from './json-number.ts'
import type { SeriesList } from './series-list.ts'

export interface GroupState {
  /** Of the rule at the same place in the group's configuration. */
  readonly rules: readonly RuleState[]
  /** What rules that went wrote last; the next evaluation marks it stale. */
  readonly stale: SeriesList
  /** Evaluations until `for` is restored from ALERTS_FOR_STATE, the second of which does it; 0: done. No ALERTS are written before. */
  readonly restoreIn: number
  /** The timestamp of the last evaluation; undefined before the first. */
  readonly evaluatedMs?: number
  /** The timestamp of its results: less the query offset of that time. */
  readonly storedMs?: number
  /** Wall clock at its beginning. */
  readonly lastEvaluationMs?: number
  /** How long it took, and the sum over rules. */
  readonly evaluationMs: number
  readonly ruleEvaluationMs: number
  /** How many samples its rules gave, without stale markers. */
  readonly samples: number
  readonly counters: GroupCounters
}

/** Since the group exists. */
export interface GroupCounters {
  readonly iterations: number
  readonly evaluations: number
  readonly failures: number
  /** Evaluations of rules whose answer may be incomplete, as it was allowed to be. */
  readonly withWarnings: number
}

export type RuleState = RecordingRuleState | AlertingRuleState

interface CommonRuleState {
  readonly health: 'unknown' | 'ok' | 'err'
  /** '' when there is none. */
  readonly lastError: string
  /** Wall clock; undefined before the first evaluation. */
  readonly lastEvaluationMs?: number
  readonly evaluationMs: number
  /** What the last evaluation that did not fail wrote. */
  readonly series: SeriesList
}

export interface RecordingRuleState extends CommonRuleState {
  readonly type: 'recording'
}

export interface AlertingRuleState extends CommonRuleState {
  readonly type: 'alerting'
  /** Pending, firing, and for 15 minutes inactive ones. Oldest first. */
  readonly alerts: readonly AlertState[]
}

/** Times are timestamps of evaluations. */
export interface AlertState {
  readonly state: 'pending' | 'firing' | 'inactive'
  /** With `alertname`, without `__name__`. */
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  /** 0 for histograms. */
  readonly value: JsonNumber
  readonly activeAtMs: number
  readonly firedAtMs?: number | undefined
  /** Set exactly when inactive. */
  readonly resolvedAtMs?: number | undefined
  readonly lastSentAtMs?: number | undefined
  /** What the last send said of its end. */
  readonly validUntilMs?: number | undefined
  readonly keepFiringSinceMs?: number | undefined
}
