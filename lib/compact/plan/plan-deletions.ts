/** What goes: blocks beyond their retention, blocks that others hold, marked blocks whose time has come, uploads that broke off. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import type { PartialBlock } from '#lib/blocks/scan.ts'
import { supersededBlocks } from '#lib/blocks/visible-blocks.ts'
import { compactedInto } from '../jobs/marks.ts'
import type { JobDraft } from './job-draft.ts'
import { resolutionText, spanText, timeText } from './plan-text.ts'
import { type CompactSettings, retentionOf } from './settings.ts'

/** Of one job: some seconds. */
const BLOCKS_AT_ONCE = 50

/** Marked ones: deleted when the mark is old enough. Returns the others. */
export function planMarked(
  draft: JobDraft,
  blocks: readonly BlockRecord[],
  { deleteDelayMs }: CompactSettings,
  nowMs: number,
): BlockRecord[] {
  const due: BlockRecord[] = []
  const others: BlockRecord[] = []
  for (const block of blocks) {
    const mark = block.marks.deletion
    if (!mark) {
      others.push(block)
      continue
    }
    // As Thanos does: later than the delay, not at it.
    if (nowMs - mark.timeMs > deleteDelayMs) due.push(block)
    else {
      const why = mark.details ? ` (${mark.details})` : ''
      const when = timeText(mark.timeMs + deleteDelayMs)
      draft.leave(block.id, `marked for deletion${why}, to be deleted after ${when}`)
    }
  }
  for (const some of batches(due)) {
    const ids = some.map(({ id }) => id)
    draft.add(
      { type: 'delete', ids },
      `marked for deletion longer than ${spanText(deleteDelayMs)} ago`,
      ids,
    )
  }
  return others
}

/** By the last sample of the block, as Thanos does. Returns those that are kept. */
export function planRetention(
  draft: JobDraft,
  blocks: readonly BlockRecord[],
  { retentionMs }: CompactSettings,
  nowMs: number,
): BlockRecord[] {
  const kept: BlockRecord[] = []
  const expired = new Map<number, BlockRecord[]>()
  for (const block of blocks) {
    const { resolutionMs, maxTimeMs } = block
    if (nowMs <= maxTimeMs + retentionOf(retentionMs, resolutionMs)) kept.push(block)
    else {
      const list = expired.get(resolutionMs)
      if (list) list.push(block)
      else expired.set(resolutionMs, [block])
    }
  }
  for (const [resolutionMs, some] of expired) {
    const retention = spanText(retentionOf(retentionMs, resolutionMs))
    const reason = `block exceeding retention of ${retention} for ${resolutionText(resolutionMs)} samples`
    for (const batch of batches(some)) {
      const ids = batch.map(({ id }) => id)
      draft.add({ type: 'mark', ids, reason }, reason, ids, 0)
    }
  }
  return kept
}

/**
 * Blocks whose sources another one holds that is not to go itself. In the view of who merges replicas: `blocks` have no replica labels.
 * Returns the others.
 */
export function planGarbage(draft: JobDraft, blocks: readonly BlockRecord[]): BlockRecord[] {
  const by = supersededBlocks(blocks)
  const garbage = Map.groupBy(
    blocks.filter(({ id }) => by.has(id)),
    ({ id }) => by.get(id)!,
  )
  for (const [holder, some] of garbage) {
    const reason = compactedInto(holder)
    for (const batch of batches(some)) {
      const ids = batch.map(({ id }) => id)
      draft.add({ type: 'mark', ids, reason }, reason, ids)
    }
  }
  return blocks.filter(({ id }) => !by.has(id))
}

/**
 * What is no block: an upload that broke off is deleted when nothing came for long, a deletion that broke off is finished, and a broken block
 * that nobody marked is left for people.
 */
export function planPartial(
  draft: JobDraft,
  partial: readonly PartialBlock[],
  rules: PartialRules,
): void {
  const due: PartialBlock[] = []
  for (const block of partial) {
    const wait = whyKept(block, rules)
    if (wait === undefined) due.push(block)
    else draft.leave(block.id, `${block.reason}: ${wait}`)
  }
  for (const some of batches(due)) {
    const ids = some.map(({ id }) => id)
    draft.add({ type: 'delete', ids }, 'no blocks: what is left of uploads and deletions', ids)
    for (const { id, reason } of some) draft.leave(id, `${reason}: to be deleted`)
  }
}

function whyKept(
  { id, hasMeta, deletion, lastModifiedMs }: PartialBlock,
  { settings, nowMs, writing }: PartialRules,
): string | undefined {
  const { partialUploadMs, deleteDelayMs } = settings
  if (deletion) {
    if (!hasMeta || nowMs - deletion.timeMs > deleteDelayMs) return undefined
    return `marked for deletion, to be deleted after ${timeText(deletion.timeMs + deleteDelayMs)}`
  }
  if (hasMeta) return 'broken, left as it is; mark it for deletion, or repair it'
  if (writing.has(id)) return 'it is being made'
  if (nowMs - lastModifiedMs > partialUploadMs) return undefined
  return `to be deleted after ${timeText(lastModifiedMs + partialUploadMs)}, unless more comes`
}

export interface PartialRules {
  readonly settings: CompactSettings
  readonly nowMs: number
  /** Blocks that somebody is at, however long he takes. */
  readonly writing: ReadonlySet<string>
}

function batches<T extends { readonly id: string }>(items: readonly T[]): T[][] {
  const sorted = items.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  const some: T[][] = []
  for (let i = 0; i < sorted.length; i += BLOCKS_AT_ONCE) {
    some.push(sorted.slice(i, i + BLOCKS_AT_ONCE))
  }
  return some
}
