/** How many queries run at one time: those of each tenant wait for each other, in the order they came. */
import type { LimitsOf } from '#lib/promql/query-limits.ts'

export class QueryQueue {
  readonly #limitsOf: LimitsOf
  readonly #lines = new Map<string | undefined, Line>()

  constructor(limitsOf: LimitsOf) {
    this.#limitsOf = limitsOf
  }

  /** Resolves to what must be called when the query has ended; rejects with the signal's reason. */
  async enter(tenant: string | undefined, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted()
    const { maxConcurrent } = this.#limitsOf(tenant)
    if (maxConcurrent === 0) return () => undefined
    const line = this.#lines.get(tenant) ?? { running: 0, waiting: new Set<() => void>() }
    this.#lines.set(tenant, line)
    if (line.running < maxConcurrent) line.running++
    else await turnIn(line, signal)
    return () => {
      const [next] = line.waiting
      // The place goes from one to the other.
      if (next) next()
      else if (--line.running === 0) this.#lines.delete(tenant)
    }
  }
}

interface Line {
  running: number
  readonly waiting: Set<() => void>
}

function turnIn({ waiting }: Line, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const go = (): void => {
      waiting.delete(go)
      signal.removeEventListener('abort', leave)
      resolve()
    }
    const leave = (): void => {
      waiting.delete(go)
      reject(signal.reason as Error)
    }
    waiting.add(go)
    signal.addEventListener('abort', leave, { once: true })
  })
}
