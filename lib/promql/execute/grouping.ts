/** Which group a series belongs to: of an aggregation, or of a vector matching. */
import {
  EMPTY_LABELS,
  keepLabels,
  labelsKey,
  labelValue,
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

/** What the series of a group have in common. */
export function groupLabels(labels: Labels, { without, names }: Grouping): Labels {
  if (without) return withoutLabels(labels, names)
  return names.size === 0 ? EMPTY_LABELS : keepLabels(labels, names)
}

type Branches = Map<string, Branches | number>

/**
 * Numbers the groups of series in the order they are met, from 0 on. With `by` it walks down a tree of label values, so that nothing is
 * made for a series whose group is known.
 */
export class GroupIndex {
  readonly labels: Labels[] = []
  readonly #grouping: Grouping
  readonly #names: readonly string[]
  readonly #byKey = new Map<string, number>()
  readonly #root: Branches = new Map()

  constructor(grouping: Grouping) {
    this.#grouping = grouping
    this.#names = [...grouping.names]
  }

  of(labels: Labels): number {
    if (this.#grouping.without) return this.#ofRest(labels)
    let branches = this.#root
    const last = this.#names.length - 1
    for (let i = 0; i < last; i++) {
      const value = labelValue(labels, this.#names[i]!)
      let next = branches.get(value)
      if (next === undefined) branches.set(value, (next = new Map()))
      branches = next as Branches
    }
    const value = last < 0 ? '' : labelValue(labels, this.#names[last]!)
    let group = branches.get(value)
    if (group === undefined)
      branches.set(value, (group = this.#add(groupLabels(labels, this.#grouping))))
    return group as number
  }

  #ofRest(labels: Labels): number {
    const rest = groupLabels(labels, this.#grouping)
    const key = labelsKey(rest)
    let group = this.#byKey.get(key)
    if (group === undefined) this.#byKey.set(key, (group = this.#add(rest)))
    return group
  }

  #add(labels: Labels): number {
    return this.labels.push(labels) - 1
  }
}
