/** Which data a request sees; the parameters of Thanos's querier. */
import type { Matcher } from '#lib/model/matcher.ts'
import type { Shard } from './storage.ts'

export interface Scope {
  /** Merge series that differ in replica labels only. */
  readonly dedup: boolean
  readonly replicaLabels: readonly string[]
  readonly deduplication: Deduplication
  /** A store that fails is a warning (true) or the error of the whole request. */
  readonly partialResponse: boolean
  /** Coarsest resolution of downsampled blocks that may be read, in ms; 0 is raw only. */
  readonly maxSourceResolutionMs: number
  /** Who asks, for limits and logs; undefined where nobody said. */
  readonly tenant?: string | undefined
  /** Only series that match are seen, by any way: how tenancy is enforced. */
  readonly enforced?: readonly Matcher[] | undefined
  /** Only the series of this shard: the others are asked elsewhere. */
  readonly shard?: Shard | undefined
  /** No store is asked. */
  readonly nothing?: boolean | undefined
}

/**
 * `--deduplication.func`. `nearest` is our rule (`dedup.ts`), which has no memory. `penalty` and `chain` are Thanos's, and with them
 * raw blocks are read as its querier reads them.
 */
export const DEDUPLICATIONS = ['nearest', 'penalty', 'chain'] as const
export type Deduplication = (typeof DEDUPLICATIONS)[number]
