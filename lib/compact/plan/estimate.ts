/** How long jobs take: a function of one processor beside the bucket, at speeds that `bench/compact` measured. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import type { JobType } from '../jobs/job.ts'

/** Input bytes per second. */
const BYTES_PER_SECOND: Readonly<Partial<Record<JobType, number>>> = {
  compact: 40e6,
  cut: 400e6,
  part: 40e6,
  finish: 100e6,
  downsample: 40e6,
  'merge-packs': 20e6,
}

/** Lease, meta.json of the inputs, mark: some round trips. */
const SECONDS_PER_JOB = 1
/** Opening a block, or deleting or marking it. */
const SECONDS_PER_INPUT = 0.2

export function estimateSeconds(type: JobType, inputs: number, inputBytes: number): number {
  const bytesPerSecond = BYTES_PER_SECOND[type] ?? Infinity
  const seconds = SECONDS_PER_JOB + inputs * SECONDS_PER_INPUT + inputBytes / bytesPerSecond
  return Math.round(seconds * 10) / 10
}

export function blockBytes({ indexSize, segmentSizes }: BlockRecord): number {
  return segmentSizes.reduce((sum, size) => sum + size, indexSize)
}

export function bytesOf(blocks: readonly BlockRecord[]): number {
  return blocks.reduce((sum, block) => sum + blockBytes(block), 0)
}
