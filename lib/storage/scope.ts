/** Which data a request sees; the parameters of Thanos's querier. */
import type { Matcher } from '#lib/model/matcher.ts'
import { compileMatcher } from '#lib/regex/matcher.ts'
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
  /** Functions over downsampled blocks give what they would over raw samples, wherever windows tell it; otherwise what they give in Thanos. */
  readonly exactDownsampling?: boolean | undefined
  /** Who asks, for limits and logs; undefined where nobody said. */
  readonly tenant?: string | undefined
  /** Only series that match are seen, by any way: how tenancy is enforced. */
  readonly enforced?: readonly Matcher[] | undefined
  /** Only the series of this shard: the others are asked elsewhere. */
  readonly shard?: Shard | undefined
  /** Only stores whose address one of these matches are asked: `storeMatch[]`. */
  readonly stores?: readonly (readonly Matcher[])[] | undefined
}

/** What `storeMatch[]` sees of the bucket. */
export const BUCKET_ADDRESS = 'thaw'

/** Only the address of a store is matched; every other label of it is empty. One set that matches is enough. */
export function seesStore({ stores }: Scope, address: string): boolean {
  if (!stores) return true
  return stores.some((matchers) =>
    matchers
      .map(compileMatcher)
      .every(({ name, matches }) => matches(name === '__address__' ? address : '')),
  )
}

/**
 * `--deduplication.func`. `nearest` is our rule (`dedup.ts`), which has no memory. `penalty` and `chain` are Thanos's, and with them
 * raw blocks are read as its querier reads them.
 */
export const DEDUPLICATIONS = ['nearest', 'penalty', 'chain'] as const
export type Deduplication = (typeof DEDUPLICATIONS)[number]
