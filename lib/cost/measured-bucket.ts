/** What a bucket tells of the work that is done in it: how much there is, and how much comes. */
import { isVisible } from '#lib/blocks/visible-blocks.ts'
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { labelsToRecord } from '#lib/model/labels.ts'
import type { Workload } from './workload.ts'

/** GB by what they are. */
export interface HeldBytes {
  readonly raw: number
  readonly fiveMinutes: number
  readonly oneHour: number
  /** Merged, deleted or hidden, and still there. */
  readonly waiting: number
}

export interface MeasuredBucket {
  readonly held: HeldBytes
  /** Undefined where no raw block of the last days is there to judge by. */
  readonly coming:
    | Pick<Workload, 'agents' | 'series' | 'scrapeSeconds' | 'bytesPerSample'>
    | undefined
}

/** What came within this time of the newest block says what comes. */
const RECENT_MS = 7 * 86_400_000
const FIVE_MINUTES = 300_000

export function measureBucket(blocks: readonly BlockRecord[], nowMs: number): MeasuredBucket {
  const held = { raw: 0, fiveMinutes: 0, oneHour: 0, waiting: 0 }
  for (const block of blocks) {
    const kind = !isVisible(block, nowMs)
      ? 'waiting'
      : block.resolutionMs === 0
        ? 'raw'
        : block.resolutionMs === FIVE_MINUTES
          ? 'fiveMinutes'
          : 'oneHour'
    held[kind] += bytesOf(block) / 1e9
  }
  const raw = blocks.filter((block) => isVisible(block, nowMs) && block.resolutionMs === 0)
  return { held, coming: comingOf(raw, nowMs) }
}

function comingOf(raw: readonly BlockRecord[], nowMs: number): MeasuredBucket['coming'] {
  const recent = raw.filter(({ maxTimeMs }) => maxTimeMs > nowMs - RECENT_MS)
  const streams = Map.groupBy(recent, ({ labels }) => JSON.stringify(labelsToRecord(labels)))
  let series = 0
  let samplesPerSecond = 0
  for (const blocks of streams.values()) {
    const from = Math.min(...blocks.map(({ minTimeMs }) => minTimeMs))
    const to = Math.max(...blocks.map(({ maxTimeMs }) => maxTimeMs))
    samplesPerSecond += sum(blocks, ({ sampleCount }) => sampleCount) / ((to - from) / 1000)
    // Longer blocks have series that are over: the shortest one knows best how many are active.
    const shortest = blocks.reduce((a, b) => (lengthOf(b) < lengthOf(a) ? b : a))
    series += shortest.seriesCount
  }
  const samples = sum(recent, ({ sampleCount }) => sampleCount)
  if (samples === 0 || !(samplesPerSecond > 0)) return undefined
  return {
    agents: streams.size,
    series,
    scrapeSeconds: series / samplesPerSecond,
    bytesPerSample: sum(recent, bytesOf) / samples,
  }
}

function bytesOf({ indexSize, segmentSizes }: BlockRecord): number {
  return segmentSizes.reduce((total, size) => total + size, indexSize)
}

function lengthOf({ minTimeMs, maxTimeMs }: BlockRecord): number {
  return maxTimeMs - minTimeMs
}

function sum<T>(all: readonly T[], of: (one: T) => number): number {
  return all.reduce((total, one) => total + of(one), 0)
}
