/** What is told of a block to whoever plans with it or shows it. */
import type { Labels } from './labels.ts'

export interface BlockSummary {
  readonly id: string
  /** Samples are in [minTimeMs, maxTimeMs). */
  readonly minTimeMs: number
  readonly maxTimeMs: number
  /** External labels. */
  readonly labels: Labels
  /** 0 raw, 300000 or 3600000 downsampled. */
  readonly resolutionMs: number
  readonly level: number
  /** ULIDs of the level-1 blocks it was made of. */
  readonly sources: readonly string[]
  /** sidecar, compactor, receive, ruler… */
  readonly source: string
  readonly seriesCount: number
  readonly sampleCount: number
  readonly chunkCount: number
}
