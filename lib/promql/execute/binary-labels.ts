/** The labels of what comes out of a binary operation on two vectors. */
import { keepLabels, labelValue, setLabel, withoutLabels, type Labels } from '#lib/model/labels.ts'
import type { VectorMatching } from '../parse/ast.ts'
import type { SeriesHead } from './column.ts'
import { areAscending, METADATA_LABELS } from './merge-series.ts'

const TYPE_LABELS = ['__type__', '__unit__']

/**
 * Whether the labels of the "many" side alone say that no two results get equal ones, so that nobody has to look. Not for
 * fill values.
 */
export function staysDistinct(
  many: readonly SeriesHead[],
  { card, on, labels: names, include }: VectorMatching,
  dropName: boolean,
): boolean {
  if (card === 'one-to-one') {
    // A result has the labels of its signature, as long as those don't tell metrics from each other.
    if (on) return !names.some((name) => METADATA_LABELS.has(name))
    return many.every(({ labels }) => TYPE_LABELS.every((name) => labelValue(labels, name) === ''))
  }
  return (
    areAscending(many) &&
    many.every(
      ({ labels }) =>
        include.every((name) => labelValue(labels, name) === '') &&
        (!dropName || withoutLabels(labels, METADATA_LABELS) === labels),
    )
  )
}

/** `many` gives the labels, `one` those that group_left and group_right ask for. */
export function resultLabels(
  many: Labels,
  one: Labels,
  matching: VectorMatching,
  dropName: boolean,
): Labels {
  let labels = dropName ? withoutLabels(many, METADATA_LABELS) : many
  if (matching.card === 'one-to-one') {
    const names = new Set(matching.labels)
    labels = matching.on ? keepLabels(labels, names) : withoutLabels(labels, names)
  }
  for (const name of matching.include) labels = setLabel(labels, name, labelValue(one, name))
  return labels
}
