/**
 * Which blocks of a group should become one, by Thanos's rules: what overlaps first, else the blocks of an aligned window of 2h, 8h, 2d or
 * 14d that is over. Unlike Thanos's, the plan has all jobs that do not touch each other at once, goes to the longest window that is over
 * without the steps between, takes windows of streams that have ended, and a block that is no good stops nothing.
 */
import { decodeTime } from 'ulid'
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { groupKey } from '#lib/blocks/visible-blocks.ts'
import { countText, spanText } from './plan-text.ts'
import type { CompactSettings } from './settings.ts'

const DAY_MS = 86_400_000
/** Merged indexes may be larger than their sum: Thanos leaves as much. */
const INDEX_HEADROOM = 0.85

/** `overlap`: they have times in common. `range`: they fill a window. `tombstones`: one block, to be rid of what is deleted in it. */
export type CompactionReason = 'overlap' | 'range' | 'tombstones'

export interface Compaction {
  readonly reason: CompactionReason
  /** Ascending by minimum time. */
  readonly blocks: readonly BlockRecord[]
}

export interface CompactionPlan {
  readonly jobs: readonly Compaction[]
  /** Of every block that is in no job: why. */
  readonly left: ReadonlyMap<string, string>
}

export interface CompactionRules extends Pick<
  CompactSettings,
  'rangesMs' | 'consistencyDelayMs' | 'maxIndexBytes' | 'maxInputs'
> {
  readonly nowMs: number
  /** Blocks that somebody is working on, and at what: they and their window wait. */
  readonly busy?: ReadonlyMap<string, string> | undefined
  /** Why it is not worth it to merge these, where it is not. */
  readonly notWorth?: ((blocks: readonly BlockRecord[]) => string | undefined) | undefined
}

/** `records` may be of many groups: external labels and resolution. All are there to be read, and none is to be deleted. */
export function planCompactions(
  records: readonly BlockRecord[],
  rules: CompactionRules,
): CompactionPlan {
  const jobs: Compaction[] = []
  const left = new Map<string, string>()
  for (const blocks of Map.groupBy(records, groupKey).values()) {
    blocks.sort(
      (a, b) => a.minTimeMs - b.minTimeMs || a.maxTimeMs - b.maxTimeMs || order(a.id, b.id),
    )
    jobs.push(...new GroupPlan(blocks, left, rules).jobs())
  }
  return { jobs, left }
}

/** What compactors and our own tools made is complete when its meta.json is there, as Thanos has it. */
const NO_DELAY = new Set(['compactor', 'compactor.repair', 'bucket.repair'])

/** Why a block is not taken yet. One that says it comes from the future has a wrong clock, and waits for nothing. */
function youngReason(
  { id, source, uploadTimeMs }: BlockRecord,
  { nowMs, consistencyDelayMs }: CompactionRules,
): string | undefined {
  const ageMs = nowMs - (uploadTimeMs || ulidTimeMs(id))
  if (NO_DELAY.has(source) || Math.abs(ageMs) >= consistencyDelayMs) return undefined
  return `uploaded ${spanText(ageMs)} ago, it is left alone for ${spanText(consistencyDelayMs)}`
}

/** When a block was named, 0 where its id does not say. */
function ulidTimeMs(id: string): number {
  try {
    return decodeTime(id)
  } catch {
    return 0
  }
}

class GroupPlan {
  readonly #blocks: readonly BlockRecord[]
  readonly #left: Map<string, string>
  readonly #rules: CompactionRules
  /** Left now, taken later: windows with them wait. */
  readonly #waiting = new Set<BlockRecord>()
  readonly #planned = new Set<BlockRecord>()
  readonly #jobs: Compaction[] = []

  constructor(blocks: readonly BlockRecord[], left: Map<string, string>, rules: CompactionRules) {
    this.#blocks = blocks
    this.#left = left
    this.#rules = rules
  }

  jobs(): readonly Compaction[] {
    this.#setAside()
    this.#overlaps()
    // The longest first: what is written once need not be written again at each step.
    for (const rangeMs of this.#rules.rangesMs.toReversed()) {
      this.#windows(rangeMs, (blocks) => {
        if (this.#fits(blocks)) this.#add('range', blocks)
      })
    }
    for (const rangeMs of this.#rules.rangesMs) {
      this.#windows(rangeMs, (blocks) => this.#addPieces(blocks))
    }
    for (const block of this.#free()) {
      if (this.#isWorthCleaning(block)) this.#add('tombstones', [block])
    }
    for (const { id } of this.#free())
      this.#left.set(id, 'no other block fills a window with it yet')
    return this.#jobs
  }

  /** In no job, and nothing is said against it. */
  #free(): BlockRecord[] {
    return this.#blocks.filter((block) => !this.#planned.has(block) && !this.#left.has(block.id))
  }

  #setAside(): void {
    for (const block of this.#blocks) {
      const { noCompact } = block.marks
      const wait = this.#rules.busy?.get(block.id) ?? youngReason(block, this.#rules)
      if (noCompact) {
        const { reason = 'no reason given', details } = noCompact
        this.#left.set(block.id, `marked no-compact: ${reason}${details ? `, ${details}` : ''}`)
      } else if (wait !== undefined) {
        this.#left.set(block.id, wait)
        this.#waiting.add(block)
      }
    }
  }

  /** Runs of blocks, each of which begins before all before it have ended. */
  #overlaps(): void {
    let run: BlockRecord[] = []
    let endMs = -Infinity
    for (const block of [...this.#free(), undefined]) {
      if (block && block.minTimeMs < endMs) {
        run.push(block)
        endMs = Math.max(endMs, block.maxTimeMs)
        continue
      }
      if (run.length > 1) this.#addOverlap(run)
      run = block ? [block] : []
      endMs = block?.maxTimeMs ?? Infinity
    }
  }

  #addOverlap(run: readonly BlockRecord[]): void {
    const { maxInputs } = this.#rules
    this.#add('overlap', run.slice(0, maxInputs))
    for (const block of run.slice(maxInputs)) {
      this.#left.set(block.id, `overlaps others, of which the first ${maxInputs} are merged before`)
      this.#waiting.add(block)
    }
  }

  /**
   * Runs of two blocks or more in windows that are over. A window where a block is being made, or is too young, waits for it; one with
   * a block that takes no part is cut in two there.
   */
  #windows(rangeMs: number, take: (blocks: readonly BlockRecord[]) => void): void {
    const newestStartMs = this.#blocks.at(-1)!.minTimeMs
    const { nowMs } = this.#rules
    const windows = Map.groupBy(this.#blocks, ({ minTimeMs }) => floor(minTimeMs, rangeMs))
    for (const [startMs, inside] of windows) {
      if (inside.some((block) => this.#planned.has(block) || this.#waiting.has(block))) continue
      const endMs = startMs + rangeMs
      // Nothing more comes where newer blocks are there already, and where nothing came for long.
      const isOver =
        (endMs <= newestStartMs && endMs <= nowMs) || nowMs - endMs >= Math.max(rangeMs, DAY_MS)
      const takesNoPart = (block: BlockRecord): boolean =>
        this.#left.has(block.id) || block.maxTimeMs > endMs
      for (const part of splitWhere(inside, takesNoPart)) {
        if (part.length < 2) continue
        const isWhole = part[0]!.minTimeMs === startMs && part.at(-1)!.maxTimeMs === endMs
        if (isWhole || isOver) take(part)
      }
    }
  }

  #fits(blocks: readonly BlockRecord[]): boolean {
    return blocks.length <= this.#rules.maxInputs && indexBytes(blocks) < this.#maxIndexBytes()
  }

  /** Of blocks that are too many, or too large together, what can be merged. */
  #addPieces(blocks: readonly BlockRecord[]): void {
    if (blocks.length < 2) return
    const { maxInputs, maxIndexBytes } = this.#rules
    if (blocks.length > maxInputs) {
      for (let i = 0; i < blocks.length; i += maxInputs) {
        this.#addPieces(blocks.slice(i, i + maxInputs))
      }
    } else if (this.#fits(blocks)) {
      this.#add('range', blocks)
    } else {
      const largest = blocks.reduce((a, b) => (b.indexSize > a.indexSize ? b : a))
      this.#left.set(
        largest.id,
        `with its neighbours its index would be larger than the ${maxIndexBytes} bytes of --compact.block-max-index-size`,
      )
      for (const part of splitWhere(blocks, (block) => block === largest)) this.#addPieces(part)
    }
  }

  #maxIndexBytes(): number {
    return this.#rules.maxIndexBytes * INDEX_HEADROOM
  }

  #isWorthCleaning({ hasTombstones, resolutionMs, minTimeMs, maxTimeMs }: BlockRecord): boolean {
    const { rangesMs } = this.#rules
    const longMs = rangesMs[Math.floor((rangesMs.length - 1) / 2)]!
    return hasTombstones && resolutionMs === 0 && maxTimeMs - minTimeMs >= longMs
  }

  #add(reason: CompactionReason, blocks: readonly BlockRecord[]): void {
    const notWorth = this.#rules.notWorth?.(blocks)
    if (notWorth !== undefined) {
      for (const { id } of blocks) this.#left.set(id, notWorth)
      return
    }
    if (reason === 'overlap' && indexBytes(blocks) >= this.#maxIndexBytes()) {
      const text = `overlaps ${countText(blocks.length - 1, 'other')}, and their indexes together are larger than --compact.block-max-index-size lets them be`
      for (const { id } of blocks) this.#left.set(id, text)
      return
    }
    for (const block of blocks) this.#planned.add(block)
    this.#jobs.push({ reason, blocks: [...blocks] })
  }
}

function indexBytes(blocks: readonly BlockRecord[]): number {
  return blocks.reduce((sum, { indexSize }) => sum + indexSize, 0)
}

/** The runs between the items for which `isBorder` holds. */
function splitWhere<T>(items: readonly T[], isBorder: (item: T) => boolean): T[][] {
  const parts: T[][] = [[]]
  for (const item of items) {
    if (isBorder(item)) parts.push([])
    else parts.at(-1)!.push(item)
  }
  return parts
}

function floor(timeMs: number, rangeMs: number): number {
  return Math.floor(timeMs / rangeMs) * rangeMs
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
