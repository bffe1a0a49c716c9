/** Rules and alerts of those who evaluate them. */
import type { Labels } from '#lib/model/labels.ts'
import type { Matcher } from '#lib/model/matcher.ts'
import type { PreciseTime } from '#lib/model/precise-time.ts'

export interface RuleRequest {
  readonly type: 'all' | 'alert' | 'record'
  /** Of the labels of rules; any set will do, all where there is none. */
  readonly matcherSets: readonly (readonly Matcher[])[]
  /** Any of them; all where there is none. */
  readonly ruleNames: readonly string[]
  readonly groupNames: readonly string[]
  readonly files: readonly string[]
}

export interface RuleGroup {
  readonly name: string
  readonly file: string
  /** In the order they are evaluated. */
  readonly rules: readonly Rule[]
  readonly intervalSeconds: number
  readonly limit: number
  /** Whether its rules go on with half an answer; undefined where a source does not tell. */
  readonly partialResponse?: 'warn' | 'abort' | undefined
  readonly evaluationSeconds: number
  /** ZERO_TIME before the first. */
  readonly lastEvaluation: PreciseTime
}

export type Rule = AlertingRule | RecordingRule

interface AnyRule {
  readonly name: string
  /** As Prometheus prints the expression. */
  readonly query: string
  /** External labels included, where a source adds them. */
  readonly labels: Labels
  /** ok, err, unknown. */
  readonly health: string
  /** '' for none. */
  readonly lastError: string
  readonly evaluationSeconds: number
  readonly lastEvaluation: PreciseTime
}

export interface RecordingRule extends AnyRule {
  readonly type: 'recording'
}

export interface AlertingRule extends AnyRule {
  readonly type: 'alerting'
  readonly state: AlertState
  /** How long it must hold before it fires. */
  readonly holdSeconds: number
  readonly keepFiringSeconds: number
  readonly annotations: Labels
  readonly alerts: readonly Alert[]
}

/** From what asks for least attention to what asks for most. */
export const ALERT_STATES = ['unknown', 'inactive', 'pending', 'firing'] as const
export type AlertState = (typeof ALERT_STATES)[number]

export interface Alert {
  readonly labels: Labels
  readonly annotations: Labels
  readonly state: AlertState
  readonly activeAt?: PreciseTime | undefined
  readonly keepFiringSince?: PreciseTime | undefined
  /** A number as Prometheus writes it here: `1e+00`. */
  readonly value: string
}
