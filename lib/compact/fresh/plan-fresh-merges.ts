/** Which packs become blocks, because no block of Prometheus came in their place, and which packs nobody needs any more. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { labelsPath, mayShipBlocks } from '#lib/fresh/fresh-key.ts'
import {
  type FreshPack,
  inOrder,
  isWithin,
  overlaps,
  withoutContained,
  writerOf,
} from '#lib/fresh/fresh-list.ts'
import type { PackMark } from '#lib/fresh/pack-marks.ts'
import { WINDOW_MS } from '#lib/fresh/packs-in-block.ts'
import { aliveBlocks, CoveredPacks } from './covered-packs.ts'
import { FreshDraft, type FreshPlan } from './fresh-draft.ts'
import { isIn, isNarrow, lastMs, rangeOf, type TimeRange, windowAt } from './pack-windows.ts'

export interface FreshRules {
  readonly nowMs: number
  /** After the end of a window, and after its packs came: when a block of Prometheus is not expected any more. */
  readonly freshDelayMs: number
  /** The same for writers that ship no blocks. */
  readonly aloneDelayMs?: number | undefined
  /** Of raw samples; 0 for ever. */
  readonly retentionMs: number
  readonly marks?: readonly PackMark[] | undefined
}

const MINUTE_MS = 60_000
/** Writers make one of ten packs meanwhile. */
const ALONE_DELAY_MS = 15 * MINUTE_MS
/** What came this recently may still be merged by its writer, or be followed by more. */
const YOUNG_MS = 15 * MINUTE_MS
/** A window is not kept waiting longer for late samples that come and come. */
const MAX_WAIT_MS = 60 * MINUTE_MS
/** Readers keep a bucket index for seconds, and a query may run that was planned before: they find the pack or know the block. */
const KEEP_COVERED_MS = 5 * MINUTE_MS
/** Its writer deletes it after two minutes, if it lives. */
const KEEP_CONTAINED_MS = 30 * MINUTE_MS
const CONTAINED = 'fresh blocks that a larger one contains'
/** A writer beside which somebody shipped a block within this time is not alone. */
const SHIPPED_MS = 24 * 3_600_000

/** `packs` and `blocks` are all that the bucket has, hidden blocks too. */
export function planFreshMerges(
  packs: readonly FreshPack[],
  blocks: readonly BlockRecord[],
  rules: FreshRules,
): FreshPlan {
  const draft = new FreshDraft()
  const packsOf = Map.groupBy(packs, writerOf)
  const marksOf = Map.groupBy(rules.marks ?? [], ({ writer }) => writer)
  const alive = aliveBlocks(blocks, rules.nowMs)
  const blocksOf = Map.groupBy(blocks, ({ labels }) => labelsPath(labels))
  for (const writer of new Set([...packsOf.keys(), ...marksOf.keys()])) {
    const known = { blocks: blocksOf.get(writer) ?? [], marks: marksOf.get(writer) ?? [], alive }
    const plan = new WriterPlan(draft, known, rules)
    plan.run(packsOf.get(writer) ?? [])
  }
  return draft.finish()
}

interface KnownOfWriter {
  readonly blocks: readonly BlockRecord[]
  readonly marks: readonly PackMark[]
  readonly alive: ReadonlySet<string>
}

class WriterPlan {
  readonly #draft: FreshDraft
  readonly #marks: readonly PackMark[]
  readonly #rules: FreshRules
  readonly #covered: CoveredPacks
  /** Until when blocks came that were not made of packs. */
  readonly #shippedMs: number
  /** Packs that no other one contains, as they came in. */
  #needed: readonly FreshPack[] = []
  /** Packs that may go: why. */
  readonly #needless = new Map<FreshPack, string>()

  constructor(draft: FreshDraft, { blocks, marks, alive }: KnownOfWriter, rules: FreshRules) {
    this.#draft = draft
    this.#marks = marks
    this.#rules = rules
    this.#covered = new CoveredPacks(blocks, marks, alive)
    const ours = new Set(blocks.flatMap(({ id, fresh }) => (fresh ? [id] : [])))
    const isOurs = ({ id, sources }: BlockRecord): boolean =>
      ours.has(id) || (sources.length > 0 && sources.every((source) => ours.has(source)))
    const shipped = blocks.filter((block) => !isOurs(block))
    this.#shippedMs = Math.max(-Infinity, ...shipped.map(({ maxTimeMs }) => maxTimeMs))
  }

  run(packs: readonly FreshPack[]): void {
    const undone = this.#undone(this.#readable(this.#kept(packs)))
    const ripe = undone.filter((pack) => this.#isRipe(pack))
    this.#planWide(ripe.filter((pack) => !isNarrow(pack)))
    this.#planWindows(undone, ripe.filter(isNarrow))
    this.#planDeletions(packs)
    const without = this.#marks.filter((mark) => !packs.some((pack) => isWithin(pack, mark)))
    this.#draft.delete(
      without.map(({ key }) => key),
      'marks of fresh blocks that are gone',
    )
  }

  /**
   * One after the other, and none before a pack that it may delete samples of: those would be seen again. What a larger pack contains is
   * deleted by that one too.
   */
  #planDeletions(packs: readonly FreshPack[]): void {
    const kept: FreshPack[] = []
    const gone: FreshPack[] = []
    for (const pack of packs.toSorted(inOrder)) {
      const reason = this.#needless.get(pack)
      const isFree = reason === CONTAINED || !kept.some((other) => overlaps(other, pack))
      if (reason !== undefined && isFree) gone.push(pack)
      else kept.push(pack)
    }
    const waiting = kept.filter((pack) => this.#needless.has(pack))
    this.#draft.leave(waiting, 'nobody needs it, it goes after those before it')
    const reasons = new Set(gone.map((pack) => this.#needless.get(pack)!))
    this.#draft.delete(
      gone.map(({ key }) => key),
      [...reasons].join('; '),
    )
  }

  /** Without those whose samples are older than any that are kept. */
  #kept(packs: readonly FreshPack[]): FreshPack[] {
    const { nowMs, retentionMs } = this.#rules
    if (retentionMs === 0) return [...packs]
    return packs.filter((pack) => {
      if (lastMs(pack) >= nowMs - retentionMs) return true
      this.#needless.set(pack, 'fresh blocks exceeding the retention of raw samples')
      return false
    })
  }

  #readable(packs: readonly FreshPack[]): FreshPack[] {
    const broken = this.#marks.filter(({ kind }) => kind === 'broken')
    return packs.filter((pack) => {
      const isBroken = broken.some((mark) => isWithin(pack, mark) && isWithin(mark, pack))
      if (isBroken) this.#draft.leave([pack], 'it cannot be read, a mark says why')
      return !isBroken
    })
  }

  /** Those with samples that are in no block; others go when all readers know the block, or the larger pack. */
  #undone(packs: readonly FreshPack[]): FreshPack[] {
    const { nowMs } = this.#rules
    const needed = withoutContained(packs)
    this.#needed = needed.toSorted(inOrder)
    const isNeeded = new Set(needed)
    for (const pack of packs) {
      if (isNeeded.has(pack)) continue
      const larger = needed.find((other) => isWithin(pack, other))!
      if (nowMs - larger.lastModifiedMs >= KEEP_CONTAINED_MS) {
        this.#needless.set(pack, CONTAINED)
      } else this.#draft.leave([pack], 'a larger one contains it')
    }
    return needed.filter((pack) => {
      const all = rangeOf(pack)
      if (this.#covered.has(pack, all, nowMs - KEEP_COVERED_MS)) {
        this.#needless.set(pack, 'fresh blocks whose samples are in a block')
        return false
      }
      if (!this.#covered.has(pack, all)) return true
      this.#draft.leave([pack], 'a block has its samples, which readers are about to know')
      return false
    })
  }

  #isRipe(pack: FreshPack): boolean {
    const { nowMs } = this.#rules
    const dueMs = this.#dueMs(pack)
    if (nowMs >= dueMs) return true
    const until = new Date(dueMs).toISOString()
    const why = this.#isAlone(pack) ? 'it becomes part of a block' : 'a block is expected'
    this.#draft.leave([pack], `${why}, after ${until} of fresh ones`)
    return false
  }

  #dueMs(pack: FreshPack): number {
    const { freshDelayMs, aloneDelayMs = ALONE_DELAY_MS } = this.#rules
    const delayMs = this.#isAlone(pack) ? Math.min(aloneDelayMs, freshDelayMs) : freshDelayMs
    const overMs = rangeOf({ minTimeMs: 0, maxTimeMs: lastMs(pack) }).endMs
    return Math.max(overMs, pack.lastModifiedMs) + delayMs
  }

  #isAlone(pack: FreshPack): boolean {
    return !mayShipBlocks(pack.epoch) && this.#shippedMs < lastMs(pack) - SHIPPED_MS
  }

  /** A window takes all that has samples in it, also of packs that reach beyond it. */
  #planWindows(undone: readonly FreshPack[], ripe: readonly FreshPack[]): void {
    const { nowMs } = this.#rules
    const dueMs = new Map<number, number>()
    for (const pack of ripe) {
      const { startMs: first, endMs } = rangeOf(pack)
      for (let startMs = first; startMs < endMs; startMs += WINDOW_MS) {
        if (this.#covered.has(pack, windowAt(startMs))) continue
        dueMs.set(startMs, Math.min(dueMs.get(startMs) ?? Infinity, this.#dueMs(pack)))
      }
    }
    for (const [startMs, sinceMs] of dueMs) {
      const window = windowAt(startMs)
      const inside = undone.filter((pack) => isIn(pack, window) && !this.#covered.has(pack, window))
      const isWaiting = nowMs < sinceMs + MAX_WAIT_MS && inside.some((pack) => this.#isYoung(pack))
      if (isWaiting) this.#draft.leave(inside, 'more of its time came just now')
      else this.#merge(inside, window, 'no block came for the window')
    }
  }

  /** One block, as their samples may be anywhere. */
  #planWide(wide: readonly FreshPack[]): void {
    if (wide.length === 0) return
    const ranges = wide.map(rangeOf)
    const startMs = Math.min(...ranges.map((range) => range.startMs))
    const endMs = Math.max(...ranges.map((range) => range.endMs))
    this.#merge(wide, { startMs, endMs }, 'no block came for very late samples')
  }

  /** With those that may delete samples of them, even if what they have themselves is in a block; and so on. */
  #merge(packs: readonly FreshPack[], range: TimeRange, reason: string): void {
    const taken = new Set(packs)
    for (const pack of this.#needed) {
      if (taken.has(pack) || !isIn(pack, range)) continue
      const mayDelete = [...taken].some(
        (other) => inOrder(other, pack) < 0 && overlaps(other, pack),
      )
      if (mayDelete) taken.add(pack)
    }
    this.#draft.merge([...taken], range, reason)
  }

  #isYoung({ lastModifiedMs }: FreshPack): boolean {
    return this.#rules.nowMs - lastModifiedMs < YOUNG_MS
  }
}
