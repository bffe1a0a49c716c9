/** What a plan of fresh blocks has found, while it is made. */
import type { FreshPack } from '#lib/fresh/fresh-list.ts'
import type { TimeRange } from './pack-windows.ts'

export interface FreshMerge extends TimeRange {
  /** Of one writer, by key. */
  readonly packs: readonly FreshPack[]
  readonly reason: string
}

export interface FreshDeletion {
  /** Of packs of one writer, or of marks: to be deleted one after the other. */
  readonly keys: readonly string[]
  readonly reason: string
}

export interface FreshPlan {
  readonly merges: readonly FreshMerge[]
  readonly deletions: readonly FreshDeletion[]
  /** Of every pack that stays as it is: why. By key. */
  readonly left: ReadonlyMap<string, string>
}

/** Of one deletion; what is left comes next time. */
const MAX_KEYS = 500

export class FreshDraft {
  readonly #merges: FreshMerge[] = []
  readonly #deletions: FreshDeletion[] = []
  readonly #left = new Map<string, string>()

  merge(packs: readonly FreshPack[], { startMs, endMs }: TimeRange, reason: string): void {
    for (const { key } of packs) this.#left.delete(key)
    this.#merges.push({ startMs, endMs, packs: packs.toSorted(byKey), reason })
  }

  /** In this order. */
  delete(keys: readonly string[], reason: string): void {
    for (const key of keys) this.#left.delete(key)
    if (keys.length > 0) this.#deletions.push({ keys: keys.slice(0, MAX_KEYS), reason })
  }

  leave(packs: readonly FreshPack[], reason: string): void {
    for (const { key } of packs) this.#left.set(key, reason)
  }

  finish(): FreshPlan {
    const merges = this.#merges.toSorted(
      (a, b) => a.startMs - b.startMs || byKey(a.packs[0]!, b.packs[0]!),
    )
    return { merges, deletions: this.#deletions, left: this.#left }
  }
}

function byKey(a: FreshPack, b: FreshPack): number {
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0
}
