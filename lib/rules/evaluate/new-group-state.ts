/** What a rule group begins with, and what it keeps when its configuration changes or it goes. */
import { labelsKey, quoteGo, type Labels } from '#lib/model/labels.ts'
import type { RuleConfig, RuleGroupConfig } from '../file/rule-file.ts'
import type { GroupState, RuleState } from './group-state.ts'
import { NO_SERIES, packSeries, unpackSeries } from './series-list.ts'
import type { ResultSample } from './contract.ts'

/**
 * The state of a new group; with `previous`, of the same group (file and name) under another configuration. Rules keep their series and alerts
 * where name and labels are the same, the first with the first, the second with the second; the series of others are marked stale by the next
 * evaluation, unless a rule has them by then.
 */
export function newGroupState(
  config: RuleGroupConfig,
  previous?: { readonly config: RuleGroupConfig; readonly state: GroupState },
): GroupState {
  if (!previous) return { ...NEW_GROUP, rules: config.rules.map(newRule) }
  const places = new Map<string, number[]>()
  for (const [place, rule] of previous.config.rules.entries()) {
    const identity = identityOf(rule)
    places.set(identity, [...(places.get(identity) ?? []), place])
  }
  const rules = config.rules.map((rule): RuleState => {
    const place = places.get(identityOf(rule))?.shift()
    const fresh = newRule(rule)
    if (place === undefined) return fresh
    const before = previous.state.rules[place]!
    const { series } = before
    if (fresh.type === 'alerting' && before.type === 'alerting') {
      return { ...fresh, series, alerts: before.alerts }
    }
    return { ...fresh, series }
  })
  const gone = [...places.values()].flat().map((place) => previous.state.rules[place]!.series)
  const stale = [previous.state.stale, ...gone].flatMap(unpackSeries)
  return { ...previous.state, rules, stale: packSeries(stale) }
}

/**
 * Stale markers of a group that is gone: of what it wrote last, as far as no other group has written it since. Prometheus waits for two
 * intervals before it does this, so that a group with another name can take the series over.
 */
export function staleSamplesOf(
  gone: GroupState,
  others: Iterable<GroupState>,
  timeMs: number,
): ResultSample[] {
  const series = seriesOf(gone)
  if (series.size === 0) return []
  for (const other of others) for (const key of seriesOf(other).keys()) series.delete(key)
  return [...series.values()].map((labels) => staleSample(labels, timeMs))
}

export function staleSample(labels: Labels, timeMs: number): ResultSample {
  return { labels, timeMs, value: Number.NaN, stale: true }
}

function seriesOf({ rules, stale }: GroupState): Map<string, Labels> {
  const lists = [stale, ...rules.map((rule) => rule.series)]
  return new Map(lists.flatMap(unpackSeries).map((labels) => [labelsKey(labels), labels]))
}

/** Of a rule, among those of its group: name and labels. */
function identityOf(rule: RuleConfig): string {
  const name = rule.type === 'recording' ? rule.record : rule.alert
  const labels = Object.entries(rule.labels).map(([label, value]) => `${label}=${quoteGo(value)}`)
  return [name, ...labels.sort()].join(',')
}

const NEW_GROUP: GroupState = {
  rules: [],
  stale: NO_SERIES,
  restoreIn: 2,
  evaluationMs: 0,
  ruleEvaluationMs: 0,
  samples: 0,
  counters: { iterations: 0, evaluations: 0, failures: 0, withWarnings: 0 },
}

function newRule(rule: RuleConfig): RuleState {
  const begin = { health: 'unknown', lastError: '', evaluationMs: 0, series: NO_SERIES } as const
  if (rule.type === 'recording') return { type: 'recording', ...begin }
  return { type: 'alerting', ...begin, alerts: [] }
}
