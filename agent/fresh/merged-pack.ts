/** One pack of several, with pauses, as it is the work of seconds. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { mergePacks } from '#lib/fresh/merge-packs.ts'
import { PackBuilder, type WrittenPack } from '#lib/fresh/pack-writer.ts'
import type { PackNote } from './pack-note.ts'

/** Whole packs of one epoch, in their order. */
export async function mergedPack(
  packs: readonly Uint8Array[],
  position: PackNote,
): Promise<WrittenPack> {
  const content = mergePacks(packs)
  const builder = new PackBuilder()
  for (const series of content.series) if (builder.add(series)) await nextTurn()
  return builder.finish({ ...content, position })
}
