/** Rule groups of several sources as one list, as Thanos's querier makes it; but rules stay in the order they are evaluated. */
import {
  compareLabels,
  compareUtf8,
  labelsKey,
  labelValue,
  withoutLabels,
  type Labels,
} from '#lib/model/labels.ts'
import { comparePreciseTimes } from '#lib/model/precise-time.ts'
import type { Matcher } from '#lib/model/matcher.ts'
import { compileMatcher } from '#lib/regex/matcher.ts'
import { ALERT_STATES, type Rule, type RuleGroup, type RuleRequest } from './rules.ts'

export interface RuleMerge {
  readonly replicaLabels: ReadonlySet<string>
  /** Rules and alerts without these are not shown. */
  readonly enforced: readonly Matcher[]
}

/**
 * Only what the request asks for. Groups of the same file and name are one group; a rule that several have, apart from replica labels,
 * is that which fires, else that evaluated last. One that a group has twice is there twice, as in Prometheus. Groups ascending by file and name; those left empty by a filter are left out.
 */
export function mergeRules(
  answers: readonly (readonly RuleGroup[])[],
  request: RuleRequest,
  { replicaLabels, enforced }: RuleMerge,
): RuleGroup[] {
  const isWanted = ruleFilter(request, enforced)
  const isAllowed = labelFilter([enforced])
  const isGroupWanted = groupFilter(request)
  const merged = new Map<string, { group: RuleGroup; rules: Map<string, Rule> }>()
  for (const group of answers.flat()) {
    const rules = isGroupWanted(group) ? group.rules.filter(isWanted) : []
    if (rules.length === 0) continue
    const key = `${group.file};${group.name}`
    let same = merged.get(key)
    if (same === undefined) merged.set(key, (same = { group, rules: new Map() }))
    const repeated = new Map<string, number>()
    for (const rule of rules) {
      const times = repeated.get(ruleKey(rule)) ?? 0
      repeated.set(ruleKey(rule), times + 1)
      const one = withoutReplica(rule, replicaLabels, isAllowed)
      const ruleId = `${times} ${ruleKey(one)}`
      const other = same.rules.get(ruleId)
      same.rules.set(ruleId, other && compareUrgency(other, one) <= 0 ? other : one)
    }
  }
  return [...merged.values()]
    .map(({ group, rules }) => ({ ...group, rules: [...rules.values()] }))
    .sort(compareGroups)
}

export function compareGroups(a: RuleGroup, b: RuleGroup): number {
  return compareUtf8(a.file, b.file) || compareUtf8(a.name, b.name)
}

function groupFilter({ groupNames, files }: RuleRequest): (group: RuleGroup) => boolean {
  const isName = anyOf(groupNames)
  const isFile = anyOf(files)
  return ({ name, file }) => isName(name) && isFile(file)
}

function ruleFilter(
  { type, matcherSets, ruleNames }: RuleRequest,
  enforced: readonly Matcher[],
): (rule: Rule) => boolean {
  const isName = anyOf(ruleNames)
  const sets = matcherSets.length === 0 ? [[]] : matcherSets
  const isMatch = labelFilter(sets.map((matchers) => [...matchers, ...enforced]))
  return (rule) =>
    (type === 'all' || (type === 'alert') === (rule.type === 'alerting')) &&
    isName(rule.name) &&
    isMatch(rule)
}

function anyOf(values: readonly string[]): (value: string) => boolean {
  const wanted = new Set(values)
  return (value) => wanted.size === 0 || wanted.has(value)
}

function labelFilter(
  matcherSets: readonly (readonly Matcher[])[],
): (labelled: { readonly labels: Labels }) => boolean {
  const sets = matcherSets.map((matchers) => matchers.map(compileMatcher))
  return ({ labels }) =>
    sets.some((matchers) =>
      matchers.every(({ name, matches }) => matches(labelValue(labels, name))),
    )
}

function withoutReplica(
  rule: Rule,
  replicaLabels: ReadonlySet<string>,
  isAllowed: (labelled: { readonly labels: Labels }) => boolean,
): Rule {
  const labels = withoutLabels(rule.labels, replicaLabels)
  if (rule.type === 'recording') return { ...rule, labels }
  const alerts = rule.alerts
    .filter(isAllowed)
    .map((alert) => ({ ...alert, labels: withoutLabels(alert.labels, replicaLabels) }))
    .sort((a, b) => compareLabels(a.labels, b.labels))
  return { ...rule, labels, alerts }
}

/** The same for the same rule of two sources. */
function ruleKey(rule: Rule): string {
  const hold = rule.type === 'alerting' ? rule.holdSeconds : ''
  return JSON.stringify([rule.type, rule.name, labelsKey(rule.labels), rule.query, hold])
}

/** Negative where `a` is to be shown. */
function compareUrgency(a: Rule, b: Rule): number {
  const states =
    a.type === 'alerting' && b.type === 'alerting'
      ? ALERT_STATES.indexOf(b.state) - ALERT_STATES.indexOf(a.state)
      : 0
  return states || comparePreciseTimes(b.lastEvaluation, a.lastEvaluation)
}
