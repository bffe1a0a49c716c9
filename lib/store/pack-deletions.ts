/** What was deleted by Prometheus's API and is said by a pack counts in all earlier packs of its writer, and in itself. */
import type { BlockRecord, PackPlace } from '#lib/blocks/block-record.ts'
import type { PackedDeletion } from '#lib/fresh/side-pages.ts'
import { labelsKey, mergeLabels } from '#lib/model/labels.ts'
import type { Interval } from '#lib/tsdb/chunk/columns.ts'
import type { BlockPart } from './series-set.ts'

export interface SelectedPart extends BlockPart {
  readonly block: BlockRecord
  /** By labels without the external ones. */
  readonly deletions: readonly PackedDeletion[]
}

/** `parts` are all that is read of the time. Those of packs get their tombstones. */
export function withDeletions(parts: readonly SelectedPart[]): readonly BlockPart[] {
  const deleting = parts.filter(({ deletions }) => deletions.length > 0)
  if (deleting.length === 0) return parts
  return parts.map((part) => {
    const { pack } = part.block
    const later = deleting.filter(({ block }) => pack && isUpTo(pack, block.pack!))
    return later.length === 0 ? part : { ...part, tombstones: tombstonesOf(part, later) }
  })
}

function isUpTo(pack: PackPlace, last: PackPlace): boolean {
  if (pack.writer !== last.writer) return false
  return pack.epoch === last.epoch ? pack.to <= last.to : pack.epoch < last.epoch
}

function tombstonesOf(
  { found: { labels, ids }, block }: SelectedPart,
  deleting: readonly SelectedPart[],
): Map<number, Interval[]> {
  const deleted = Map.groupBy(
    deleting.flatMap(({ deletions }) => deletions),
    (deletion) => labelsKey(mergeLabels(deletion.labels, block.labels)),
  )
  const tombstones = new Map<number, Interval[]>()
  for (const [i, own] of labels.entries()) {
    const intervals = deleted.get(labelsKey(own))
    if (intervals) tombstones.set(ids[i]!, intervals)
  }
  return tombstones
}
