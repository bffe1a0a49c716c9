/** What a part does with its thread: opened once, then run until it is told to stop. */
import type { Registry } from 'prom-client'
import type { Logger } from '#agent/logger.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import type { FromPart, PartData } from './part-messages.ts'

export interface PartParts {
  readonly data: PartData
  /** Counts for /metrics. */
  readonly bucket: Bucket
  readonly registry: Registry
  readonly logger: Logger
  readonly now: () => number
  /** The thread is to end. */
  readonly signal: AbortSignal
  readonly tell: (message: FromPart) => void
}

export interface OpenPart {
  /** Resolves after the signal, when nothing of it runs any more. */
  readonly run: () => Promise<void>
  readonly reload: () => Promise<void>
}

/** Rejects with 'invalid' or 'unsupported' where it can't do its work as it is set up. */
export type PartWork = (parts: PartParts) => Promise<OpenPart>
