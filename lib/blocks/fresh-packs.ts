/** Which fresh blocks there are: one listing, kept as long as what is asked of it may be old. */
import type { Bucket, ObjectInfo } from '#lib/bucket/bucket.ts'
import { untilAborted } from '#lib/bucket/cancellation.ts'
import { FRESH_PREFIX, freshHour } from '#lib/fresh/fresh-key.ts'
import { visiblePacks } from '#lib/fresh/fresh-list.ts'
import type { BlockRecord } from './block-record.ts'
import type { ReadOptions } from './bucket-index.ts'
import { packRecord } from './pack-record.ts'

/** A listing this young is as good as one of now. */
const KEPT_MS = 1000
/** What is asked of times long ago may be asked of a listing that is older, by this part of how long ago. */
const KEPT_SHARE = 1 / 1000
/** Packs of older times are not asked for: long before, there is a block in their place. */
const FORGOTTEN_MS = 30 * 24 * 3_600_000
const HOUR_MS = 3_600_000

interface Listing {
  /** No pack with samples from here on is missing. */
  readonly fromMs: number
  /** When it began. */
  readonly atMs: number
  readonly packs: Promise<readonly BlockRecord[]>
}

export class FreshPacks {
  readonly #bucket: Bucket
  readonly #now: () => number
  #listing: Listing | undefined

  constructor(bucket: Bucket, now: () => number) {
    this.#bucket = bucket
    this.#now = now
  }

  /** Those with samples in [startMs, endMs], in any order. Who asks while a listing is under way waits for that one. */
  async packs(
    startMs: number,
    endMs: number,
    { bucket = this.#bucket, signal, fresh = false }: ReadOptions = {},
  ): Promise<readonly BlockRecord[]> {
    const nowMs = this.#now()
    if (endMs < nowMs - FORGOTTEN_MS) return []
    const maxAgeMs = Math.max(KEPT_MS, (nowMs - endMs) * KEPT_SHARE)
    const kept = fresh ? undefined : this.#listing
    const isEnough = kept && kept.fromMs <= startMs && nowMs - kept.atMs < maxAgeMs
    const { packs } = isEnough ? kept : this.#list(bucket, startMs, nowMs)
    const all = await untilAborted(packs, signal)
    return all.filter((pack) => pack.minTimeMs <= endMs && pack.maxTimeMs > startMs)
  }

  #list(bucket: Bucket, startMs: number, nowMs: number): Listing {
    // All of the hour: what is asked next may begin a little earlier.
    const fromMs = Math.floor(startMs / HOUR_MS) * HOUR_MS
    const hour = freshHour(Math.max(fromMs, nowMs - FORGOTTEN_MS))
    const listing = { fromMs, atMs: nowMs, packs: listPacks(bucket, hour) }
    this.#listing = listing
    listing.packs.catch(() => {
      if (this.#listing === listing) this.#listing = undefined
    })
    return listing
  }
}

/** Several may wait for it, so nobody's signal ends it. */
async function listPacks(bucket: Bucket, hour: string): Promise<readonly BlockRecord[]> {
  const objects: ObjectInfo[] = []
  // Keys of the hour itself are longer, and sort behind. Without the slash SeaweedFS leaves them out.
  const startAfter = `${FRESH_PREFIX}${hour}/`
  for await (const page of bucket.list(FRESH_PREFIX, { startAfter })) objects.push(...page.objects)
  return visiblePacks(objects, -Infinity, Infinity).map(packRecord)
}
