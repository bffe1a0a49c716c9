/** Exemplars: single observations beside samples, mostly with the id of a trace. */
import { compareLabels, labelsKey, withoutLabels, type Labels } from '#lib/model/labels.ts'
import type { Matcher } from '#lib/model/matcher.ts'

export interface ExemplarRequest {
  /** One for each selector of an expression; a series of any of them is wanted. At least one. */
  readonly matcherSets: readonly (readonly Matcher[])[]
  /** Closed interval; infinite where the client gave none. */
  readonly startMs: number
  readonly endMs: number
}

export interface ExemplarSeries {
  /** Of the series, external labels included. */
  readonly labels: Labels
  readonly exemplars: readonly Exemplar[]
}

export interface Exemplar {
  readonly labels: Labels
  readonly timestampMs: number
  readonly value: number
}

/**
 * Series that differ in replica labels only become one, and the same exemplar of several is kept once, as in Thanos. Series ascending
 * by labels; exemplars by time, then labels, then value.
 */
export function mergeExemplars(
  answers: readonly (readonly ExemplarSeries[])[],
  replicaLabels: ReadonlySet<string>,
): ExemplarSeries[] {
  const merged = new Map<string, { labels: Labels; exemplars: Map<string, Exemplar> }>()
  for (const { labels: full, exemplars } of answers.flat()) {
    if (exemplars.length === 0) continue
    const labels = withoutLabels(full, replicaLabels)
    const key = labelsKey(labels)
    let series = merged.get(key)
    if (series === undefined) merged.set(key, (series = { labels, exemplars: new Map() }))
    for (const exemplar of exemplars) series.exemplars.set(exemplarKey(exemplar), exemplar)
  }
  return [...merged.values()]
    .map(({ labels, exemplars }) => ({
      labels,
      exemplars: [...exemplars.values()].sort(compareExemplars),
    }))
    .sort((a, b) => compareLabels(a.labels, b.labels))
}

function exemplarKey({ labels, timestampMs, value }: Exemplar): string {
  return `${timestampMs} ${Object.is(value, -0) ? '-0' : value} ${labelsKey(labels)}`
}

function compareExemplars(a: Exemplar, b: Exemplar): number {
  return a.timestampMs - b.timestampMs || compareLabels(a.labels, b.labels) || a.value - b.value
}
