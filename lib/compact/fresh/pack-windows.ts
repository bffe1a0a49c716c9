/** Times and places of packs, as a plan counts them. */
import type { FreshPack } from '#lib/fresh/fresh-list.ts'
import { WINDOW_MS } from '#lib/fresh/packs-in-block.ts'

export interface TimeRange {
  readonly startMs: number
  /** Exclusive. */
  readonly endMs: number
}

/** Of a pack with more, which has very late samples or deletions, all samples make one block. */
const MAX_WINDOWS = 12

/** Whole windows. */
export function rangeOf({
  minTimeMs,
  maxTimeMs,
}: Pick<FreshPack, 'minTimeMs' | 'maxTimeMs'>): TimeRange {
  const index = (timeMs: number): number => Math.floor(clamp(timeMs) / WINDOW_MS)
  return { startMs: index(minTimeMs) * WINDOW_MS, endMs: (index(maxTimeMs) + 1) * WINDOW_MS }
}

/** What is deleted may reach to the ends of time. */
const LAST_MS = 8.64e15 - WINDOW_MS

function clamp(timeMs: number): number {
  return Math.min(Math.max(timeMs, -LAST_MS), LAST_MS)
}

/** Of its last sample: what reaches further into the future is a deletion. */
export function lastMs({ maxTimeMs, lastModifiedMs }: FreshPack): number {
  return Math.min(maxTimeMs, lastModifiedMs + WINDOW_MS)
}

export function windowAt(startMs: number): TimeRange {
  return { startMs, endMs: startMs + WINDOW_MS }
}

export function isNarrow(pack: FreshPack): boolean {
  const { startMs, endMs } = rangeOf(pack)
  return endMs - startMs <= MAX_WINDOWS * WINDOW_MS
}

/** Whether it may have samples of the range. */
export function isIn({ minTimeMs, maxTimeMs }: FreshPack, { startMs, endMs }: TimeRange): boolean {
  return minTimeMs < endMs && maxTimeMs >= startMs
}
