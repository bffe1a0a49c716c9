/** Evaluates a rule group at one timestamp, as Prometheus does: the rules in order, each seeing what those before it wrote. */
import pLimit from 'p-limit'
import { assert } from '#lib/model/errors.ts'
import type { OutgoingAlert } from '#lib/alertmanager/outgoing-alert.ts'
import type { RuleGroupConfig } from '../file/rule-file.ts'
import type { EvaluateDeps, GroupEvaluation } from './contract.ts'
import { applyRule, askRule, type RuleOutcome, type RuleRun } from './evaluate-rule.ts'
import type { GroupState, RuleState } from './group-state.ts'
import { restoreAlerts } from './restore-alerts.ts'
import { inputsOfRules } from './rule-inputs.ts'
import { SampleOutlet } from './sample-outlet.ts'
import { NO_SERIES, unpackSeries } from './series-list.ts'

/** Queries of one group at the same time. */
const DEFAULT_CONCURRENCY = 8

/**
 * `state` is of `config` and stays as it is. What is wrong with a rule is in its state. Rejects with DomainError 'canceled' when the signal says
 * so; some of the samples may have been written then.
 */
export async function evaluateGroup(
  config: RuleGroupConfig,
  timeMs: number,
  state: GroupState,
  deps: EvaluateDeps,
): Promise<GroupEvaluation> {
  assert(state.rules.length === config.rules.length, 'the state is of another configuration')
  const lastEvaluationMs = deps.clockMs()
  const storedMs = timeMs - (config.queryOffsetMs ?? deps.queryOffsetMs)
  const outlet = new SampleOutlet(storedMs, state.storedMs, deps.write)
  const restoreIn = deps.restore ? state.restoreIn : 0
  const outcomes = await evaluateRules(config, state, {
    timeMs,
    storedMs,
    intervalMs: config.intervalMs ?? deps.intervalMs,
    resendDelayMs: deps.resendDelayMs,
    limit: config.limit,
    partialResponse: config.partialResponse,
    restored: restoreIn === 0,
    deps,
    outlet,
  })
  outlet.end(unpackSeries(state.stale))
  let rules: readonly RuleState[] = outcomes.map((outcome) => outcome.state)
  if (restoreIn === 1) rules = await restored(config, rules, timeMs, deps)
  const { iterations, evaluations, failures, withWarnings } = state.counters
  return {
    state: {
      rules,
      stale: outlet.late ? state.stale : NO_SERIES,
      restoreIn: Math.max(0, restoreIn - 1),
      evaluatedMs: timeMs,
      storedMs: Math.max(storedMs, state.storedMs ?? storedMs),
      lastEvaluationMs,
      evaluationMs: deps.clockMs() - lastEvaluationMs,
      ruleEvaluationMs: rules.reduce((sum, rule) => sum + rule.evaluationMs, 0),
      samples: outcomes.reduce((sum, outcome) => sum + outcome.samples, 0),
      counters: {
        iterations: iterations + 1,
        evaluations: evaluations + outcomes.length,
        failures: failures + outcomes.filter(({ failed }) => failed).length,
        withWarnings: withWarnings + outcomes.filter(({ warnings }) => warnings.length > 0).length,
      },
    },
    samples: outlet.written,
    alerts: outcomes.flatMap(({ outgoing }): readonly OutgoingAlert[] => outgoing),
    warnings: [...new Set(outcomes.flatMap(({ warnings }) => warnings))],
  }
}

/** A query begins when all rules are done that it may read from; outcomes are written in the order of rules, so that it is as if one came after the other. */
async function evaluateRules(
  { rules }: RuleGroupConfig,
  state: GroupState,
  run: RuleRun,
): Promise<RuleOutcome[]> {
  const limit = pLimit(run.deps.concurrency ?? DEFAULT_CONCURRENCY)
  const inputs = inputsOfRules(rules)
  const done: Promise<RuleOutcome>[] = []
  for (const [place, rule] of rules.entries()) {
    const asked = Promise.all(inputs[place]!.map((input) => done[input]!)).then(() =>
      limit(() => askRule(rule, run)),
    )
    const turn = Promise.all([asked, done.at(-1)])
    done.push(turn.then(([findings]) => applyRule(rule, state.rules[place]!, findings, run)))
  }
  // All of them, so that nothing is written any more when this rejects.
  await Promise.allSettled(done)
  return Promise.all(done)
}

/** As `for` was before this group was new. Prometheus waits for two evaluations, so that what alerts depend on is there. */
function restored(
  { rules }: RuleGroupConfig,
  states: readonly RuleState[],
  timeMs: number,
  deps: EvaluateDeps,
): Promise<RuleState[]> {
  return Promise.all(
    states.map(async (state, place): Promise<RuleState> => {
      const rule = rules[place]!
      if (rule.type !== 'alerting' || state.type !== 'alerting') return state
      return { ...state, alerts: await restoreAlerts(rule, state.alerts, timeMs, deps) }
    }),
  )
}
