/** Which packs a block was made of: in its meta.json, so that both are there at once, and from there in the bucket index. */
import type { PackSpan } from './fresh-key.ts'

export interface PacksInBlock {
  /** It has all samples of the packs in [startMs, endMs). */
  readonly startMs: number
  readonly endMs: number
  /** By epoch, ascending: [from, to) of what came in there. */
  readonly epochs: Readonly<Record<string, readonly Range[]>>
}

export type Range = readonly [from: number, to: number]

/** Where a plan counts what is in a pack: windows like those of Prometheus's blocks. */
export const WINDOW_MS = 2 * 3_600_000

export function packsInBlock(
  packs: readonly PackSpan[],
  startMs: number,
  endMs: number,
): PacksInBlock {
  const epochs: Record<string, Range[]> = {}
  const byEpoch = Map.groupBy(packs, ({ epoch }) => epoch)
  for (const epoch of [...byEpoch.keys()].sort()) epochs[epoch] = joined(byEpoch.get(epoch)!)
  return { startMs, endMs, epochs }
}

function joined(packs: readonly PackSpan[]): Range[] {
  const ranges: [from: number, to: number][] = []
  for (const { from, to } of packs.toSorted((a, b) => a.from - b.from)) {
    const last = ranges.at(-1)
    if (last && from <= last[1]) last[1] = Math.max(last[1], to)
    else ranges.push([from, to])
  }
  return ranges
}

export function hasPack({ epochs }: PacksInBlock, { epoch, from, to }: PackSpan): boolean {
  return epochs[epoch]?.some(([first, end]) => first <= from && to <= end) === true
}

/** For `thanos.extensions` of meta.json. */
export function asExtensions(fresh: PacksInBlock): unknown {
  return { thaw: { fresh } }
}

/** Undefined for what nobody of ours wrote. */
export function fromExtensions(extensions: unknown): PacksInBlock | undefined {
  const fresh = (extensions as { thaw?: { fresh?: PacksInBlock } } | null | undefined)?.thaw?.fresh
  const isOurs =
    typeof fresh?.startMs === 'number' &&
    typeof fresh.endMs === 'number' &&
    typeof fresh.epochs === 'object' &&
    fresh.epochs !== null &&
    Object.values(fresh.epochs).every(isRanges)
  return isOurs ? { startMs: fresh.startMs, endMs: fresh.endMs, epochs: fresh.epochs } : undefined
}

function isRanges(value: unknown): boolean {
  const isRange = (range: unknown): boolean =>
    Array.isArray(range) && range.length === 2 && range.every(Number.isFinite)
  return Array.isArray(value) && value.every(isRange)
}
