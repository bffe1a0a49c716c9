/** Whether blocks have all that is in a pack. */
import { decodeTime } from 'ulid'
import type { PackNote } from './pack-note.ts'

export interface MadeBlock {
  readonly ulid: string
  readonly sources: readonly string[]
  readonly minTimeMs: number
  /** Exclusive. */
  readonly maxTimeMs: number
  /** It says that it has only some of what came in its time: late samples, or series that ended. */
  readonly isPartial: boolean
}

/** When the newest block it consists of was made. */
function madeMs({ ulid, sources }: MadeBlock): number {
  return Math.max(...[ulid, ...sources].map(ulidTime))
}

function ulidTime(ulid: string): number {
  try {
    return decodeTime(ulid)
  } catch {
    return 0
  }
}

/**
 * Whether it has all that came in order in its time: such a block is made when its time is over. One of late samples may be made
 * before, and older Prometheuses do not say that it is one.
 */
function isWhole(block: MadeBlock): boolean {
  return !block.isPartial && madeMs(block) >= block.maxTimeMs
}

/** Where the blocks of samples in order end. */
export function endOfBlocks(blocks: readonly MadeBlock[]): number | undefined {
  const ends = blocks.filter(isWhole).map(({ maxTimeMs }) => maxTimeMs)
  return ends.length === 0 ? undefined : Math.max(...ends)
}

/**
 * Whether the blocks have what the pack has in order: Prometheus makes a block of all samples in its time
 * and takes none in order for it afterwards. So the block was made after the pack; or before, and the pack's writer knew.
 */
export function isCovered(
  { minTimeMs, maxTimeMs, madeMs: packMadeMs, blocksEndMs = -Infinity }: PackNote,
  blocks: readonly MadeBlock[],
): boolean {
  const having = blocks
    .filter((block) => isWhole(block))
    .filter((block) => madeMs(block) > packMadeMs || block.maxTimeMs <= blocksEndMs)
    .sort((a, b) => a.minTimeMs - b.minTimeMs)
  let reached = minTimeMs
  for (const block of having) {
    if (block.minTimeMs > reached) break
    reached = Math.max(reached, block.maxTimeMs)
  }
  return reached > maxTimeMs
}

/** Whether all of the local blocks that have samples of the pack's time, partial ones too, are among those of the bucket. */
export function areThere(
  { minTimeMs, maxTimeMs }: PackNote,
  local: readonly MadeBlock[],
  inBucket: readonly MadeBlock[],
): boolean {
  const there = new Set(inBucket.flatMap(({ ulid, sources }) => [ulid, ...sources]))
  return local
    .filter((block) => block.minTimeMs <= maxTimeMs && block.maxTimeMs > minTimeMs)
    .every(({ ulid, sources }) => there.has(ulid) || sources.every((source) => there.has(source)))
}
