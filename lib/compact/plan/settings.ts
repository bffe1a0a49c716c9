/** What decides a plan besides the bucket. Names and defaults are those of Thanos's flags where it has them. */
import { DomainError } from '#lib/model/errors.ts'
import type { Dedup } from '../jobs/job.ts'
import { spanText } from './plan-text.ts'

const SECOND_MS = 1000
const HOUR_MS = 3600 * SECOND_MS
const DAY_MS = 24 * HOUR_MS

export interface CompactSettings {
  /** `--consistency-delay`: a block is left alone this long after its upload, unless a compactor made it. */
  readonly consistencyDelayMs: number
  /** `--delete-delay`: between a deletion mark and the deletion. */
  readonly deleteDelayMs: number
  /** Age of the newest object of something that never became a block. A constant in Thanos. */
  readonly partialUploadMs: number
  /** `--retention.resolution-…`; 0 for ever. */
  readonly retentionMs: RetentionMs
  /** Off by `--downsampling.disable`. */
  readonly downsampling: boolean
  /** `--deduplication.func`, `--deduplication.replica-label`; without it replicas stay apart. */
  readonly dedup?: Dedup | undefined
  /** Lengths of aligned windows that become a block each; ascending, each a multiple of the one before. */
  readonly rangesMs: readonly number[]
  /** `--compact.block-max-index-size`: of all indexes of a job together. */
  readonly maxIndexBytes: number
  /** Blocks that are merged at once: each is a stream with its buffers. */
  readonly maxInputs: number
  /** A job that is estimated to take longer is made in parts. */
  readonly maxJobSeconds: number
  /** After the end of a window: when fresh blocks that nobody merges or deletes are made a block. */
  readonly freshDelayMs: number
}

export interface RetentionMs {
  readonly raw: number
  readonly fiveMinutes: number
  readonly oneHour: number
}

export const COMPACTION_RANGES_MS: readonly number[] = [2, 8, 48, 336].map(
  (hours) => hours * HOUR_MS,
)

export const DEFAULT_COMPACT_SETTINGS: CompactSettings = {
  consistencyDelayMs: 30 * 60 * SECOND_MS,
  deleteDelayMs: 48 * HOUR_MS,
  partialUploadMs: 48 * HOUR_MS,
  retentionMs: { raw: 0, fiveMinutes: 0, oneHour: 0 },
  downsampling: true,
  rangesMs: COMPACTION_RANGES_MS,
  maxIndexBytes: 64 * 1024 ** 3,
  maxInputs: 32,
  maxJobSeconds: 600,
  freshDelayMs: 3 * HOUR_MS,
}

/** A raw block must live until it is this long, one of 5 minutes until it is that long: only then it is downsampled. */
const MIN_RAW_MS = 40 * HOUR_MS
const MIN_FIVE_MINUTES_MS = 10 * DAY_MS

/** Throws a DomainError 'invalid' that names the flag. */
export function checkSettings(settings: CompactSettings): void {
  const { retentionMs, downsampling, dedup, rangesMs } = settings
  const bad = (text: string): DomainError => new DomainError('invalid', text)
  for (const [flag, ms, least, next] of [
    ['--retention.resolution-raw', retentionMs.raw, MIN_RAW_MS, '5 minutes'],
    ['--retention.resolution-5m', retentionMs.fiveMinutes, MIN_FIVE_MINUTES_MS, '1 hour'],
  ] as const) {
    if (!downsampling || ms === 0 || ms >= least) continue
    throw bad(
      `${flag} of ${spanText(ms)}: blocks would be deleted before they are downsampled to ${next}, which needs blocks of ${spanText(least)}; keep them longer, for ever (0d), or switch downsampling off`,
    )
  }
  if (Object.values(retentionMs).some((ms) => !(ms >= 0))) throw bad('a retention is negative')
  if (dedup && dedup.replicaLabels.length === 0) {
    throw bad('deduplication needs the names of replica labels, --deduplication.replica-label')
  }
  const isLadder = rangesMs.every((ms, i) => ms > 0 && ms % (rangesMs[i - 1] ?? ms) === 0)
  if (!isLadder || rangesMs.length === 0) {
    throw bad('compaction ranges must ascend, each a multiple of the one before')
  }
}

/** How long a block of this resolution is kept after its last sample; Infinity for ever, and for resolutions nobody knows. */
export function retentionOf(
  { raw, fiveMinutes, oneHour }: RetentionMs,
  resolutionMs: number,
): number {
  const ms = { 0: raw, 300_000: fiveMinutes, 3_600_000: oneHour }[resolutionMs] ?? 0
  return ms === 0 ? Infinity : ms
}
