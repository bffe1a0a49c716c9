/** Which blocks and packs there are, asked once in a tick: the bucket index and the list of packs, side by side. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import type { BlockIndex, ReadOptions } from '#lib/blocks/bucket-index.ts'
import { untilAborted } from '#lib/bucket/cancellation.ts'

interface Listing {
  /** No block with samples from here on is missing. */
  readonly fromMs: number
  /** Not the first of its tick. */
  readonly again: boolean
  isUnderWay: boolean
  readonly blocks: Promise<readonly BlockRecord[]>
}

export class TickIndex implements BlockIndex {
  readonly #index: BlockIndex
  readonly #now: () => number
  #listing: Listing | undefined
  /** How far queries reached back in earlier ticks: what is asked first asks for all that will be. */
  #reachMs = 0

  constructor(index: BlockIndex, now: () => number) {
    this.#index = index
    this.#now = now
  }

  /** What is there may have changed. */
  begin(): void {
    this.#listing = undefined
  }

  async blocks(
    startMs: number,
    endMs: number,
    { fresh = false, signal }: ReadOptions = {},
  ): Promise<BlockRecord[]> {
    const kept = this.#listing
    // Who finds something gone waits for the new listing that another one has begun for that reason.
    const isGood = kept && kept.fromMs <= startMs && (!fresh || (kept.again && kept.isUnderWay))
    const { blocks } = isGood ? kept : this.#list(startMs, fresh)
    const all = await untilAborted(blocks, signal)
    return all.filter((block) => block.minTimeMs <= endMs && block.maxTimeMs > startMs)
  }

  /** Several may wait for it, so nobody's signal ends it. */
  #list(startMs: number, again: boolean): Listing {
    const nowMs = this.#now()
    this.#reachMs = Math.max(this.#reachMs, nowMs - startMs)
    const fromMs = nowMs - this.#reachMs
    const blocks = this.#index.blocks(fromMs, Infinity, { fresh: true })
    const listing = { fromMs, again, isUnderWay: true, blocks }
    this.#listing = listing
    const end = (): void => {
      listing.isUnderWay = false
    }
    blocks.then(end, () => {
      end()
      if (this.#listing === listing) this.#listing = undefined
    })
    return listing
  }
}
