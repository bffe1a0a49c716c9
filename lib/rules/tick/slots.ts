/**
 * When a group is evaluated: at `k × interval + phase` since 1970, where the phase is a hash of its file and name, as in Prometheus.
 * So a group has the same timestamps whoever evaluates it and however often.
 */
import { labelHash } from '#lib/promql/execute/label-hash.ts'

export interface Grid {
  readonly intervalMs: number
  readonly phaseMs: number
}

/** Of the group with this file and name. To be called when `loadHash` has been awaited. */
export function gridOf(file: string, name: string, intervalMs: number): Grid {
  const intervalNs = BigInt(intervalMs) * 1_000_000n
  const phaseNs = labelHash(['file', file, 'name', name]) % intervalNs
  return { intervalMs, phaseMs: Number(phaseNs / 1_000_000n) }
}

/** The first slot at or after `timeMs`. */
export function slotFrom({ intervalMs, phaseMs }: Grid, timeMs: number): number {
  return Math.ceil((timeMs - phaseMs) / intervalMs) * intervalMs + phaseMs
}

/** How many slots are in [fromMs, toMs). */
export function slotsBetween(grid: Grid, fromMs: number, toMs: number): number {
  return Math.max(0, (slotFrom(grid, toMs) - slotFrom(grid, fromMs)) / grid.intervalMs)
}

export interface SlotRange {
  readonly fromMs: number
  /** Inclusive. */
  readonly toMs: number
  readonly nowMs: number
  /** Older ones are never evaluated; the newest one is, however long ago it was. */
  readonly catchUpMs: number
}

/** Those to evaluate now, ascending. */
export function dueSlots(grid: Grid, { fromMs, toMs, nowMs, catchUpMs }: SlotRange): number[] {
  const { intervalMs } = grid
  const newest = slotFrom(grid, nowMs + 1) - intervalMs
  const oldest = Math.min(newest, slotFrom(grid, nowMs - catchUpMs))
  const slots: number[] = []
  const end = Math.min(toMs, nowMs)
  for (let slot = Math.max(slotFrom(grid, fromMs), oldest); slot <= end; slot += intervalMs) {
    slots.push(slot)
  }
  return slots
}

/**
 * Where a group goes on, for which slots before `nextMs` are done. After a clock was set back a little it waits: those slots have been
 * evaluated. But one that was far ahead, and is right again, would be waited for too long.
 */
export function resumeFrom(nextMs: number, nowMs: number, intervalMs: number): number {
  return nextMs > nowMs + intervalMs + MAX_WAIT_MS ? nowMs + 1 : nextMs
}

/** Clocks that differ by more are wrong. */
export const MAX_WAIT_MS = 600_000
