/** Which blocks a selection reads, how far, and whether as Thanos would. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { chooseBlocks } from '#lib/blocks/choose-blocks.ts'
import { DEDUP_REACH_MS } from '#lib/storage/dedup.ts'
import { type Aggregation, aggregationOf, maxResolutionMs } from '#lib/storage/downsampling.ts'
import type { Scope } from '#lib/storage/scope.ts'
import type { ClosedInterval, SelectRequest } from '#lib/storage/storage.ts'
import type { SeriesSource } from './series-source.ts'
import type { ThanosReading } from './thanos-reading.ts'

export interface ReadPlan {
  readonly chosen: readonly BlockRecord[]
  /** Chunks that overlap it are read. */
  readonly interval: ClosedInterval
  /** The coarsest that sources may answer with; 0 for raw. */
  readonly coarsestMs: number
  /** What is taken of downsampled chunks. */
  readonly aggregation: Aggregation
  /** Absent for raw blocks whose replicas are merged by our rule. */
  readonly thanos: ThanosReading | undefined
}

/** Thanos's finest downsampled blocks. */
const FINEST_MS = 300_000

/** HA groups are not larger; sets how far planning looks past a request. */
const MAX_REPLICAS = 4

/** How much further than a request its replicas are read at most. */
export function selectReachMs(scope: Scope): number {
  return dedupes(scope) ? DEDUP_REACH_MS * (MAX_REPLICAS - 1) : 0
}

/**
 * `reachMs`: how much further our rule reads. Thanos's way of reading has a memory, so it begins where Thanos begins, whoever asks for
 * what part of the answer; downsampled blocks are always read in this way, and their replicas merged by penalty unless told otherwise.
 */
export function planRead(
  blocks: readonly BlockRecord[],
  request: SelectRequest,
  scope: Scope,
  reachMs: number,
  sources: readonly SeriesSource[] = [],
): ReadPlan {
  const { startMs, endMs, hints } = request
  const coarsestMs = hints.labelsOnly
    ? Infinity
    : maxResolutionMs(scope.maxSourceResolutionMs, hints)
  const interval = hints.asked?.selector ?? { startMs, endMs }
  const chosen = chooseBlocks(blocks, interval, coarsestMs)
  const downsampled = sources.some(({ downsamples }) => downsamples)
  // Thanos's stores end a call where histograms are asked for their least.
  const exact = scope.exactDownsampling && !(downsampled && hints.func === 'resets')
  const aggregation = aggregationOf(hints, exact)
  if (hints.labelsOnly) return { chosen, interval, coarsestMs, aggregation, thanos: undefined }
  // What a source has is not known before it answers, but how to read must be, whoever asks for what part.
  const mayBeCoarse = coarsestMs >= FINEST_MS && downsampled
  if (scope.deduplication === 'nearest' && chosen.every(isRaw) && !mayBeCoarse) {
    const wider = { startMs: startMs - reachMs, endMs: endMs + reachMs }
    const raw = overlapping(blocks.filter(isRaw), wider)
    return { chosen: raw, interval: wider, coarsestMs: 0, aggregation, thanos: undefined }
  }
  const merge = scope.deduplication === 'chain' ? 'chain' : 'penalty'
  return {
    chosen,
    interval,
    coarsestMs,
    aggregation,
    thanos: {
      aggregation,
      merge: dedupes(scope) ? merge : undefined,
      bounds: hints.asked?.query ?? { startMs, endMs },
      windows: {
        firstMs: hints.windowMs > 0 ? startMs - 1 + hints.windowMs : endMs,
        lastMs: endMs,
        stepMs: hints.stepMs,
        windowMs: hints.windowMs > 0 ? hints.windowMs : endMs - startMs + 1,
      },
    },
  }
}

export function overlapping(
  blocks: readonly BlockRecord[],
  { startMs, endMs }: ClosedInterval,
): BlockRecord[] {
  return blocks.filter((block) => block.minTimeMs <= endMs && block.maxTimeMs > startMs)
}

function isRaw({ resolutionMs }: BlockRecord): boolean {
  return resolutionMs === 0
}

function dedupes({ dedup, replicaLabels }: Scope): boolean {
  return dedup && replicaLabels.length > 0
}
