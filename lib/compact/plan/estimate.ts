/** How long jobs take: a function of one processor beside the bucket, at speeds that `bench/compact` measured. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import type { JobType } from '../jobs/job.ts'

/** `overlap`: a merge, or a part of one, where samples of several blocks come between each other. */
export type Work = JobType | 'overlap'

/** Input bytes per second of one processor: chunks are copied, or decoded and encoded anew. A cut reads next to nothing. */
const BYTES_PER_SECOND: Readonly<Partial<Record<Work, number>>> = {
  compact: 40e6,
  overlap: 10e6,
  part: 40e6,
  finish: 100e6,
  downsample: 40e6,
  'merge-packs': 20e6,
}

/** Lease, meta.json of the inputs, mark: some round trips. */
const SECONDS_PER_JOB = 1
/** Opening a block, or deleting or marking it. */
const SECONDS_PER_INPUT = 0.2

export function estimateSeconds(work: Work, inputs: number, inputBytes: number): number {
  const bytesPerSecond = BYTES_PER_SECOND[work] ?? Infinity
  const seconds = SECONDS_PER_JOB + inputs * SECONDS_PER_INPUT + inputBytes / bytesPerSecond
  return Math.round(seconds * 10) / 10
}

/** Of blocks that are merged, whether whole or in parts. */
export function isOverlap(blocks: readonly BlockRecord[]): boolean {
  const sorted = blocks.toSorted((a, b) => a.minTimeMs - b.minTimeMs)
  return sorted.some((block, i) => i > 0 && block.minTimeMs < sorted[i - 1]!.maxTimeMs)
}

export function blockBytes({ indexSize, segmentSizes }: BlockRecord): number {
  return segmentSizes.reduce((sum, size) => sum + size, indexSize)
}

export function bytesOf(blocks: readonly BlockRecord[]): number {
  return blocks.reduce((sum, block) => sum + blockBytes(block), 0)
}
