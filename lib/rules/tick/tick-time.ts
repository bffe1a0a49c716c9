/** The time that a tick has: evaluations end before it does, so that what was evaluated can be written down and delivered. */
import { DomainError } from '#lib/model/errors.ts'

const DELIVERY_MS = 15_000
/** To write down what was delivered. */
const GIVE_BACK_MS = 2000
/** Where there is little time. */
const DELIVERY_SHARE = 0.25
const GIVE_BACK_SHARE = 0.1

export class TickTime {
  readonly beganMs: number
  readonly deadlineMs: number
  /** No evaluation begins after it. */
  readonly cutMs: number
  /** Evaluations end with it. */
  readonly cut: AbortSignal
  /** Deliveries end with it. */
  readonly delivery: AbortSignal
  /** All ends with it. */
  readonly signal: AbortSignal
  readonly #timers: readonly NodeJS.Timeout[]

  constructor(beganMs: number, deadlineMs: number, outer: AbortSignal | undefined) {
    this.beganMs = beganMs
    this.deadlineMs = deadlineMs
    const left = Math.max(0, deadlineMs - beganMs)
    this.cutMs = deadlineMs - Math.min(DELIVERY_MS, left * DELIVERY_SHARE)
    const over = new AbortController()
    const cut = new AbortController()
    const delivery = new AbortController()
    this.#timers = [
      abortAfter(over, left),
      abortAfter(delivery, left - Math.min(GIVE_BACK_MS, left * GIVE_BACK_SHARE)),
      abortAfter(cut, this.cutMs - beganMs),
    ]
    const outers = outer ? [outer] : []
    this.signal = AbortSignal.any([over.signal, ...outers])
    this.delivery = AbortSignal.any([delivery.signal, ...outers])
    this.cut = AbortSignal.any([cut.signal, ...outers])
  }

  end(): void {
    for (const timer of this.#timers) clearTimeout(timer)
  }
}

function abortAfter(controller: AbortController, ms: number): NodeJS.Timeout {
  const error = new DomainError('timeout', 'the time of the tick is over')
  return setTimeout(() => controller.abort(error), ms)
}
