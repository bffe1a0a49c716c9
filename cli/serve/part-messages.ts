/** What `thaw serve` and the threads of its parts tell each other. */
import type { MetricObjectWithValues, MetricValue } from 'prom-client'
import type { LogFormat, LogLevel } from '#agent/logger.ts'
import type { Env } from '#agent/objstore.ts'

/** What `thaw serve` does besides answering queries, each on a thread of its own. */
export type PartName = 'compact' | 'rule'

export interface PartData {
  readonly name: PartName
  /** Of the compactor or the ruler, in one line. */
  readonly flags: string
  /** Of the bucket, its variables not replaced. */
  readonly yaml: string
  readonly env: Env
  readonly log: { readonly level: LogLevel; readonly format: LogFormat }
  /** Of blocks that are read again and again. */
  readonly cacheBytes: number
}

export type ToPart =
  /** End what runs, give back what is held, and end. */
  | { readonly type: 'stop' }
  /** Read the files of flags again. */
  | { readonly type: 'reload' }
  | { readonly type: 'metrics'; readonly id: number }

export type PartMetrics = readonly MetricObjectWithValues<MetricValue<string>>[]

export type FromPart =
  /** Every few seconds: the thread is not stuck. */
  | { readonly type: 'alive' }
  /** The bucket is read, and what there is to do is known. */
  | { readonly type: 'ready' }
  /** A pass or tick ended well. */
  | { readonly type: 'worked' }
  /** A pass or tick did not; the next one comes. */
  | { readonly type: 'failed'; readonly message: string }
  /** It can't do its work as it is set up, and trying again would not help. */
  | { readonly type: 'refused'; readonly message: string }
  | { readonly type: 'metrics'; readonly id: number; readonly metrics: PartMetrics }
