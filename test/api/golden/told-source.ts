/** A source that tells the rules and targets of a recorded answer. */
import { labelsFrom } from '#lib/model/labels.ts'
import type { PreciseTime } from '#lib/model/precise-time.ts'
import type { Alert, AlertState, Rule, RuleGroup } from '#lib/storage/rules.ts'
import type { Source } from '#lib/storage/source.ts'
import type { TargetHealth, Targets } from '#lib/storage/targets.ts'
import type { Golden } from './requests.ts'

export function toldSource({ answers }: Golden): Source {
  const dataOf = (path: string): unknown => {
    const found = answers.find(({ request }) => request.path === `/api/v1/${path}`)
    return (JSON.parse(found!.answer) as { data: unknown }).data
  }
  const groups = (dataOf('rules') as { groups: JsonGroup[] }).groups.map(ruleGroup)
  const targets = targetsOf(dataOf('targets') as JsonTargets)
  return {
    name: 'Prometheus',
    rules: async () => ({ value: groups, warnings: [] }),
    targets: async () => ({ value: targets, warnings: [] }),
  }
}

type JsonLabels = Readonly<Record<string, string>>

interface JsonGroup {
  readonly name: string
  readonly file: string
  readonly rules: readonly JsonRule[]
  readonly interval: number
  readonly limit: number
  readonly evaluationTime: number
  readonly lastEvaluation: string
}

interface JsonRule {
  readonly type: 'alerting' | 'recording'
  readonly name: string
  readonly query: string
  readonly labels: JsonLabels
  readonly health: string
  readonly lastError?: string
  readonly evaluationTime: number
  readonly lastEvaluation: string
  readonly state: AlertState
  readonly duration: number
  readonly keepFiringFor: number
  readonly annotations: JsonLabels
  readonly alerts: readonly JsonAlert[]
}

interface JsonAlert {
  readonly labels: JsonLabels
  readonly annotations: JsonLabels
  readonly state: AlertState
  readonly activeAt: string
  readonly keepFiringSince?: string
  readonly value: string
}

interface JsonTargets {
  readonly activeTargets: readonly {
    readonly discoveredLabels: JsonLabels
    readonly labels: JsonLabels
    readonly scrapePool: string
    readonly scrapeUrl: string
    readonly globalUrl: string
    readonly lastError: string
    readonly lastScrape: string
    readonly lastScrapeDuration: number
    readonly health: TargetHealth
    readonly scrapeInterval: string
    readonly scrapeTimeout: string
  }[]
  readonly droppedTargets: readonly {
    readonly discoveredLabels: JsonLabels
    readonly scrapePool: string
  }[]
  readonly droppedTargetCounts: Readonly<Record<string, number>>
}

/** Of Go's RFC 3339 in UTC. */
function time(text: string): PreciseTime {
  const [, whole, fraction = ''] = /^(.+?)(?:\.(\d+))?Z$/.exec(text)!
  return { seconds: Date.parse(`${whole}Z`) / 1000, nanos: Number(fraction.padEnd(9, '0')) }
}

function ruleGroup({ interval, evaluationTime, ...group }: JsonGroup): RuleGroup {
  return {
    ...group,
    rules: group.rules.map(rule),
    intervalSeconds: interval,
    evaluationSeconds: evaluationTime,
    lastEvaluation: time(group.lastEvaluation),
  }
}

function rule(json: JsonRule): Rule {
  const { name, query, health, lastError = '', type } = json
  const any = {
    name,
    query,
    health,
    lastError,
    labels: labelsFrom(json.labels),
    evaluationSeconds: json.evaluationTime,
    lastEvaluation: time(json.lastEvaluation),
  }
  if (type === 'recording') return { ...any, type }
  return {
    ...any,
    type,
    state: json.state,
    holdSeconds: json.duration,
    keepFiringSeconds: json.keepFiringFor,
    annotations: labelsFrom(json.annotations),
    alerts: json.alerts.map(alert),
  }
}

function alert({ labels, annotations, state, activeAt, keepFiringSince, value }: JsonAlert): Alert {
  return {
    labels: labelsFrom(labels),
    annotations: labelsFrom(annotations),
    state,
    activeAt: time(activeAt),
    keepFiringSince: keepFiringSince === undefined ? undefined : time(keepFiringSince),
    value,
  }
}

function targetsOf({ activeTargets, droppedTargets, droppedTargetCounts }: JsonTargets): Targets {
  return {
    active: activeTargets.map(({ lastScrapeDuration, ...target }) => ({
      ...target,
      discoveredLabels: labelsFrom(target.discoveredLabels),
      labels: labelsFrom(target.labels),
      lastScrape: time(target.lastScrape),
      lastScrapeSeconds: lastScrapeDuration,
    })),
    dropped: droppedTargets.map(({ discoveredLabels, scrapePool }) => ({
      discoveredLabels: labelsFrom(discoveredLabels),
      scrapePool,
    })),
    droppedCounts: new Map(Object.entries(droppedTargetCounts)),
  }
}
