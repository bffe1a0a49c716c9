/** Which blocks queries see, by Thanos's rules: not those marked for deletion a day ago, not those another block replaced. */
import { labelsKey } from '#lib/model/labels.ts'
import type { BlockRecord, HiddenReason } from './block-record.ts'

/** Thanos's `--ignore-deletion-marks-delay`: a marked block stays readable this long, so that readers see its replacement first. */
export const IGNORE_DELETION_MARKS_DELAY_MS = 24 * 3600_000

/** The same records with `hidden` set or removed. Order is kept. */
export function markHidden(records: readonly BlockRecord[], nowMs: number): BlockRecord[] {
  const reasons = new Map<string, HiddenReason>()
  const live: BlockRecord[] = []
  for (const record of records) {
    if (isDeleted(record, nowMs)) reasons.set(record.id, 'marked-for-deletion')
    else live.push(record)
  }
  for (const id of supersededBlocks(live).keys()) reasons.set(id, 'superseded')
  const seen = live.filter(({ id }) => !reasons.has(id))
  for (const id of replacedReplicas(seen)) reasons.set(id, 'superseded')
  return records.map((record) => {
    const { hidden: _, ...rest } = record
    const hidden = reasons.get(record.id)
    return hidden ? { ...rest, hidden } : rest
  })
}

/** A mark of a day ago hides a block also where the index was made before. */
export function isVisible(record: BlockRecord, nowMs: number): boolean {
  return !record.hidden && !isDeleted(record, nowMs)
}

function isDeleted(record: BlockRecord, nowMs: number): boolean {
  const mark = record.marks.deletion
  return mark !== undefined && nowMs - mark.timeMs > IGNORE_DELETION_MARKS_DELAY_MS
}

/** Blocks of one stream and resolution: the unit of compaction, retention and of this rule. */
export function groupKey(record: BlockRecord): string {
  return `${record.resolutionMs}@${labelsKey(record.labels)}`
}

/**
 * Of every block that another one of its group holds, which one that is. Within a group, by descending number of sources, without a
 * deletion mark first (it was repaired, or written again), and then by id: a block whose sources all are in an earlier one is its duplicate. Each source names the blocks that hold it, so a block is
 * compared only with those.
 */
export function supersededBlocks(records: readonly BlockRecord[]): Map<string, string> {
  const by = new Map<string, string>()
  for (const group of groupBy(records, groupKey)) addSuperseded(group, by)
  return by
}

/**
 * Replicas that became one block, which lacks their replica labels and so is of another group: as soon as they are marked, a block that was
 * made of all that they were made of answers for them.
 */
function replacedReplicas(records: readonly BlockRecord[]): string[] {
  const marked = records.filter(({ marks }) => marks.deletion)
  if (marked.length === 0) return []
  const holders = new Map<string, Holder[]>()
  for (const record of records) {
    if (record.marks.deletion) continue
    const own = { id: record.id, sources: new Set(record.sources) }
    for (const source of own.sources) {
      const key = `${record.resolutionMs} ${source}`
      const list = holders.get(key)
      if (list) list.push(own)
      else holders.set(key, [own])
    }
  }
  return marked.flatMap(({ id, resolutionMs, sources }) => {
    const [first = id] = sources
    const candidates = holders.get(`${resolutionMs} ${first}`) ?? []
    const isHeld = candidates.some((one) => sources.every((source) => one.sources.has(source)))
    return isHeld ? [id] : []
  })
}

function isMarked({ marks }: BlockRecord): boolean {
  return marks.deletion !== undefined
}

interface Holder {
  readonly id: string
  readonly sources: ReadonlySet<string>
}

function addSuperseded(group: readonly BlockRecord[], by: Map<string, string>): void {
  const ordered = [...group].sort(
    (a, b) =>
      b.sources.length - a.sources.length ||
      Number(isMarked(a)) - Number(isMarked(b)) ||
      (a.id < b.id ? -1 : a.id > b.id ? 1 : 0),
  )
  const holders = new Map<string, Holder[]>()
  for (const record of ordered) {
    const sources = record.sources.length > 0 ? record.sources : [record.id]
    const candidates = holders.get(sources[0]!) ?? []
    const holder = candidates.find((one) => sources.every((source) => one.sources.has(source)))
    if (holder) {
      by.set(record.id, holder.id)
      continue
    }
    const own = { id: record.id, sources: new Set(sources) }
    for (const source of own.sources) {
      const list = holders.get(source)
      if (list) list.push(own)
      else holders.set(source, [own])
    }
  }
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const name = key(item)
    const group = groups.get(name)
    if (group) group.push(item)
    else groups.set(name, [item])
  }
  return [...groups.values()]
}
