/** Waits for a bucket that refuses. */
import { DomainError } from '#lib/model/errors.ts'
import { sleep } from '../sleep.ts'
import type { FreshMetrics } from './fresh-metrics.ts'
import type { FreshParts } from './fresh-options.ts'

const MAX_RETRY_MS = 30_000

export class Patience {
  readonly #parts: Pick<FreshParts, 'logger' | 'sleep'>
  readonly #metrics: FreshMetrics
  readonly #onWait: () => void
  readonly #kill: AbortSignal

  constructor(
    parts: Pick<FreshParts, 'logger' | 'sleep'>,
    metrics: FreshMetrics,
    onWait: () => void,
    kill: AbortSignal,
  ) {
    this.#parts = parts
    this.#metrics = metrics
    this.#onWait = onWait
    this.#kill = kill
  }

  /** The request, until it succeeds: again after 1, 2, 4 … 30 seconds. Rejects when killed, and where it can never succeed. */
  async until<T>(what: string, request: () => Promise<T>): Promise<T> {
    for (let failures = 1; ; failures++) {
      try {
        return await request()
      } catch (error) {
        if (!(error instanceof DomainError) || this.#kill.aborted) throw error
        if (error.kind === 'invalid') throw error
        const retryMs = Math.min(MAX_RETRY_MS, 1000 * 2 ** Math.min(failures - 1, 20))
        this.#metrics.retries.inc()
        this.#onWait()
        this.#parts.logger.warn(
          { kind: error.kind, err: error, request: what, failures, retryMs },
          'the bucket refuses, fresh blocks wait for it (nothing is lost while prometheus has its log)',
        )
        await (this.#parts.sleep ?? sleep)(retryMs, this.#kill)
      }
    }
  }
}
