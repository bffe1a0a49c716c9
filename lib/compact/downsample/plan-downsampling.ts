/** Which blocks are to be downsampled, by Thanos's rules: the span of a block decides, not its age. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { labelsKey } from '#lib/model/labels.ts'
import { FIVE_MINUTES_MS, NEXT_RESOLUTION, ONE_HOUR_MS } from './windows.ts'

const HOUR_MS = 3_600_000

/** By the resolution of a block: how long it must be, so that about two chunks of each series come of it. */
export const DOWNSAMPLED_SPAN_MS: ReadonlyMap<number, number> = new Map([
  [0, 40 * HOUR_MS],
  [FIVE_MINUTES_MS, 240 * HOUR_MS],
])

export interface DownsamplingRules {
  readonly nowMs: number
  /** A block is left alone this long after its upload, unless a compactor made it. */
  readonly consistencyDelayMs: number
  /** How long blocks stay, 0 for ever: what would be deleted at once is not made. */
  readonly retentionMs: { readonly fiveMinutes: number; readonly oneHour: number }
}

export interface DownsamplingJob {
  readonly block: BlockRecord
  /** Of the block to make. */
  readonly resolutionMs: number
  /** For people. */
  readonly reason: string
}

export interface DownsamplingPlan {
  /** By the time of their blocks. */
  readonly jobs: readonly DownsamplingJob[]
  /** Of every block that is in no job: why. */
  readonly left: ReadonlyMap<string, string>
}

/** `records` may be of many streams, and hidden or marked. */
export function planDownsampling(
  records: readonly BlockRecord[],
  rules: DownsamplingRules,
): DownsamplingPlan {
  const made = new DownsampledSources(records)
  const jobs: DownsamplingJob[] = []
  const left = new Map<string, string>()
  for (const block of records.toSorted(byTime)) {
    const resolutionMs = NEXT_RESOLUTION.get(block.resolutionMs)
    const reason =
      resolutionMs === undefined
        ? `${nameOf(block.resolutionMs)} blocks are not downsampled`
        : (spanReason(block, resolutionMs) ??
          (made.cover(block, resolutionMs)
            ? `there are ${nameOf(resolutionMs)} blocks of it`
            : goneReason(block)) ??
          laterReason(block, resolutionMs, rules))
    if (reason === undefined) {
      jobs.push({ block, resolutionMs: resolutionMs!, reason: dueReason(block, resolutionMs!) })
    } else left.set(block.id, reason)
  }
  return { jobs, left }
}

/** Which sources are in blocks of which resolution, stream by stream: in Thanos it is enough that any stream has them. */
export class DownsampledSources {
  readonly #sources = new Map<string, Set<string>>()

  constructor(records: readonly BlockRecord[]) {
    for (const { resolutionMs, labels, sources, marks } of records) {
      if (resolutionMs === 0 || marks.deletion) continue
      const key = `${resolutionMs}@${labelsKey(labels)}`
      const known = this.#sources.get(key) ?? new Set()
      for (const source of sources) known.add(source)
      this.#sources.set(key, known)
    }
  }

  /** Whether blocks of the resolution have all that is in the block. */
  cover({ id, labels, sources }: BlockRecord, resolutionMs: number): boolean {
    const known = this.#sources.get(`${resolutionMs}@${labelsKey(labels)}`)
    const own = sources.length > 0 ? sources : [id]
    return known !== undefined && own.every((source) => known.has(source))
  }
}

function spanReason(block: BlockRecord, resolutionMs: number): string | undefined {
  const wantedMs = DOWNSAMPLED_SPAN_MS.get(block.resolutionMs)!
  if (spanOf(block) >= wantedMs) return undefined
  return `spans ${hours(spanOf(block))}, ${nameOf(resolutionMs)} blocks are made of those that span ${hours(wantedMs)}`
}

/** Why a block is as good as not there, or is not to be touched. */
function goneReason({ marks, hidden }: BlockRecord): string | undefined {
  if (marks.deletion) return 'marked for deletion'
  if (marks.noDownsample) {
    return `marked no-downsample: ${marks.noDownsample.reason ?? 'no reason given'}`
  }
  return hidden
}

function laterReason(
  { source, uploadTimeMs, maxTimeMs }: BlockRecord,
  resolutionMs: number,
  { nowMs, consistencyDelayMs, retentionMs }: DownsamplingRules,
): string | undefined {
  const ageMs = nowMs - uploadTimeMs
  if (source !== 'compactor' && ageMs < consistencyDelayMs) {
    return `uploaded ${Math.round(ageMs / 1000)} s ago, it is left alone for ${consistencyDelayMs / 1000} s`
  }
  const staysMs = resolutionMs === ONE_HOUR_MS ? retentionMs.oneHour : retentionMs.fiveMinutes
  if (staysMs > 0 && maxTimeMs + staysMs <= nowMs) {
    return `${nameOf(resolutionMs)} blocks of its time are no longer kept`
  }
  return undefined
}

function dueReason(block: BlockRecord, resolutionMs: number): string {
  return `spans ${hours(spanOf(block))}, and there is no ${nameOf(resolutionMs)} block of all of it`
}

function spanOf({ minTimeMs, maxTimeMs }: BlockRecord): number {
  return maxTimeMs - minTimeMs
}

function hours(ms: number): string {
  return `${Math.floor((ms / HOUR_MS) * 10) / 10} h`
}

function nameOf(resolutionMs: number): string {
  return resolutionMs === FIVE_MINUTES_MS
    ? '5m'
    : resolutionMs === ONE_HOUR_MS
      ? '1h'
      : `${resolutionMs} ms`
}

function byTime(a: BlockRecord, b: BlockRecord): number {
  return a.minTimeMs - b.minTimeMs || (a.id < b.id ? -1 : 1)
}
