/** One rule at one time: first its query and templates, which may run beside those of others; then, in its turn, what comes of it. */
import { DomainError } from '#lib/model/errors.ts'
import type { OutgoingAlert } from '#lib/alertmanager/outgoing-alert.ts'
import { printExpr } from '#lib/promql/parse/print.ts'
import type { AlertingRuleConfig, RuleConfig } from '../file/rule-file.ts'
import { alertSamples } from './alert-series.ts'
import { nextAlerts, type AlertCandidate } from './alerting-rule.ts'
import type { EvaluateDeps, ResultSample } from './contract.ts'
import { expandAlerts, expander } from './expand-alerts.ts'
import type { AlertingRuleState, AlertState, RuleState } from './group-state.ts'
import { recordSamples } from './recording-rule.ts'
import { parseRuleExpr } from './rule-inputs.ts'
import type { SampleOutlet } from './sample-outlet.ts'
import {
  DEFAULT_QUERY_TEMPLATE,
  generatorUrlOf,
  sendAlerts,
  type SendTimes,
} from './send-alerts.ts'
import { repackSeries, unpackSeries } from './series-list.ts'

/** What all rules of the group share. */
export interface RuleRun extends SendTimes {
  /** When samples are read, and the timestamp of results: the time less the query offset. */
  readonly storedMs: number
  readonly limit: number
  readonly partialResponse: 'warn' | 'abort'
  /** ALERTS and ALERTS_FOR_STATE are written. */
  readonly restored: boolean
  readonly deps: EvaluateDeps
  readonly outlet: SampleOutlet
}

/** What the query of a rule came to. */
export interface RuleFindings {
  readonly found:
    | { readonly type: 'samples'; readonly samples: readonly ResultSample[] }
    | { readonly type: 'candidates'; readonly candidates: readonly AlertCandidate[] }
    | { readonly type: 'error'; readonly error: string }
  readonly warnings: readonly string[]
  readonly beganMs: number
  readonly tookMs: number
}

/** Rejects with DomainError 'canceled' when the signal says so; whatever else is wrong is in the findings. */
export async function askRule(rule: RuleConfig, run: RuleRun): Promise<RuleFindings> {
  const { storedMs, timeMs, limit, partialResponse, deps } = run
  const { clockMs, signal } = deps
  const beganMs = clockMs()
  let warnings: readonly string[] = []
  const found = await (async (): Promise<RuleFindings['found']> => {
    try {
      const expr = printExpr(parseRuleExpr(rule.expr))
      const answer = await deps.query(expr, storedMs, { partialResponse, signal })
      warnings = answer.warnings
      if (partialResponse === 'abort' && warnings.length > 0) {
        throw new DomainError('unavailable', warnings.join('; '))
      }
      if (rule.type === 'recording') {
        const samples = recordSamples(rule, answer.samples, limit, storedMs)
        return { type: 'samples', samples }
      }
      const expand = expander(rule, timeMs, partialResponse, deps)
      const candidates = await expandAlerts(rule, answer.samples, deps, expand)
      return { type: 'candidates', candidates }
    } catch (error) {
      if (signal?.aborted) throw new DomainError('canceled', 'canceled', { cause: error })
      return { type: 'error', error: errorText(error) }
    }
  })()
  return { found, warnings, beganMs, tookMs: clockMs() - beganMs }
}

/** A bug in one expression must not hold up other rules: as in Prometheus it is an error of its rule. */
function errorText(error: unknown): string {
  if (error instanceof DomainError) return error.message
  return `unexpected error: ${error instanceof Error ? error.message : String(error)}`
}

export interface RuleOutcome {
  readonly state: RuleState
  readonly outgoing: readonly OutgoingAlert[]
  /** How many it gave. */
  readonly samples: number
  readonly failed: boolean
  readonly warnings: readonly string[]
}

/** The rule's next state; its samples are written, unless it failed: then what it wrote last is left as it is, and not marked stale. */
export function applyRule(
  rule: RuleConfig,
  before: RuleState,
  { found, warnings, beganMs, tookMs }: RuleFindings,
  run: RuleRun,
): RuleOutcome {
  const began = run.deps.clockMs()
  const timed = (): Pick<RuleState, 'lastEvaluationMs' | 'evaluationMs'> => ({
    lastEvaluationMs: beganMs,
    evaluationMs: tookMs + run.deps.clockMs() - began,
  })
  const failed = (error: string, state: RuleState): RuleOutcome => ({
    state: { ...state, ...timed(), health: 'err', lastError: error },
    outgoing: [],
    samples: 0,
    failed: true,
    warnings: [],
  })
  if (found.type === 'error') return failed(found.error, before)
  let samples: readonly ResultSample[]
  let outgoing: readonly OutgoingAlert[] = []
  let state = before
  if (found.type === 'samples') samples = found.samples
  else if (rule.type === 'alerting' && before.type === 'alerting') {
    const alerts = nextAlerts(rule, before.alerts, found.candidates, run.timeMs)
    const active = alerts.filter((alert) => alert.state !== 'inactive')
    if (run.limit > 0 && active.length > run.limit) {
      const error = `exceeded limit of ${run.limit} with ${active.length} alerts`
      return failed(error, { ...before, alerts: [] })
    }
    samples = run.restored ? active.flatMap((one) => alertSamples(rule, one, run.storedMs)) : []
    const sent = send(rule, alerts, run)
    outgoing = sent.outgoing
    state = { ...before, alerts: sent.alerts } satisfies AlertingRuleState
  } else throw new Error('bug: the state of a rule is of another type than the rule')
  const output = run.outlet.put(samples, unpackSeries(before.series))
  return {
    state: {
      ...state,
      ...timed(),
      health: output.error === '' ? 'ok' : 'err',
      lastError: output.error,
      series: repackSeries(before.series, output.series),
    },
    outgoing,
    samples: samples.length,
    failed: false,
    warnings,
  }
}

function send(
  rule: AlertingRuleConfig,
  alerts: readonly AlertState[],
  run: RuleRun,
): ReturnType<typeof sendAlerts> {
  const { externalUrl, alertQueryTemplate = DEFAULT_QUERY_TEMPLATE } = run.deps
  const expr = printExpr(parseRuleExpr(rule.expr))
  return sendAlerts(alerts, generatorUrlOf(externalUrl, alertQueryTemplate, expr), run)
}
