/** Work by key while it runs: who wants the same waits for it. */

export interface Joined<T> {
  readonly answer: T
  /** Did the work. */
  readonly first: boolean
}

interface Flight<T> {
  readonly answer: Promise<T>
  readonly controller: AbortController
  waiting: number
}

/** Work by key while it runs. It ends early only when all who wait for it have gone. */
export class Flights<T> {
  readonly #flights = new Map<string, Flight<T>>()

  /** Rejects with the signal's reason as soon as it aborts, whatever becomes of the work. */
  async join(
    key: string,
    run: (signal: AbortSignal) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<Joined<T>> {
    signal?.throwIfAborted()
    const running = this.#flights.get(key)
    const flight = running ?? this.#start(key, run)
    flight.waiting++
    const leave = (): void => {
      flight.waiting--
      if (flight.waiting > 0) return
      this.#forget(key, flight)
      flight.controller.abort(signal?.reason)
    }
    return { answer: await untilAborted(flight.answer, signal, leave), first: !running }
  }

  #start(key: string, run: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const controller = new AbortController()
    const flight = { answer: run(controller.signal), controller, waiting: 0 }
    this.#flights.set(key, flight)
    const forget = (): void => this.#forget(key, flight)
    flight.answer.then(forget, forget)
    return flight
  }

  #forget(key: string, flight: Flight<T>): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key)
  }
}

function untilAborted<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
  leave: () => void,
): Promise<T> {
  if (!signal) return work
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => {
      leave()
      reject(signal.reason as Error)
    }
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
