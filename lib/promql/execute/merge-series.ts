/** Series that end up with equal labels become one, or the query fails where they meet. */
import { DomainError } from '#lib/model/errors.ts'
import { compareLabels, labelsKey, METRIC_NAME, withoutLabels } from '#lib/model/labels.ts'
import { ABSENT, HISTOGRAM } from '../result.ts'
import {
  copyColumn,
  isEmpty,
  setRow,
  type Column,
  type SeriesHead,
  type VectorOperator,
} from './column.ts'

export const METADATA_LABELS: ReadonlySet<string> = new Set([METRIC_NAME, '__type__', '__unit__'])

export function duplicateLabelsError(): DomainError {
  return new DomainError('execution', 'vector cannot contain metrics with the same labelset')
}

/** The heads of a function that changes the meaning of its input: the name goes, now or later. */
export function dropNames(
  heads: readonly SeriesHead[],
  delayed: boolean,
  names: ReadonlySet<string> = METADATA_LABELS,
): SeriesHead[] {
  return heads.map(({ labels }) => ({
    labels: delayed ? labels : withoutLabels(labels, names),
    dropName: true,
  }))
}

/**
 * Equal labels become one series. `overlap`: samples at the same step are an error;
 * `coexistence`: two series that have any sample are.
 */
export function mergeEqualLabels(
  operator: VectorOperator,
  rule: 'overlap' | 'coexistence' = 'overlap',
): VectorOperator {
  if (areAscending(operator.heads)) return operator
  const byKey = new Map<string, number[]>()
  for (const [index, { labels }] of operator.heads.entries()) {
    const key = labelsKey(labels)
    const members = byKey.get(key)
    if (members) members.push(index)
    else byKey.set(key, [index])
  }
  if (byKey.size === operator.heads.length) return operator
  const groups = [...byKey.values()]
  return {
    heads: groups.map((members) => operator.heads[members[0]!]!),
    column(index) {
      const members = groups[index]!
      const first = operator.column(members[0]!)
      if (members.length === 1) return first
      const merged = copyColumn(first)
      for (const member of members.slice(1)) mergeInto(merged, operator.column(member), rule)
      return merged
    },
  }
}

/** Then no two are equal. Series of one metric stay in order without its name. */
export function areAscending(heads: readonly SeriesHead[]): boolean {
  for (let i = 1; i < heads.length; i++) {
    if (compareLabels(heads[i - 1]!.labels, heads[i]!.labels) >= 0) return false
  }
  return true
}

function mergeInto(target: Column, source: Column, rule: 'overlap' | 'coexistence'): void {
  if (rule === 'coexistence' && !isEmpty(target) && !isEmpty(source)) throw duplicateLabelsError()
  for (let step = 0; step < source.presence.length; step++) {
    if (source.presence[step] === ABSENT) continue
    if (target.presence[step] !== ABSENT) throw duplicateLabelsError()
    target.presence[step] = source.presence[step]!
    target.values[step] = source.values[step]!
    if (source.presence[step] === HISTOGRAM) setRow(target, step, source.histograms!, step)
  }
}

/** The end of delayed name removal. */
export function removeMarkedNames(operator: VectorOperator): VectorOperator {
  const heads = operator.heads.map(({ labels, dropName }) => ({
    labels: dropName ? withoutLabels(labels, METADATA_LABELS) : labels,
    dropName: false,
  }))
  return mergeEqualLabels({ heads, column: (index) => operator.column(index) })
}
