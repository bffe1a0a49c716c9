/** What of a writer's packs is in blocks, as blocks and marks say. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { isVisible } from '#lib/blocks/visible-blocks.ts'
import type { FreshPack } from '#lib/fresh/fresh-list.ts'
import type { PackMark } from '#lib/fresh/pack-marks.ts'
import { hasPack, type PacksInBlock } from '#lib/fresh/packs-in-block.ts'
import type { TimeRange } from './pack-windows.ts'

interface Cover extends PacksInBlock {
  /** Since when every reader of the bucket index sees it; Infinity where it does not. */
  readonly sinceMs: number
}

export class CoveredPacks {
  readonly #covers: readonly Cover[]

  /** `blocks` and `marks` are those of the writer; `alive` says which blocks queries find, or what became of them. */
  constructor(
    blocks: readonly BlockRecord[],
    marks: readonly PackMark[],
    alive: ReadonlySet<string>,
  ) {
    const ofBlocks = blocks.flatMap(({ id, resolutionMs, fresh }) =>
      fresh && resolutionMs === 0 && alive.has(id)
        ? [{ ...fresh, sinceMs: fresh.indexedMs ?? Infinity }]
        : [],
    )
    const ofMarks = marks
      .filter(({ kind }) => kind === 'empty')
      .map(({ startMs, endMs, epoch, from, to }) => ({
        startMs,
        endMs,
        epochs: { [epoch]: [[from, to] as const] },
        sinceMs: -Infinity,
      }))
    this.#covers = [...ofBlocks, ...ofMarks]
  }

  /** Whether all samples of the pack in the range are in blocks that the index has had since `sinceMs`, if that is said. */
  has(pack: FreshPack, { startMs, endMs }: TimeRange, sinceMs = Infinity): boolean {
    const having = this.#covers
      .filter((cover) => cover.sinceMs <= sinceMs && hasPack(cover, pack))
      .sort((a, b) => a.startMs - b.startMs)
    let reached = startMs
    for (const cover of having) {
      if (cover.startMs > reached) break
      reached = Math.max(reached, cover.endMs)
    }
    return reached >= endMs
  }
}

/** Raw blocks that queries find, and those they were made of: what a block has become has all that it had, under whatever labels. */
export function aliveBlocks(blocks: readonly BlockRecord[], nowMs: number): ReadonlySet<string> {
  const seen = blocks.filter((block) => block.resolutionMs === 0 && isVisible(block, nowMs))
  return new Set(seen.flatMap(({ id, sources }) => [id, ...sources]))
}
