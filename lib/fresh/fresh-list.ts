/** Which fresh blocks there are, out of a list of keys. */
import type { ObjectInfo } from '#lib/bucket/bucket.ts'
import {
  FRESH_PREFIX,
  type FreshKey,
  freshHour,
  type PackSpan,
  parseFreshKey,
} from './fresh-key.ts'

export interface FreshPack extends FreshKey {
  readonly key: string
  readonly size: number
  readonly lastModifiedMs: number
}

/** What is no fresh block is left out. */
export function parseFreshList(objects: Iterable<ObjectInfo>): FreshPack[] {
  const packs: FreshPack[] = []
  for (const { key, size, lastModifiedMs } of objects) {
    const parsed = parseFreshKey(key)
    if (parsed) packs.push({ ...parsed, key, size, lastModifiedMs })
  }
  return packs
}

/**
 * Without the packs that another one contains: same labels, same epoch, and [from, to) within the other's. In the order of
 * labels, epoch and `from`.
 */
export function withoutContained(packs: readonly FreshPack[]): FreshPack[] {
  const sorted = packs.map((pack) => ({ pack, source: `${writerOf(pack)}/${pack.epoch}` }))
  sorted.sort(
    (a, b) =>
      order(a.source, b.source) ||
      a.pack.from - b.pack.from ||
      b.pack.to - a.pack.to ||
      order(a.pack.key, b.pack.key),
  )
  const kept: FreshPack[] = []
  let last = ''
  let reached = 0
  for (const { pack, source } of sorted) {
    // All before it begin no later, so the one that reaches furthest contains it or none does.
    if (source === last && pack.to <= reached) continue
    reached = source === last ? Math.max(reached, pack.to) : pack.to
    last = source
    kept.push(pack)
  }
  return kept
}

/** Those to read for samples of the closed interval. */
export function visiblePacks(
  objects: Iterable<ObjectInfo>,
  startMs: number,
  endMs: number,
): FreshPack[] {
  return withoutContained(parseFreshList(objects)).filter(
    ({ minTimeMs, maxTimeMs }) => minTimeMs <= endMs && maxTimeMs >= startMs,
  )
}

export function isWithin(inner: PackSpan, outer: PackSpan): boolean {
  return inner.epoch === outer.epoch && outer.from <= inner.from && inner.to <= outer.to
}

/** Of one writer, as it came in; a pack behind those that it contains. */
export function inOrder(a: PackSpan, b: PackSpan): number {
  if (a.epoch !== b.epoch) return a.epoch < b.epoch ? -1 : 1
  return a.to - b.to || b.from - a.from
}

export function overlaps(
  a: Pick<FreshPack, 'minTimeMs' | 'maxTimeMs'>,
  b: Pick<FreshPack, 'minTimeMs' | 'maxTimeMs'>,
): boolean {
  return a.minTimeMs <= b.maxTimeMs && b.minTimeMs <= a.maxTimeMs
}

/** Names who wrote it: the external labels, as the key has them. */
export function writerOf({ key }: Pick<FreshPack, 'key'>): string {
  return key.slice(LABELS_START, key.lastIndexOf('/'))
}

const LABELS_START = FRESH_PREFIX.length + freshHour(0).length + 1

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
