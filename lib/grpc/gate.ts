/** How many run at one time; the others wait in the order in which they came. */
export class Gate {
  readonly #places: number
  readonly #waiting = new Set<() => void>()
  #running = 0

  /** 0 for no bound. */
  constructor(places: number) {
    this.#places = places
  }

  get running(): number {
    return this.#running
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /** Rejects with the signal's reason, and then nothing has run. */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    signal.throwIfAborted()
    if (this.#places > 0 && this.#running >= this.#places) await this.#turn(signal)
    else this.#running++
    try {
      return await work()
    } finally {
      const [next] = this.#waiting
      // The place goes from one to the other.
      if (next) next()
      else this.#running--
    }
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const go = (): void => {
        this.#waiting.delete(go)
        signal.removeEventListener('abort', leave)
        resolve()
      }
      const leave = (): void => {
        this.#waiting.delete(go)
        reject(signal.reason as Error)
      }
      this.#waiting.add(go)
      signal.addEventListener('abort', leave, { once: true })
    })
  }
}
