/** What the writing of fresh blocks can be told. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import type { PackedMetadata } from '#lib/fresh/side-pages.ts'
import type { Logger } from '../logger.ts'
import type { RemoteQuery, RemoteSeries } from '../prometheus/remote-read.ts'
import type { Meter } from '../metrics.ts'

/** `auto` is the log where there is a data directory. */
export type FreshSource = 'auto' | 'wal' | 'remote-read'

export interface FreshOptions {
  readonly freshSource: FreshSource
  readonly tsdbPath: string
  readonly freshIntervalMs: number
  /** Of samples that are held; what comes beyond makes a pack early. */
  readonly freshMaxMemory: number
  /** How long a last pack may take after the signal. */
  readonly stopGraceMs: number
}

export interface FreshParts {
  readonly bucket: Bucket
  readonly logger: Logger
  readonly now: () => number
  readonly meter: Meter
  /** Ends at once. */
  readonly killSignal?: AbortSignal | undefined
  /** Remote read of this Prometheus. */
  readonly ask?:
    | ((query: RemoteQuery, signal: AbortSignal) => AsyncIterable<RemoteSeries>)
    | undefined
  /** What Prometheus knows of its metrics; goes into packs now and then. */
  readonly metadata?: ((signal: AbortSignal) => Promise<readonly PackedMetadata[]>) | undefined
  /** Called when there is nothing to do for a while: memory that is not needed may go. */
  readonly giveBack?: (() => void) | undefined
  /** Instead of the real one. */
  readonly sleep?: ((ms: number, signal: AbortSignal) => Promise<void>) | undefined
  /** After each round, when all that was to be read is in the bucket. */
  readonly onRound?: (() => void) | undefined
}
