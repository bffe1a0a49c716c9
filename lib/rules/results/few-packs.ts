/** Keeps the ruler's packs few: one comes with each tick, ten become one, and those that were merged go after a while. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { getIfThere } from '#lib/bucket/get-if-there.ts'
import { freshKey, type FreshKey, parseFreshKey } from '#lib/fresh/fresh-key.ts'
import { writerOf } from '#lib/fresh/fresh-list.ts'
import {
  firstNeighbours,
  KEEP_MERGED_MS,
  MERGED_PACKS,
  mergedPack,
} from '#lib/fresh/merged-pack.ts'
import { NewerFormatError } from '#lib/model/errors.ts'
import type { ResultPack } from './result-pack.ts'

/** What is known from one tick to the next of packs that are to be merged or deleted: plain JSON. Others are left to compaction. */
export interface KnownPack {
  readonly key: string
  readonly size: number
  /** From then on nobody needs it, as a larger one has what it has. */
  readonly deleteAtMs?: number | undefined
}

/** Of one merged pack: more are merged later, or left as they are. */
const MAX_MERGED_BYTES = 16 * 1024 * 1024

export function withPack(known: readonly KnownPack[], { key, bytes }: ResultPack): KnownPack[] {
  return [...known.filter((pack) => pack.key !== key), { key, size: bytes.length }]
}

export interface FewPacks {
  readonly bucket: Bucket
  readonly nowMs: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Merges once, if there are enough, and deletes what is due: a dozen requests at most each ten ticks, and as many deletions. Whoever is
 * killed before what it gives is stored leaves everything as it is or a merged pack that the next one makes again, the same under the same
 * key; so do two at once. Rejects where the bucket does.
 */
export async function keepPacksFew(
  known: readonly KnownPack[],
  parts: FewPacks,
): Promise<readonly KnownPack[]> {
  return mergeSmall(await deleteDue(known, parts), parts)
}

async function deleteDue(
  known: readonly KnownPack[],
  { bucket, nowMs, signal }: FewPacks,
): Promise<readonly KnownPack[]> {
  const due = known.filter(({ deleteAtMs = Infinity }) => deleteAtMs <= nowMs)
  await Promise.all(due.map(({ key }) => bucket.delete(key, { signal })))
  return known.filter((pack) => !due.includes(pack))
}

interface SmallPack extends FreshKey, KnownPack {}

async function mergeSmall(
  known: readonly KnownPack[],
  { bucket, nowMs, signal }: FewPacks,
): Promise<readonly KnownPack[]> {
  const small = known.flatMap((pack): SmallPack[] => {
    const parsed = pack.deleteAtMs === undefined ? parseFreshKey(pack.key) : undefined
    return parsed ? [{ ...parsed, ...pack }] : []
  })
  const sequences = Map.groupBy(small, (pack) => `${writerOf(pack)}/${pack.epoch}`)
  const last = [...sequences.keys()].at(-1)
  for (const [name, packs] of sequences) {
    // Of a sequence that is over no more will come.
    if (name === last && packs.length < MERGED_PACKS) continue
    const group = firstNeighbours(packs, MAX_MERGED_BYTES)
    const before = packs.filter(({ from }) => group[0] === undefined || from < group[0].from)
    const left = known.filter(({ key }) => !before.some((pack) => pack.key === key))
    if (group.length < 2) return without(left, packs)
    const objects = await Promise.all(group.map(({ key }) => getIfThere(bucket, key, signal)))
    const gone = group.filter((_, i) => objects[i] === undefined)
    // A job was faster and has put them into a block.
    if (gone.length > 0) return without(left, gone)
    const bodies = objects.map((object) => object!.body)
    let key: string
    try {
      key = await putMerged(bucket, group, bodies, signal)
    } catch (error) {
      if (error instanceof NewerFormatError) return without(left, group)
      throw error
    }
    const merged = new Set(group.map((pack) => pack.key))
    return left.map((pack) =>
      merged.has(pack.key) && pack.key !== key
        ? { ...pack, deleteAtMs: nowMs + KEEP_MERGED_MS }
        : pack,
    )
  }
  return known
}

function without(known: readonly KnownPack[], packs: readonly KnownPack[]): KnownPack[] {
  const keys = new Set(packs.map(({ key }) => key))
  return known.filter(({ key }) => !keys.has(key))
}

async function putMerged(
  bucket: Bucket,
  group: readonly FreshKey[],
  bodies: readonly Uint8Array[],
  signal: AbortSignal | undefined,
): Promise<string> {
  const { bytes, minTimeMs, maxTimeMs, directoryBytes } = await mergedPack(bodies)
  const { labels, epoch, from } = group[0]!
  const { to } = group.at(-1)!
  const key = freshKey({ labels, epoch, from, to, minTimeMs, maxTimeMs, directoryBytes })
  await bucket.put(key, bytes, { signal })
  return key
}
