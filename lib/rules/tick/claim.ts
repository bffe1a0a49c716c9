/** Who runs a tick: written into the state, until the end of its time. What it writes succeeds while nobody else has claimed it since. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import type { RulerState } from './ruler-state.ts'
import { RULE_STATE_KEY, type StoredState, writeRulerState } from './state-object.ts'

/** Nobody runs longer: a claim beyond it is a mistake of a clock. */
export const MAX_TICK_MS = 15 * 60_000
/** After so long somebody may have taken over, where clocks differ. */
const LOOK_AGAIN_MS = 5000

export interface ClaimParts {
  readonly bucket: Bucket
  readonly now: () => number
  readonly id: string
  readonly untilMs: number
  readonly signal: AbortSignal
}

export function isClaimed({ owner }: RulerState, nowMs: number): boolean {
  return owner !== undefined && owner.untilMs > nowMs && owner.untilMs <= nowMs + MAX_TICK_MS
}

export class Claim {
  readonly #parts: ClaimParts
  #stored: StoredState
  #confirmedMs: number

  private constructor(parts: ClaimParts, stored: StoredState) {
    this.#parts = parts
    this.#stored = stored
    this.#confirmedMs = parts.now()
  }

  /** Rejects with ConflictError where another one was faster. `etag` is that of the state that was read. */
  static async take(
    state: RulerState,
    etag: string | undefined,
    parts: ClaimParts,
  ): Promise<Claim> {
    const { bucket, id, untilMs, signal } = parts
    const owned = { ...state, owner: { id, untilMs } }
    return new Claim(parts, await writeRulerState(bucket, owned, etag, signal))
  }

  /** As it was written last. */
  get state(): RulerState {
    return this.#stored.state
  }

  /** Rejects with ConflictError where another one has taken over. */
  async write(state: RulerState): Promise<void> {
    const { bucket, now, signal } = this.#parts
    this.#stored = await writeRulerState(bucket, state, this.#stored.etag, signal)
    this.#confirmedMs = now()
  }

  /** Gives it back, with the state as it is to be. */
  async release(state: RulerState): Promise<void> {
    const { owner: _owner, ...free } = state
    await this.write(free)
  }

  /** By the clock, and where that has gone on for a while by the state. */
  async isOurs(): Promise<boolean> {
    const { bucket, now, untilMs, signal } = this.#parts
    const nowMs = now()
    if (nowMs >= untilMs) return false
    if (Math.abs(nowMs - this.#confirmedMs) <= LOOK_AGAIN_MS) return true
    try {
      const changed = await bucket.getIfChanged(RULE_STATE_KEY, this.#stored.etag, { signal })
      this.#confirmedMs = nowMs
      return changed === undefined
    } catch {
      return false
    }
  }
}
