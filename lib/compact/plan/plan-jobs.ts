/** All there is to do for a bucket, and why: a function of the bucket index, the settings and the time alone. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import type { PartialBlock } from '#lib/blocks/scan.ts'
import type { FreshPack } from '#lib/fresh/fresh-list.ts'
import type { PackMark } from '#lib/fresh/pack-marks.ts'
import { labelsFromPairs, type Labels } from '#lib/model/labels.ts'
import { DownsampledSources, planDownsampling } from '../downsample/plan-downsampling.ts'
import { NEXT_RESOLUTION } from '../downsample/windows.ts'
import type { Dedup } from '../jobs/job.ts'
import { LEASE_PREFIX } from '../jobs/lease.ts'
import { blockBytes, bytesOf, estimateSeconds, isOverlap } from './estimate.ts'
import { JobDraft, type PlannedJob } from './job-draft.ts'
import { type Compaction, planCompactions } from './plan-compactions.ts'
import { type CutState, planCuts } from './plan-cuts.ts'
import { planGarbage, planMarked, planPartial, planRetention } from './plan-deletions.ts'
import { planFresh } from './plan-fresh.ts'
import { countText, resolutionText, spanText, timeText } from './plan-text.ts'
import { type CompactSettings, retentionOf } from './settings.ts'

export type { PlannedJob }

export interface PlanInput {
  readonly blocks: readonly BlockRecord[]
  readonly partial: readonly PartialBlock[]
  readonly packs: readonly FreshPack[]
  /** What was learned of packs. */
  readonly packMarks?: readonly PackMark[] | undefined
  /** Of `thaw/compact/`. */
  readonly cuts: readonly CutState[]
  readonly settings: CompactSettings
  readonly nowMs: number
  /** Blocks that live leases name: they are being made. */
  readonly writing?: ReadonlySet<string> | undefined
  /** Objects of `thaw/lookup/`, where somebody listed them. */
  readonly lookups?: readonly LookupObject[] | undefined
  /** All of them, by the keys of jobs, where somebody read them. */
  readonly leases?: ReadonlyMap<string, { readonly untilMs: number }> | undefined
}

export interface LookupObject {
  readonly key: string
  /** The block. */
  readonly id: string
  readonly lastModifiedMs: number
}

export interface JobPlan {
  /** In the order of their worth. No block is in two of them. */
  readonly jobs: readonly PlannedJob[]
  /** Of every block, by time: why it is or is not planned. Then of what is no block yet, or no more. */
  readonly reasons: ReadonlyMap<string, string>
}

export function planJobs(input: PlanInput): JobPlan {
  const { blocks, settings, nowMs, cuts } = input
  const { dedup } = settings
  const draft = new JobDraft()
  // In an order of their own: a plan must not depend on that of a listing.
  const sorted = blocks.toSorted((a, b) => a.minTimeMs - b.minTimeMs || (a.id < b.id ? -1 : 1))
  const unmarked = planMarked(draft, sorted, settings, nowMs)
  const kept = planRetention(draft, unmarked, settings, nowMs)
  const merged = dedup ? kept.map((block) => withoutReplica(block, dedup)) : kept
  const live = planGarbage(draft, merged)
  const busy = planCuts(draft, cuts, { all: new Set(blocks.map(({ id }) => id)), live })
  const taken = compact(draft, live, busy, input)
  downsample(draft, live, taken, input)
  const writing = new Set([...(input.writing ?? []), ...cuts.map(({ ulid }) => ulid)])
  planPartial(draft, input.partial, { settings, nowMs, writing })
  cleanLookups(draft, input)
  planFresh(draft, input)
  cleanLeases(draft, input)
  return { jobs: draft.jobs(), reasons: draft.reasons([...sorted, ...input.partial]) }
}

/** External labels without replica labels; where nothing is left, Thanos names the first of them. */
function withoutReplica(block: BlockRecord, { replicaLabels }: Dedup): BlockRecord {
  return { ...block, labels: groupLabels(block.labels, replicaLabels) }
}

export function groupLabels(labels: Labels, replicaLabels: readonly string[]): Labels {
  const pairs: [string, string][] = []
  for (let i = 0; i < labels.length; i += 2) {
    if (!replicaLabels.includes(labels[i]!)) pairs.push([labels[i]!, labels[i + 1]!])
  }
  const first = replicaLabels[0]
  if (pairs.length === 0 && first !== undefined) pairs.push([first, 'deduped'])
  return labelsFromPairs(pairs)
}

/** Returns the blocks that are in a job, or soon will be, which makes of them what is to be downsampled instead. */
function compact(
  draft: JobDraft,
  live: readonly BlockRecord[],
  busy: ReadonlyMap<string, string>,
  { settings, nowMs }: PlanInput,
): ReadonlySet<string> {
  const downsampled = new DownsampledSources(live)
  const notWorth = (blocks: readonly BlockRecord[]): string | undefined =>
    goesSoon(blocks, settings, nowMs, downsampled)
  const { jobs, left } = planCompactions(live, { ...settings, nowMs, busy, notWorth })
  for (const [id, reason] of left) draft.leave(id, reason)
  const taken = new Set(busy.keys())
  for (const job of jobs) {
    addCompaction(draft, job, settings)
    for (const { id } of job.blocks) taken.add(id)
  }
  return taken
}

function addCompaction(
  draft: JobDraft,
  { reason, blocks }: Compaction,
  settings: CompactSettings,
): void {
  const { dedup, maxJobSeconds } = settings
  const inputs = blocks.map(({ id }) => id)
  const bytes = bytesOf(blocks)
  const kind = isOverlap(blocks) ? 'overlap' : 'compact'
  const seconds = estimateSeconds(kind, inputs.length, bytes)
  const parts = Math.ceil(seconds / maxJobSeconds)
  const work = { inputs, ...(dedup && { dedup }) }
  const text = compactionText(reason, blocks)
  if (parts > 1)
    draft.add({ type: 'cut', ...work, parts }, `${text}, in ${parts} parts`, inputs, bytes)
  else draft.add({ type: 'compact', ...work }, text, inputs, bytes, kind)
}

function compactionText(reason: Compaction['reason'], blocks: readonly BlockRecord[]): string {
  const startMs = Math.min(...blocks.map(({ minTimeMs }) => minTimeMs))
  const endMs = Math.max(...blocks.map(({ maxTimeMs }) => maxTimeMs))
  const span = `${spanText(endMs - startMs)} from ${timeText(startMs)}`
  switch (reason) {
    case 'overlap':
      return `${countText(blocks.length, 'block')} overlap, to be merged into one of ${span}`
    case 'range':
      return `${countText(blocks.length, 'block')} to be merged into one of ${span}`
    case 'tombstones':
      return `to be written again without what is deleted in it`
    default:
      return reason satisfies never
  }
}

/**
 * Inputs stay in the bucket for the delete delay after a merge. A block that goes by retention before that would only have cost its
 * making; unless it must become long enough to be downsampled.
 */
function goesSoon(
  blocks: readonly BlockRecord[],
  { retentionMs, deleteDelayMs, downsampling }: CompactSettings,
  nowMs: number,
  downsampled: DownsampledSources,
): string | undefined {
  const { resolutionMs } = blocks[0]!
  const endMs = Math.max(...blocks.map(({ maxTimeMs }) => maxTimeMs))
  const goneMs = endMs + retentionOf(retentionMs, resolutionMs)
  if (goneMs - nowMs >= deleteDelayMs) return undefined
  const next = NEXT_RESOLUTION.get(resolutionMs)
  const isCovered = next === undefined || blocks.every((block) => downsampled.cover(block, next))
  if (downsampling && !isCovered) return undefined
  return `goes by retention on ${timeText(goneMs)}, before merging it would pay`
}

/** A block that is being merged waits: what comes of it is downsampled in its place. */
function downsample(
  draft: JobDraft,
  live: readonly BlockRecord[],
  taken: ReadonlySet<string>,
  { settings, nowMs }: PlanInput,
): void {
  if (!settings.downsampling) return
  const free = ({ id }: { readonly id: string }): boolean => !taken.has(id)
  const { jobs, left } = planDownsampling(live, { ...settings, nowMs })
  for (const { id } of live.filter(free)) draft.leaveToo(id, left.get(id))
  for (const { block, resolutionMs, reason } of jobs.filter(({ block }) => free(block))) {
    const job = { type: 'downsample', input: block.id, resolutionMs } as const
    const text = `to be downsampled to ${resolutionText(resolutionMs)}: ${reason}`
    draft.add(job, text, [block.id], blockBytes(block))
  }
}

/** Whoever takes a job over goes on with the block that its lease names, so leases of jobs that will be done stay. */
const LEASE_ALONE_MS = 48 * 3_600_000

function cleanLeases(draft: JobDraft, { leases, nowMs }: PlanInput): void {
  if (!leases) return
  const planned = new Set(draft.jobs().map(({ key }) => key))
  const keys = [...leases]
    .filter(([key, { untilMs }]) => !planned.has(key) && nowMs - untilMs > LEASE_ALONE_MS)
    .map(([key]) => LEASE_PREFIX + key)
    .sort()
  for (let i = 0; i < keys.length; i += KEYS_AT_ONCE) {
    const some = keys.slice(i, i + KEYS_AT_ONCE)
    draft.add({ type: 'delete-objects', keys: some }, 'leases of workers that ended', [])
  }
}

/** Older than any upload: a lookup may be there before its block. */
const LOOKUP_ALONE_MS = 48 * 3_600_000
const KEYS_AT_ONCE = 500

function cleanLookups(draft: JobDraft, { blocks, partial, lookups = [], nowMs }: PlanInput): void {
  const known = new Set([...blocks, ...partial].map(({ id }) => id))
  const keys = lookups
    .filter(({ id, lastModifiedMs }) => !known.has(id) && nowMs - lastModifiedMs > LOOKUP_ALONE_MS)
    .map(({ key }) => key)
    .sort()
  for (let i = 0; i < keys.length; i += KEYS_AT_ONCE) {
    const some = keys.slice(i, i + KEYS_AT_ONCE)
    draft.add({ type: 'delete-objects', keys: some }, 'lookups of blocks that are gone', [])
  }
}
