/** Says when metadata of metrics go into a pack: when they have changed, and again before the packs that have them are gone. */
import { DomainError } from '#lib/model/errors.ts'
import type { PackedMetadata } from '#lib/fresh/side-pages.ts'
import type { FreshParts } from './fresh-options.ts'

/** Rounds from one question to the next: at 30 seconds, five minutes. */
const ASK_ROUNDS = 10
/** Half an hour: packs of the last hour are never without them. */
const REPEAT_ROUNDS = 60
const TIMEOUT_MS = 5000

export class MetadataTeller {
  readonly #parts: Pick<FreshParts, 'metadata' | 'logger' | 'now'>
  readonly #roundMs: number
  #askedMs = -Infinity
  #toldMs = -Infinity
  /** As JSON. */
  #told = '[]'

  constructor(parts: Pick<FreshParts, 'metadata' | 'logger' | 'now'>, roundMs: number) {
    this.#parts = parts
    this.#roundMs = roundMs
  }

  /** All of them, or none where there is nothing to say. They are worth no failure. */
  async due(signal: AbortSignal): Promise<readonly PackedMetadata[]> {
    const { metadata, logger, now } = this.#parts
    const nowMs = now()
    if (!metadata || nowMs - this.#askedMs < ASK_ROUNDS * this.#roundMs) return []
    try {
      const all = await metadata(AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]))
      // One that was just started has scraped nothing yet.
      if (all.length === 0) return []
      this.#askedMs = nowMs
      const told = JSON.stringify(all)
      const isOld = nowMs - this.#toldMs >= REPEAT_ROUNDS * this.#roundMs
      if (told === this.#told && !isOld) return []
      this.#told = told
      this.#toldMs = nowMs
      return all
    } catch (error) {
      if (!(error instanceof DomainError) || signal.aborted) throw error
      logger.warn(
        { kind: error.kind, err: error },
        'no metadata of metrics, they are asked for again',
      )
      this.#askedMs = nowMs
      return []
    }
  }
}
