/** Which group of an aggregation a series belongs to. */
import {
  EMPTY_LABELS,
  keepLabels,
  labelsKey,
  METRIC_NAME,
  withoutLabels,
  type Labels,
} from '#lib/model/labels.ts'
import type { Aggregation } from '../parse/ast.ts'

export interface Grouping {
  readonly without: boolean
  readonly names: ReadonlySet<string>
}

export function groupingOf(aggregation: Pick<Aggregation, 'without' | 'grouping'>): Grouping {
  const names = new Set(aggregation.grouping)
  if (aggregation.without) names.add(METRIC_NAME)
  return { without: aggregation.without, names }
}

export function groupLabels(labels: Labels, { without, names }: Grouping): Labels {
  if (without) return withoutLabels(labels, names)
  return names.size === 0 ? EMPTY_LABELS : keepLabels(labels, names)
}

/** Numbers the groups of series in the order they are met. */
export class GroupIndex {
  readonly labels: Labels[] = []
  readonly #byKey = new Map<string, number>()

  of(labels: Labels): number {
    const key = labelsKey(labels)
    let group = this.#byKey.get(key)
    if (group === undefined) {
      group = this.labels.length
      this.#byKey.set(key, group)
      this.labels.push(labels)
    }
    return group
  }
}
