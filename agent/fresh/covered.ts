/** Whether blocks have all that is in a pack. */
import { decodeTime } from 'ulid'
import type { PackNote } from './pack-note.ts'

export interface MadeBlock {
  readonly ulid: string
  readonly minTimeMs: number
  /** Exclusive. */
  readonly maxTimeMs: number
  /** When the newest block it consists of was made. */
  readonly madeMs: number
}

export function madeBlock(
  ulid: string,
  minTimeMs: number,
  maxTimeMs: number,
  sources: readonly string[],
): MadeBlock {
  const madeMs = Math.max(...[ulid, ...sources].map(ulidTime))
  return { ulid, minTimeMs, maxTimeMs, madeMs }
}

function ulidTime(ulid: string): number {
  try {
    return decodeTime(ulid)
  } catch {
    return 0
  }
}

/**
 * Whether it may have all that came in order in its time: such a block is made when its time is over. One of late samples may be made
 * before.
 */
export function isInOrder({ madeMs, maxTimeMs }: MadeBlock): boolean {
  return madeMs >= maxTimeMs
}

/** Where the blocks of samples in order end. */
export function endOfBlocks(blocks: readonly MadeBlock[]): number | undefined {
  const ends = blocks.filter(isInOrder).map(({ maxTimeMs }) => maxTimeMs)
  return ends.length === 0 ? undefined : Math.max(...ends)
}

/**
 * Whether the blocks have what the pack has of [minTimeMs, maxTimeMs] in order: Prometheus makes a block of all samples in its time
 * and takes none in order for it afterwards. So the block was made after the pack; or before, and the pack's writer knew.
 */
export function isCovered(
  { minTimeMs, maxTimeMs }: { readonly minTimeMs: number; readonly maxTimeMs: number },
  note: PackNote,
  blocks: readonly MadeBlock[],
): boolean {
  const { madeMs, blocksEndMs = -Infinity } = note
  const having = blocks
    .filter(
      (block) => isInOrder(block) && (block.madeMs > madeMs || block.maxTimeMs <= blocksEndMs),
    )
    .sort((a, b) => a.minTimeMs - b.minTimeMs)
  let reached = minTimeMs
  for (const block of having) {
    if (block.minTimeMs > reached) break
    reached = Math.max(reached, block.maxTimeMs)
  }
  return reached > maxTimeMs
}
