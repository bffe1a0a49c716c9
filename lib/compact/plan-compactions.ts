/**
 * Which blocks should become one, by Thanos's rules: what overlaps first, else the blocks of an aligned window of 2h, 8h, 2d or 14d that
 * is over. Unlike Thanos's, the plan has all jobs that do not touch each other at once, and a block that is no good stops nothing.
 */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { groupKey } from '#lib/blocks/visible-blocks.ts'

const HOUR_MS = 3_600_000

/** Ascending, each a multiple of the one before. */
export const COMPACTION_RANGES_MS: readonly number[] = [2, 8, 48, 336].map(
  (hours) => hours * HOUR_MS,
)

/** `overlap`: they have times in common. `range`: they fill a window. */
export type CompactionReason = 'overlap' | 'range'

export interface CompactionJob {
  /** External labels and resolution. */
  readonly group: string
  readonly reason: CompactionReason
  /** Ascending by minimum time. */
  readonly blocks: readonly BlockRecord[]
}

export interface CompactionPlan {
  readonly jobs: readonly CompactionJob[]
  /** Of every block that is in no job: why. */
  readonly left: ReadonlyMap<string, string>
}

export interface CompactionRules {
  readonly nowMs: number
  readonly rangesMs: readonly number[]
  /** A block is left alone this long after its upload, unless a compactor made it: readers of slow stores may not see it yet. */
  readonly consistencyDelayMs: number
  /** Of all indexes of a job together. */
  readonly maxIndexBytes: number
}

export const DEFAULT_COMPACTION_RULES: Omit<CompactionRules, 'nowMs'> = {
  rangesMs: COMPACTION_RANGES_MS,
  consistencyDelayMs: 30 * 60_000,
  maxIndexBytes: 64 * 1024 ** 3,
}

/** `records` may be of many groups, and hidden or marked. */
export function planCompactions(
  records: readonly BlockRecord[],
  rules: CompactionRules,
): CompactionPlan {
  const left = new Map<string, string>()
  const groups = new Map<string, BlockRecord[]>()
  const waiting = new Set<BlockRecord>()
  for (const record of records) {
    const gone = goneReason(record)
    if (gone !== undefined) {
      left.set(record.id, gone)
      continue
    }
    const { noCompact } = record.marks
    if (noCompact) {
      left.set(record.id, `marked no-compact: ${noCompact.reason ?? 'no reason given'}`)
    } else {
      const young = youngReason(record, rules)
      if (young !== undefined) {
        left.set(record.id, young)
        waiting.add(record)
      }
    }
    const group = groups.get(groupKey(record))
    if (group) group.push(record)
    else groups.set(groupKey(record), [record])
  }
  const jobs: CompactionJob[] = []
  for (const [group, blocks] of groups) {
    blocks.sort(
      (a, b) => a.minTimeMs - b.minTimeMs || a.maxTimeMs - b.maxTimeMs || order(a.id, b.id),
    )
    jobs.push(...new GroupPlan(group, blocks, { left, waiting }, rules).jobs())
  }
  return { jobs, left }
}

/** Why a block is as good as not there. */
function goneReason({ marks, hidden }: BlockRecord): string | undefined {
  return marks.deletion ? 'marked for deletion' : hidden
}

/** Why a block is not taken yet. */
function youngReason(
  { source, uploadTimeMs }: BlockRecord,
  { nowMs, consistencyDelayMs }: CompactionRules,
): string | undefined {
  const ageMs = nowMs - uploadTimeMs
  if (source === 'compactor' || ageMs >= consistencyDelayMs) return undefined
  return `uploaded ${Math.round(ageMs / 1000)} s ago, it is left alone for ${consistencyDelayMs / 1000} s`
}

interface LeftBlocks {
  /** By id: why. */
  readonly left: Map<string, string>
  /** Those of them that will be taken later. */
  readonly waiting: ReadonlySet<BlockRecord>
}

class GroupPlan {
  readonly #group: string
  readonly #blocks: readonly BlockRecord[]
  readonly #left: Map<string, string>
  readonly #waiting: ReadonlySet<BlockRecord>
  readonly #rules: CompactionRules
  readonly #planned = new Set<BlockRecord>()
  readonly #jobs: CompactionJob[] = []

  constructor(
    group: string,
    blocks: readonly BlockRecord[],
    { left, waiting }: LeftBlocks,
    rules: CompactionRules,
  ) {
    this.#group = group
    this.#blocks = blocks
    this.#left = left
    this.#waiting = waiting
    this.#rules = rules
  }

  jobs(): readonly CompactionJob[] {
    const free = this.#blocks.filter(({ id }) => !this.#left.has(id))
    this.#overlaps(free)
    for (const rangeMs of this.#rules.rangesMs) this.#windows(rangeMs)
    for (const block of free) {
      if (this.#planned.has(block) || this.#left.has(block.id)) continue
      this.#left.set(block.id, 'no other block fills a window with it yet')
    }
    return this.#jobs
  }

  /** Runs of blocks, each of which begins before all before it have ended. */
  #overlaps(free: readonly BlockRecord[]): void {
    let run: BlockRecord[] = []
    let endMs = -Infinity
    for (const block of [...free, undefined]) {
      if (block && block.minTimeMs < endMs) {
        run.push(block)
        endMs = Math.max(endMs, block.maxTimeMs)
        continue
      }
      if (run.length > 1) this.#add('overlap', run)
      run = block ? [block] : []
      endMs = block?.maxTimeMs ?? Infinity
    }
  }

  /**
   * Windows that are over. One where a block is being made, or is too young, waits for it; one with a block that takes no part is cut in two
   * there.
   */
  #windows(rangeMs: number): void {
    const newestStartMs = this.#newestStart()
    const windows = Map.groupBy(this.#blocks, ({ minTimeMs }) => floor(minTimeMs, rangeMs))
    for (const [startMs, inside] of windows) {
      if (inside.some((block) => this.#planned.has(block) || this.#waiting.has(block))) continue
      const endMs = startMs + rangeMs
      const takesNoPart = (block: BlockRecord): boolean =>
        this.#left.has(block.id) || block.maxTimeMs > endMs
      for (const part of splitWhere(inside, takesNoPart)) {
        if (part.length < 2) continue
        const isWhole = part[0]!.minTimeMs === startMs && part.at(-1)!.maxTimeMs === endMs
        if (isWhole || endMs <= newestStartMs) this.#add('range', part)
      }
    }
  }

  /** Of the newest block: more may still come beside it. */
  #newestStart(): number {
    return Math.max(...this.#blocks.map(({ minTimeMs }) => minTimeMs))
  }

  #add(reason: CompactionReason, blocks: readonly BlockRecord[]): void {
    const indexBytes = blocks.reduce((sum, { indexSize }) => sum + indexSize, 0)
    if (indexBytes > this.#rules.maxIndexBytes) {
      const largest = blocks.reduce((a, b) => (b.indexSize > a.indexSize ? b : a))
      this.#left.set(
        largest.id,
        `its index makes one of more than ${this.#rules.maxIndexBytes} bytes`,
      )
      for (const part of splitWhere(blocks, (block) => block === largest)) {
        if (part.length > 1) this.#add(reason, part)
      }
      return
    }
    for (const block of blocks) this.#planned.add(block)
    this.#jobs.push({ group: this.#group, reason, blocks: [...blocks] })
  }
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
