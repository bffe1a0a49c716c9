/** Targets of those who scrape, and one list of several. */
import {
  compareLabels,
  compareUtf8,
  labelsKey,
  labelValue,
  withoutLabels,
  type Labels,
} from '#lib/model/labels.ts'
import type { Matcher } from '#lib/model/matcher.ts'
import { comparePreciseTimes, type PreciseTime } from '#lib/model/precise-time.ts'
import { compileMatcher } from '#lib/regex/matcher.ts'

export interface TargetRequest {
  readonly active: boolean
  readonly dropped: boolean
  /** One pool; all where undefined. */
  readonly scrapePool?: string | undefined
}

export interface Targets {
  readonly active: readonly ActiveTarget[]
  readonly dropped: readonly DroppedTarget[]
  /** By pool, those that are not listed included. */
  readonly droppedCounts: ReadonlyMap<string, number>
}

export interface ActiveTarget {
  readonly discoveredLabels: Labels
  /** External labels included, where a source adds them. */
  readonly labels: Labels
  readonly scrapePool: string
  readonly scrapeUrl: string
  readonly globalUrl: string
  /** '' for none. */
  readonly lastError: string
  /** ZERO_TIME before the first. */
  readonly lastScrape: PreciseTime
  readonly lastScrapeSeconds: number
  readonly health: TargetHealth
  /** Prometheus durations; '' where the source does not say. */
  readonly scrapeInterval: string
  readonly scrapeTimeout: string
}

/** From what is shown to what is not, where sources see the same target differently. */
export const TARGET_HEALTHS = ['down', 'up', 'unknown'] as const
export type TargetHealth = (typeof TARGET_HEALTHS)[number]

export interface DroppedTarget {
  readonly discoveredLabels: Labels
  /** '' where the source does not say. */
  readonly scrapePool: string
}

export interface TargetMerge {
  readonly replicaLabels: ReadonlySet<string>
  /** Targets without these are not shown; counts neither, as they have no labels. */
  readonly enforced: readonly Matcher[]
}

/**
 * Only what the request asks for. A target that several have, apart from replica labels, is shown once: as Thanos does, as who sees it
 * down does, else who scraped it last. Ascending by pool, URL and labels.
 */
export function mergeTargets(
  answers: readonly Targets[],
  request: TargetRequest,
  { replicaLabels, enforced }: TargetMerge,
): Targets {
  const matchers = enforced.map(compileMatcher)
  const isAllowed = (labels: Labels): boolean =>
    matchers.every(({ name, matches }) => matches(labelValue(labels, name)))
  const isWanted = (pool: string): boolean =>
    request.scrapePool === undefined || request.scrapePool === pool
  const active = new Map<string, ActiveTarget>()
  const dropped = new Map<string, DroppedTarget>()
  const droppedCounts = new Map<string, number>()
  for (const answer of answers) {
    for (const target of request.active ? answer.active : []) {
      if (!isWanted(target.scrapePool) || !isAllowed(target.labels)) continue
      const one = {
        ...target,
        labels: withoutLabels(target.labels, replicaLabels),
        discoveredLabels: withoutLabels(target.discoveredLabels, replicaLabels),
      }
      const key = targetKey(one)
      const other = active.get(key)
      active.set(key, other && compareStates(other, one) <= 0 ? other : one)
    }
    for (const target of request.dropped ? answer.dropped : []) {
      if (!isWanted(target.scrapePool) || !isAllowed(target.discoveredLabels)) continue
      const discoveredLabels = withoutLabels(target.discoveredLabels, replicaLabels)
      dropped.set(targetKey({ ...target, discoveredLabels }), { ...target, discoveredLabels })
    }
    for (const [pool, count] of enforced.length > 0 ? [] : answer.droppedCounts) {
      droppedCounts.set(pool, (droppedCounts.get(pool) ?? 0) + count)
    }
  }
  return {
    active: [...active.values()].sort(
      (a, b) =>
        compareUtf8(a.scrapePool, b.scrapePool) ||
        compareUtf8(a.scrapeUrl, b.scrapeUrl) ||
        compareLabels(a.labels, b.labels),
    ),
    dropped: [...dropped.values()].sort(
      (a, b) =>
        compareUtf8(a.scrapePool, b.scrapePool) ||
        compareLabels(a.discoveredLabels, b.discoveredLabels),
    ),
    droppedCounts: new Map([...droppedCounts].sort(([a], [b]) => compareUtf8(a, b))),
  }
}

function targetKey(target: DroppedTarget & Partial<ActiveTarget>): string {
  const { scrapeUrl = '', scrapePool, discoveredLabels, labels = [] } = target
  return JSON.stringify([scrapeUrl, scrapePool, labelsKey(discoveredLabels), labelsKey(labels)])
}

/** Negative where `a` is to be shown. */
function compareStates(a: ActiveTarget, b: ActiveTarget): number {
  return (
    TARGET_HEALTHS.indexOf(a.health) - TARGET_HEALTHS.indexOf(b.health) ||
    comparePreciseTimes(b.lastScrape, a.lastScrape)
  )
}
