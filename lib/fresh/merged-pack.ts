/** Several packs of one writer become one: which, and how. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { PackSpan } from './fresh-key.ts'
import { mergePacks } from './merge-packs.ts'
import { PackBuilder, type WrittenPack } from './pack-writer.ts'

/** So many are made one. */
export const MERGED_PACKS = 10
/** Queries that have listed the packs may still read those that were merged. */
export const KEEP_MERGED_MS = 120_000

/** Whole packs of one epoch, in their order. With pauses, as it may be the work of seconds. The same packs give the same bytes. */
export async function mergedPack(
  packs: readonly Uint8Array[],
  position?: unknown,
): Promise<WrittenPack> {
  const content = mergePacks(packs)
  const builder = new PackBuilder()
  for (const series of content.series) if (builder.add(series)) await nextTurn()
  return builder.finish({ ...content, position: position ?? content.position })
}

/**
 * The first that are neighbours, `MERGED_PACKS` at most, and no more than come to about `maxBytes`: none or one where there is nothing to
 * merge. `packs` are of one epoch, and no merged one is among them.
 */
export function firstNeighbours<T extends PackSpan & { readonly size: number }>(
  packs: readonly T[],
  maxBytes: number,
): T[] {
  let group: T[] = []
  let bytes = 0
  for (const pack of packs.toSorted((a, b) => a.from - b.from)) {
    const isNeighbour = group.length === 0 || group.at(-1)!.to === pack.from
    const isFull = group.length === MERGED_PACKS || (group.length > 1 && bytes > maxBytes)
    if (isFull || (!isNeighbour && group.length > 1)) break
    if (!isNeighbour) [group, bytes] = [[], 0]
    group.push(pack)
    bytes += pack.size
  }
  return group
}
