/** Blocks that are made in parts, and how far they are: the parts that are missing, then the end; or what is left of them. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import type { Dedup } from '../jobs/job.ts'
import { bytesOf, isOverlap } from './estimate.ts'
import type { JobDraft } from './job-draft.ts'

/** What `thaw/compact/<ulid>/` holds. */
export interface CutState {
  /** Of the block that is made. */
  readonly ulid: string
  readonly inputs: readonly string[]
  readonly dedup?: Dedup | undefined
  readonly parts: number
  /** Parts that are there, counted from 0. */
  readonly done: readonly number[]
  /** All objects under `thaw/compact/<ulid>/`. */
  readonly keys: readonly string[]
  /** Why nothing can come of it: nobody knows its inputs and parts. */
  readonly broken?: string | undefined
}

/** `all`: every block of the bucket. `live`: those that are to stay. Returns the blocks that are busy, and why. */
export function planCuts(
  draft: JobDraft,
  cuts: readonly CutState[],
  { all, live }: { readonly all: ReadonlySet<string>; readonly live: readonly BlockRecord[] },
): Map<string, string> {
  const busy = new Map<string, string>()
  const free = live.filter(({ marks }) => !marks.noCompact)
  const byId = new Map(free.map((block) => [block.id, block]))
  for (const cut of cuts.toSorted((a, b) => (a.ulid < b.ulid ? -1 : 1))) {
    const { ulid, parts, keys } = cut
    const inputs = cut.inputs.flatMap((id) => byId.get(id) ?? [])
    const isTaken = inputs.some(({ id }) => busy.has(id))
    const { broken } = cut
    if (all.has(ulid) || inputs.length < cut.inputs.length || isTaken || broken !== undefined) {
      const gone = broken ?? 'its blocks are not all there any more, or set aside'
      const why = all.has(ulid) ? 'the block is there' : gone
      if (keys.length > 0) {
        draft.add(
          { type: 'delete-objects', keys },
          `left of block ${ulid} made in parts: ${why}`,
          [],
        )
      }
      continue
    }
    const done = new Set(cut.done)
    const missing = Array.from({ length: parts }, (_, part) => part).filter(
      (part) => !done.has(part),
    )
    const text = `being merged into ${ulid}, ${done.size} of ${parts} parts are there`
    for (const { id } of inputs) busy.set(id, text)
    const bytes = bytesOf(inputs)
    const work = isOverlap(inputs) ? 'overlap' : 'part'
    for (const part of missing) {
      const reason = `part ${part + 1} of ${parts} of block ${ulid}`
      draft.add({ type: 'part', ulid, part }, reason, [], Math.ceil(bytes / parts), work)
    }
    if (missing.length === 0) {
      const indexBytes = inputs.reduce((sum, { indexSize }) => sum + indexSize, 0)
      draft.add(
        { type: 'finish', ulid },
        `all ${parts} parts of block ${ulid} are there`,
        [],
        indexBytes,
      )
    }
    for (const { id } of inputs) draft.leave(id, text)
  }
  return busy
}
