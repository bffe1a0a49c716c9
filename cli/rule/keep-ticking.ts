/** The clock of a ruler that stays: a tick at once, then one each period, and one whenever it is woken. */
import { setTimeout } from 'node:timers/promises'

export interface Ticking {
  readonly periodMs: number
  readonly now: () => number
  /** Never rejects. */
  readonly tick: () => Promise<void>
  readonly signal: AbortSignal
}

export class KeepTicking {
  #wake = new AbortController()

  /** The next tick is now, or right after the one that runs. */
  wake(): void {
    this.#wake.abort()
  }

  /** Until the signal, and the end of a tick that runs then. */
  async run({ periodMs, now, tick, signal }: Ticking): Promise<void> {
    while (!signal.aborted) {
      const nextMs = now() + periodMs
      this.#wake = new AbortController()
      await tick()
      const waiting = AbortSignal.any([signal, this.#wake.signal])
      const ms = Math.min(Math.max(0, nextMs - now()), periodMs)
      await setTimeout(ms, undefined, { signal: waiting }).catch(() => undefined)
    }
  }
}
