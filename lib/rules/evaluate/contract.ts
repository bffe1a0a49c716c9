/** What an evaluation of a rule group takes and gives. */
import type { FloatHistogram } from '#lib/model/histogram.ts'
import type { Labels } from '#lib/model/labels.ts'
import type { OutgoingAlert } from '#lib/alertmanager/outgoing-alert.ts'
import type { GroupState } from './group-state.ts'

/** One element of the answer to an instant query. */
export interface VectorSample {
  readonly labels: Labels
  /** 0 where there is a histogram. */
  readonly value: number
  readonly histogram?: FloatHistogram | undefined
}

export interface RuleAnswer {
  /** In the engine's order. A scalar is one sample without labels. */
  readonly samples: readonly VectorSample[]
  /** Why the answer may be incomplete; what the engine has to say about the expression does not belong here. */
  readonly warnings: readonly string[]
}

/**
 * An instant query that sees everything written so far. Rejects with DomainError: 'execution' for what has no answer, 'invalid' for strings
 * and range vectors, and so on; with 'abort' also for an answer that would be incomplete; 'canceled' when the signal says so.
 */
export type RuleQuery = (
  expr: string,
  timeMs: number,
  options: {
    readonly partialResponse: 'warn' | 'abort'
    readonly signal?: AbortSignal | undefined
  },
) => Promise<RuleAnswer>

/** The last sample of a series in a time range. */
export interface LastSample {
  readonly labels: Labels
  readonly timeMs: number
  readonly value: number
  /** It is a stale marker. */
  readonly stale: boolean
}

/**
 * Of each series that has all of these labels (`__name__` included), the last sample with fromMs ≤ t ≤ toMs, stale markers included, histograms
 * not: how alerts are restored from ALERTS_FOR_STATE. `lastSamples` makes one of a storage.
 */
export type RestoreRead = (
  labels: Labels,
  fromMs: number,
  toMs: number,
  signal?: AbortSignal,
) => Promise<readonly LastSample[]>

/** A sample to be stored. */
export interface ResultSample {
  /** With `__name__`. */
  readonly labels: Labels
  readonly timeMs: number
  /** 0 where there is a histogram; NaN where stale. */
  readonly value: number
  readonly histogram?: FloatHistogram | undefined
  /** The series ends: a stale marker is to be stored. NaN without this is a NaN. */
  readonly stale?: true
}

export interface EvaluateDeps {
  readonly query: RuleQuery
  /** Called at most once per rule, in the order of rules, and at last for rules that went; queries see the samples from then on. */
  readonly write: (samples: readonly ResultSample[]) => void
  /** For groups that have none of their own. */
  readonly intervalMs: number
  /** For groups that have none of their own. */
  readonly queryOffsetMs: number
  readonly externalLabels: Readonly<Record<string, string>>
  /** Where people look at queries: `$externalURL` and the beginning of generator URLs. */
  readonly externalUrl: string
  /** Thanos's --alert.query-template: what follows the external URL; default `/graph?g0.expr={{.Expr}}&g0.tab=1`. */
  readonly alertQueryTemplate?: string | undefined
  /** How long until a firing alert is sent again: Prometheus's default is a minute. */
  readonly resendDelayMs: number
  /** Restored alerts wait at least this long; rules with a shorter `for` are not restored. Prometheus's default: 10 minutes. */
  readonly forGracePeriodMs: number
  /** How far back ALERTS_FOR_STATE is read. Prometheus's default: an hour. */
  readonly forOutageToleranceMs: number
  /** Absent: alerts of new groups begin anew. */
  readonly restore?: RestoreRead | undefined
  /** Labels that stored series have of whoever stored them, besides `externalLabels`. */
  readonly restoreIgnoredLabels?: readonly string[] | undefined
  /** How many queries of one group run at the same time; the outcome is the same. */
  readonly concurrency?: number | undefined
  /** Wall clock in ms, with fractions if it has them. */
  readonly clockMs: () => number
  /** Aborted: the evaluation rejects with 'canceled', and has not been. */
  readonly signal?: AbortSignal | undefined
}

export interface GroupEvaluation {
  readonly state: GroupState
  /** All that was written, in order. */
  readonly samples: readonly ResultSample[]
  readonly alerts: readonly OutgoingAlert[]
  /** What rules said of incomplete answers (only groups with partial response `warn`). */
  readonly warnings: readonly string[]
}
