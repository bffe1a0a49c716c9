/** Which series of two sides belong together: the signature of vector matching. */
import { METRIC_NAME, type Labels } from '#lib/model/labels.ts'
import type { VectorMatching } from '../parse/ast.ts'
import type { SeriesHead } from './column.ts'
import { GroupIndex, groupLabels, type Grouping } from './grouping.ts'

export interface Signatures {
  readonly count: number
  readonly left: Int32Array
  readonly right: Int32Array
}

function groupingOf({ on, labels }: VectorMatching): Grouping {
  return { without: !on, names: new Set(on ? labels : [...labels, METRIC_NAME]) }
}

/** The labels two series must share. */
export function matchLabels(labels: Labels, matching: VectorMatching): Labels {
  return groupLabels(labels, groupingOf(matching))
}

export function signaturesOf(
  left: readonly SeriesHead[],
  right: readonly SeriesHead[],
  matching: VectorMatching,
): Signatures {
  const index = new GroupIndex(groupingOf(matching))
  const number = (heads: readonly SeriesHead[]) =>
    Int32Array.from(heads, ({ labels }) => index.of(labels))
  const leftOrdinals = number(left)
  const rightOrdinals = number(right)
  return { count: index.labels.length, left: leftOrdinals, right: rightOrdinals }
}

/** Members of each signature, in order. */
export function membersOf(ordinals: Int32Array, count: number): number[][] {
  const members: number[][] = Array.from({ length: count }, () => [])
  for (const [index, ordinal] of ordinals.entries()) members[ordinal]!.push(index)
  return members
}
