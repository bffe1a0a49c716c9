/** Which of the visible blocks answer a selection, by Thanos's store: the coarsest that may be read, and finer ones where there are none. */
import { labelsKey } from '#lib/model/labels.ts'
import type { BlockRecord } from './block-record.ts'

/** From coarse to fine, 0 for raw. */
const RESOLUTIONS_MS = [3_600_000, 300_000, 0] as const

/**
 * Blocks with samples of the closed interval, each stream (external labels) by itself. A block that is too coarse is never read, not even
 * where there is nothing else. Blocks that fill a gap may reach beyond it, over coarser ones.
 */
export function chooseBlocks(
  blocks: readonly BlockRecord[],
  { startMs, endMs }: { readonly startMs: number; readonly endMs: number },
  maxResolutionMs: number,
): BlockRecord[] {
  if (startMs > endMs) return []
  const within = blocks.filter(
    ({ minTimeMs, maxTimeMs, resolutionMs }) =>
      minTimeMs <= endMs && maxTimeMs > startMs && resolutionMs <= maxResolutionMs,
  )
  // Mostly all are raw, and there may be thousands.
  if (within.every(({ resolutionMs }) => resolutionMs === 0)) return within
  const streams = new Map<string, BlockRecord[]>()
  for (const block of within) {
    const key = labelsKey(block.labels)
    const stream = streams.get(key)
    if (stream) stream.push(block)
    else streams.set(key, [block])
  }
  const chosen = new Set<BlockRecord>()
  for (const stream of streams.values()) {
    const levels = RESOLUTIONS_MS.map((resolutionMs) =>
      stream
        .filter((block) => block.resolutionMs === resolutionMs)
        .sort((a, b) => a.minTimeMs - b.minTimeMs),
    )
    cover(levels, startMs, endMs, chosen)
  }
  return within.filter((block) => chosen.has(block))
}

/** `levels`: from coarse to fine. */
function cover(
  [level, ...finer]: readonly (readonly BlockRecord[])[],
  startMs: number,
  endMs: number,
  chosen: Set<BlockRecord>,
): void {
  if (!level || startMs > endMs) return
  let gapStartMs = startMs
  for (const block of level) {
    if (block.maxTimeMs <= startMs || block.minTimeMs > endMs) continue
    cover(finer, gapStartMs, block.minTimeMs - 1, chosen)
    chosen.add(block)
    gapStartMs = block.maxTimeMs
  }
  cover(finer, gapStartMs, endMs, chosen)
}
