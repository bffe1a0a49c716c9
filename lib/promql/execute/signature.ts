/** Which series of two sides belong together: the signature of vector matching. */
import {
  keepLabels,
  labelsKey,
  METRIC_NAME,
  withoutLabels,
  type Labels,
} from '#lib/model/labels.ts'
import type { VectorMatching } from '../parse/ast.ts'
import type { SeriesHead } from './column.ts'

export interface Signatures {
  readonly count: number
  readonly left: Int32Array
  readonly right: Int32Array
}

/** The labels two series must share. */
export function matchLabels(labels: Labels, matching: VectorMatching): Labels {
  const names = new Set(matching.labels)
  if (matching.on) return keepLabels(labels, names)
  names.add(METRIC_NAME)
  return withoutLabels(labels, names)
}

export function signaturesOf(
  left: readonly SeriesHead[],
  right: readonly SeriesHead[],
  matching: VectorMatching,
): Signatures {
  const ordinals = new Map<string, number>()
  const names = new Set(matching.labels)
  if (!matching.on) names.add(METRIC_NAME)
  const number = (heads: readonly SeriesHead[]) =>
    Int32Array.from(heads, ({ labels }) => {
      const key = labelsKey(matching.on ? keepLabels(labels, names) : withoutLabels(labels, names))
      let ordinal = ordinals.get(key)
      if (ordinal === undefined) {
        ordinal = ordinals.size
        ordinals.set(key, ordinal)
      }
      return ordinal
    })
  const leftOrdinals = number(left)
  const rightOrdinals = number(right)
  return { count: ordinals.size, left: leftOrdinals, right: rightOrdinals }
}

/** Members of each signature, in order. */
export function membersOf(ordinals: Int32Array, count: number): number[][] {
  const members: number[][] = Array.from({ length: count }, () => [])
  for (const [index, ordinal] of ordinals.entries()) members[ordinal]!.push(index)
  return members
}
