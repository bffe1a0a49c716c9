/** The bucket that is backfilled: what of a run is there already. */
import { scanBlocks } from '#lib/blocks/scan.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import type { Labels } from '#lib/model/labels.ts'

export interface BackfillTarget {
  readonly bucket: Bucket
  readonly externalLabels: Labels
  /** Of the block files that a run writes meanwhile; gone when it ends. */
  readonly parts: () => Bucket
  /** Bytes of samples in memory, about. */
  readonly maxMemoryBytes: number
  readonly now: () => number
  readonly dryRun: boolean
  readonly onBlock?: ((block: BackfilledBlock) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

export interface BackfilledBlock {
  readonly ulid: string
  /** `there`: an earlier run made it, perhaps it was compacted since. `planned`: it would be made. */
  readonly status: 'made' | 'there' | 'planned'
  /** Of the samples where it was made, else of the window. */
  readonly minTimeMs: number
  /** Exclusive. */
  readonly maxTimeMs: number
  readonly series: number
  readonly samples: number
}

/** Ids of blocks, and of those that they were compacted from. */
export async function knownBlocks(
  bucket: Bucket,
  signal?: AbortSignal,
): Promise<ReadonlySet<string>> {
  const { blocks } = await scanBlocks(bucket, new Map(), signal)
  return new Set(blocks.flatMap(({ id, sources }) => [id, ...sources]))
}
