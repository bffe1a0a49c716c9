/** What a run of the planner found, as one flat line for a log: metric filters of the stack look for its numbers. */
import type { IndexUpdate } from '#lib/blocks/bucket-index.ts'
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import type { PackMark } from '#lib/fresh/pack-marks.ts'
import { formatLabels } from '#lib/model/labels.ts'
import { UNREADABLE } from '../jobs/marks.ts'
import type { Backlog, BacklogJob } from './backlog.ts'
import { countText, spanText } from './plan-text.ts'
import { todoOf } from './todo.ts'
import type { Writer } from './writers.ts'

export interface PlanReport {
  /** One line for people. */
  readonly message: string
  /** Of the bucket index. */
  readonly blocks: number
  /** Of them, that queries don't see. */
  readonly hidden: number
  /** What looks like a block and is none, yet or any more. */
  readonly partial: number
  readonly added: number
  readonly removed: number
  /** Whether the index had to be written. */
  readonly written: boolean
  /** That are to be done, how many of them went into the queue now, and how long all take one after the other. */
  readonly jobs: number
  readonly sent: number
  readonly estimateSeconds: number
  /** Since the oldest of them was first planned, 0 without any. */
  readonly oldestJobSeconds: number
  /** Blocks and fresh blocks that can't be read, so that nothing is done with them. */
  readonly setAside: number
  readonly setAsideNames: string
  /** Of the last day. */
  readonly writers: number
  readonly silentWriters: number
  /** External labels and how long ago, the longest first. */
  readonly lastWrites: string
}

export interface PlanParts {
  readonly update: IndexUpdate
  readonly blocks: readonly BlockRecord[]
  readonly packMarks: readonly PackMark[]
  readonly backlog: Backlog
  readonly sent: readonly BacklogJob[]
  readonly writers: readonly Writer[]
  readonly nowMs: number
}

/** Names in a line; the numbers count all. */
const MAX_NAMES = 10
const MAX_NAME_LENGTH = 160

export function planReport(parts: PlanParts): PlanReport {
  const { update, backlog, sent, writers, nowMs } = parts
  const { blocks, hidden, partial, added, removed, written } = update
  const { jobs, estimateSeconds, oldestMs = nowMs } = todoOf(backlog)
  const setAside = setAsideNames(parts)
  const report = {
    blocks,
    hidden,
    partial: partial.length,
    added: added.length,
    removed: removed.length,
    written,
    jobs,
    sent: sent.length,
    estimateSeconds,
    oldestJobSeconds: Math.max(0, Math.round((nowMs - oldestMs) / 1000)),
    setAside: setAside.length,
    setAsideNames: some(setAside),
    writers: writers.length,
    silentWriters: writers.filter(({ isSilent }) => isSilent).length,
    lastWrites: some(
      writers.map(
        ({ labels, lastMs }) => `${formatLabels(labels)} ${spanText(nowMs - lastMs)} ago`,
      ),
    ),
  }
  return { message: planText(report), ...report }
}

function planText(report: Omit<PlanReport, 'message'>): string {
  const { blocks, jobs, sent, oldestJobSeconds, setAside, writers, silentWriters } = report
  return [
    countText(blocks, 'block'),
    `${countText(jobs, 'job')} to do, ${sent} sent`,
    ...(oldestJobSeconds > 0 ? [`the oldest for ${spanText(oldestJobSeconds * 1000)}`] : []),
    ...(setAside > 0 ? [`${setAside} set aside`] : []),
    countText(writers, 'writer'),
    ...(silentWriters > 0 ? [`${silentWriters} silent`] : []),
  ].join(', ')
}

/** What is deleted anyway is no trouble any more. */
function setAsideNames({ blocks, packMarks }: PlanParts): string[] {
  const broken = blocks.filter(
    ({ marks: { deletion, noCompact, noDownsample } }) =>
      !deletion && (noCompact?.reason === UNREADABLE || noDownsample?.reason === UNREADABLE),
  )
  const marks = packMarks.filter(({ kind }) => kind === 'broken')
  return [...broken.map(({ id }) => id), ...marks.map(({ key }) => key)]
}

function some(names: readonly string[]): string {
  const shown = names.slice(0, MAX_NAMES).map((name) => cut(name))
  if (names.length > MAX_NAMES) shown.push(`and ${names.length - MAX_NAMES} more`)
  return shown.join('; ')
}

function cut(name: string): string {
  return name.length <= MAX_NAME_LENGTH ? name : `${name.slice(0, MAX_NAME_LENGTH - 1)}…`
}
