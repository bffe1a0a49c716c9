/** Exemplars, rules and targets of Thanos's messages ↔ those of the storage interface. */
import type { ExemplarData } from '#lib/grpc/exemplars-messages.ts'
import type * as wireRules from '#lib/grpc/rules-messages.ts'
import type { TargetDiscovery } from '#lib/grpc/targets-messages.ts'
import { compareUtf8, labelValue, quoteGo, type Labels } from '#lib/model/labels.ts'
import type { Matcher } from '#lib/model/matcher.ts'
import { ZERO_TIME } from '#lib/model/precise-time.ts'
import { compileMatcher } from '#lib/regex/matcher.ts'
import type { ExemplarSeries } from '#lib/storage/exemplars.ts'
import type { AlertState, Rule, RuleGroup } from '#lib/storage/rules.ts'
import type { TargetHealth, Targets } from '#lib/storage/targets.ts'
import { labelsFromWire } from './endpoint.ts'

/**
 * An expression with the selectors that may find something. Prometheus does not know its external labels where it is asked for
 * exemplars, so matchers of these are settled here. Undefined where nothing can match.
 */
export function exemplarSelectors(
  matcherSets: readonly (readonly Matcher[])[],
  labelSets: readonly Labels[],
): string | undefined {
  const texts = new Set<string>()
  for (const matchers of matcherSets) {
    for (const labels of labelSets.length > 0 ? labelSets : [[]]) {
      const own = matchers.filter(({ name }) => labelValue(labels, name) === '')
      const settled = matchers.filter(({ name }) => labelValue(labels, name) !== '')
      const fits = settled
        .map(compileMatcher)
        .every(({ name, matches }) => matches(labelValue(labels, name)))
      if (fits) texts.add(selectorText(own))
    }
  }
  return texts.size > 0 ? [...texts].join(' or ') : undefined
}

/** A selector must not match everything, so one that is left without matchers says that there is a name. */
function selectorText(matchers: readonly Matcher[]): string {
  const mayBeEmpty = matchers.map(compileMatcher).every(({ matches }) => matches(''))
  const all: readonly Matcher[] = mayBeEmpty
    ? [...matchers, { type: '!=', name: '__name__', value: '' }]
    : matchers
  const texts = all.map(({ type, name, value }) => {
    const isPlain = /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name)
    return `${isPlain ? name : quoteGo(name)}${type}${quoteGo(value)}`
  })
  return `{${texts.join(',')}}`
}

/** Only series that match, since an endpoint may have been asked for more. */
export function exemplarsOf(
  data: readonly ExemplarData[],
  matcherSets: readonly (readonly Matcher[])[],
): ExemplarSeries[] {
  const sets = matcherSets.map((matchers) => matchers.map(compileMatcher))
  return data
    .map(({ seriesLabels, exemplars }) => ({
      labels: labelsFromWire(seriesLabels),
      exemplars: exemplars.map(({ labels, value, ts }) => ({
        labels: labelsFromWire(labels),
        timestampMs: ts,
        value,
      })),
    }))
    .filter(({ labels }) =>
      sets.some((set) => set.every(({ name, matches }) => matches(labelValue(labels, name)))),
    )
}

export function groupOf(group: wireRules.RuleGroup): RuleGroup {
  const { name, file, interval, limit, evaluationDurationSeconds, lastEvaluation } = group
  return {
    name,
    file,
    rules: group.rules.flatMap(ruleOf),
    intervalSeconds: interval,
    limit,
    evaluationSeconds: evaluationDurationSeconds,
    lastEvaluation,
  }
}

function ruleOf({ recording, alert }: wireRules.Rule): Rule[] {
  const rule = recording ?? alert
  if (!rule) return []
  const any = {
    name: rule.name,
    query: rule.query,
    labels: labelsFromWire(rule.labels),
    health: rule.health,
    lastError: rule.lastError,
    evaluationSeconds: rule.evaluationDurationSeconds,
    lastEvaluation: rule.lastEvaluation,
  }
  if (!alert) return [{ type: 'recording', ...any }]
  return [
    {
      type: 'alerting',
      ...any,
      state: stateOf(alert.state),
      holdSeconds: alert.durationSeconds,
      keepFiringSeconds: alert.keepFiringForSeconds,
      annotations: annotationsOf(alert.annotations),
      alerts: alert.alerts.map(({ labels, annotations, state, activeAt, value }) => ({
        labels: labelsFromWire(labels),
        annotations: annotationsOf(annotations),
        state: stateOf(state),
        activeAt,
        value,
      })),
    },
  ]
}

/** They may be empty, which labels may not. */
function annotationsOf(flat: Labels): Labels {
  const pairs: [string, string][] = []
  for (let i = 0; i < flat.length; i += 2) pairs.push([flat[i]!, flat[i + 1]!])
  return pairs.sort(([a], [b]) => compareUtf8(a, b)).flat()
}

function stateOf(state: wireRules.AlertState): AlertState {
  return state.toLowerCase() as Lowercase<wireRules.AlertState>
}

/** Pools of dropped targets are not told, so there are no counts by pool. */
export function targetsOf(discoveries: readonly TargetDiscovery[]): Targets {
  return {
    active: discoveries
      .flatMap(({ activeTargets }) => activeTargets)
      .map((target) => ({
        discoveredLabels: labelsFromWire(target.discoveredLabels),
        labels: labelsFromWire(target.labels),
        scrapePool: target.scrapePool,
        scrapeUrl: target.scrapeUrl,
        globalUrl: target.globalUrl,
        lastError: target.lastError,
        lastScrape: target.lastScrape ?? ZERO_TIME,
        lastScrapeSeconds: target.lastScrapeDuration,
        health: target.health.toLowerCase() as TargetHealth,
        scrapeInterval: '',
        scrapeTimeout: '',
      })),
    dropped: discoveries
      .flatMap(({ droppedTargets }) => droppedTargets)
      .map(({ discoveredLabels }) => ({
        discoveredLabels: labelsFromWire(discoveredLabels),
        scrapePool: '',
      })),
    droppedCounts: new Map(),
  }
}
