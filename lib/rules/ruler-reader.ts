/** What the ruler left in the bucket, for who only looks. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { isKind } from '#lib/model/errors.ts'
import type { RulerState } from './tick/ruler-state.ts'
import { decodeRulerState, RULE_STATE_KEY } from './tick/state-object.ts'

export interface RulerReaderParts {
  readonly bucket: Bucket
  readonly now: () => number
}

/** As long as listings of fresh blocks are believed, so that rules are as young as the samples they wrote. */
const MAX_AGE_MS = 1000

/** Keeps the state for a second; then it is asked for by etag. */
export class RulerReader {
  readonly #parts: RulerReaderParts
  #kept: { state: RulerState; etag: string } | undefined
  #checkedMs = -Infinity

  constructor(parts: RulerReaderParts) {
    this.#parts = parts
  }

  /** Undefined where no ruler ever ran. Rejects with CorruptError or 'unsupported' where it can't be read, and where the bucket does. */
  async state(signal?: AbortSignal): Promise<RulerState | undefined> {
    const nowMs = this.#parts.now()
    if (Math.abs(nowMs - this.#checkedMs) < MAX_AGE_MS) return this.#kept?.state
    const { bucket } = this.#parts
    try {
      const object = this.#kept
        ? await bucket.getIfChanged(RULE_STATE_KEY, this.#kept.etag, { signal })
        : await bucket.get(RULE_STATE_KEY, { signal })
      if (object) this.#kept = { state: decodeRulerState(object.body), etag: object.etag }
    } catch (error) {
      this.#kept = undefined
      this.#checkedMs = -Infinity
      if (!isKind(error, 'not-found')) throw error
    }
    this.#checkedMs = nowMs
    return this.#kept?.state
  }
}
