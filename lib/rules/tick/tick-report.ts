/** What a tick did, in numbers and in a sentence. */
import type { RuleGroupEntry, RulerState } from './ruler-state.ts'
import type { PlansRun } from './run-plans.ts'

export interface TickReport {
  readonly outcome:
    | 'done'
    /** Another one is at it. */
    | 'busy'
    /** Another one has taken over in the meantime; what was computed counts for nothing. */
    | 'lost'
  readonly groups: number
  readonly evaluations: number
  /** In those evaluations. */
  readonly rules: number
  readonly failedRules: number
  readonly samples: number
  readonly alertsSent: number
  /** That nobody took; they are sent with the next tick. */
  readonly alertsWaiting: number
  /** Evaluations that are left for the next tick. */
  readonly left: number
  /** Slots that were too old. */
  readonly missed: number
  readonly ms: number
  /** What went wrong, for people. */
  readonly problems: readonly string[]
}

export const NO_TICK: Omit<TickReport, 'outcome' | 'ms'> = {
  groups: 0,
  evaluations: 0,
  rules: 0,
  failedRules: 0,
  samples: 0,
  alertsSent: 0,
  alertsWaiting: 0,
  left: 0,
  missed: 0,
  problems: [],
}

export interface Done {
  readonly before: RulerState
  readonly after: RulerState
  readonly alertsSent: number
  readonly ms: number
  readonly problems: readonly string[]
}

export function doneReport(run: PlansRun, done: Done): TickReport {
  const { before, after, ...rest } = done
  const added = (count: (group: RuleGroupEntry) => number): number =>
    Math.max(0, sumOf(after, count) - sumOf(before, count))
  return {
    outcome: 'done',
    groups: after.groups.length,
    evaluations: run.evaluations,
    rules: run.rules,
    failedRules: added(({ state }) => state.counters.failures),
    samples: run.samples.length,
    alertsWaiting: after.outbox.alerts.length,
    left: run.left,
    missed: added(({ missed }) => missed),
    ...rest,
  }
}

function sumOf({ groups }: RulerState, count: (group: RuleGroupEntry) => number): number {
  return groups.reduce((sum, group) => sum + count(group), 0)
}

/** One line. */
export function tickText(report: TickReport): string {
  if (report.outcome === 'busy') return `another ruler is at it: ${report.problems.join(', ')}`
  const { groups, evaluations, rules, failedRules, samples, alertsSent, ms } = report
  const { alertsWaiting, left, missed } = report
  const parts = [
    `${count(evaluations, 'evaluation')} of ${count(groups, 'group')}`,
    `${count(rules, 'rule')}${failedRules > 0 ? ` (${failedRules} failed)` : ''}`,
    count(samples, 'sample'),
    `${count(alertsSent, 'alert')} sent`,
    ...(alertsWaiting > 0 ? [`${alertsWaiting} wait for an Alertmanager`] : []),
    ...(left > 0 ? [`${count(left, 'evaluation')} left for the next tick`] : []),
    ...(missed > 0 ? [`${count(missed, 'slot')} missed`] : []),
    `${Math.round(ms)} ms`,
  ]
  const text = parts.join(', ')
  return report.outcome === 'lost' ? `lost to another ruler, nothing of it counts: ${text}` : text
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
