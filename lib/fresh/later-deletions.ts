/** What is deleted of a series in which pack, when all packs of a writer are known. */
import { type Labels, labelsKey } from '#lib/model/labels.ts'
import type { PackedDeletion } from './side-pages.ts'

const NONE: readonly PackedDeletion[] = []

/**
 * `deletions[i]` are those that pack i says. Packs are in the order of their epochs, and of what came in: a deletion counts in its own
 * pack and in all before it.
 */
export function laterDeletions(
  deletions: readonly (readonly PackedDeletion[])[],
): (pack: number, labels: Labels) => readonly PackedDeletion[] {
  if (deletions.every((list) => list.length === 0)) return () => NONE
  const known = new Map<string, { readonly pack: number; readonly deletion: PackedDeletion }[]>()
  for (const [pack, list] of deletions.entries()) {
    for (const deletion of list) {
      const key = labelsKey(deletion.labels)
      const entries = known.get(key)
      if (entries) entries.push({ pack, deletion })
      else known.set(key, [{ pack, deletion }])
    }
  }
  return (pack, labels) => {
    const entries = known.get(labelsKey(labels))
    if (!entries) return NONE
    return entries.filter((entry) => entry.pack >= pack).map(({ deletion }) => deletion)
  }
}
