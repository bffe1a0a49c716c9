/** The functions of the cloud by name, and the ways to call them that everything in front of them shares. */
import type { DeployedFunction } from './deployed-function.ts'
import type { FunctionPool, FunctionStats, PoolEnd } from './function-pool.ts'
import { ThrottledError } from './function-pool.ts'
import { functionNameOf, parseFunction } from './function-name.ts'
import type { LogSink } from './log-lines.ts'

export interface BufferedResult extends PoolEnd {
  /** The answer, or the JSON of the error when `failure` is there. */
  readonly payload: Buffer
}

/** Waiting for room, in doubling steps. */
const FIRST_WAIT_MS = 20
const LONGEST_WAIT_MS = 1000

export class Invoker {
  readonly #functions: ReadonlyMap<string, DeployedFunction>
  readonly #log: LogSink
  readonly #background = new Set<Promise<void>>()
  readonly #stopped = new AbortController()

  /** The functions may become others. */
  constructor(functions: ReadonlyMap<string, DeployedFunction>, log: LogSink) {
    this.#functions = functions
    this.#log = log
  }

  /** By name or ARN, with or without a version or an alias; undefined when there is none. */
  find(reference: string): FunctionPool | undefined {
    const { name, qualifier } = parseFunction(reference)
    return this.#functions.get(name)?.find(qualifier)
  }

  get(reference: string): FunctionPool {
    const pool = this.find(reference)
    if (pool === undefined) throw new Error(`no function ${reference}`)
    return pool
  }

  stats(): Record<string, FunctionStats> {
    return Object.fromEntries([...this.#functions].map(([name, { stats }]) => [name, { ...stats }]))
  }

  pids(): number[] {
    return this.#pools().flatMap((pool) => pool.pids())
  }

  /** Rejects with ThrottledError. */
  async invoke(reference: string, payload: Uint8Array): Promise<BufferedResult> {
    const chunks: Uint8Array[] = []
    const end = await this.get(reference).invoke({
      payload,
      write: (chunk) => void chunks.push(chunk),
    })
    return { ...end, payload: Buffer.from(end.failure?.payload ?? Buffer.concat(chunks)) }
  }

  /** Waits for room instead of being throttled, as events in Lambda's own queue do. */
  async invokeWhenFree(reference: string, payload: Uint8Array): Promise<BufferedResult> {
    for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)) {
      try {
        return await this.invoke(reference, payload)
      } catch (error) {
        if (!(error instanceof ThrottledError)) throw error
      }
      await this.sleep(waitMs)
    }
  }

  /** Invokes and does not wait; a failure is tried again and then logged. */
  invokeLater(reference: string, payload: Uint8Array, retries: number): void {
    const work = this.#invokeWithRetries(reference, payload, retries)
      .catch(() => {})
      .finally(() => this.#background.delete(work))
    this.#background.add(work)
  }

  /** Rejects when the cloud stops. */
  sleep(ms: number): Promise<void> {
    const { signal } = this.#stopped
    return new Promise((resolve, reject) => {
      const aborted = (): void => {
        clearTimeout(timer)
        reject(new Error('the cloud has stopped'))
      }
      const timer = setTimeout(() => {
        signal.removeEventListener('abort', aborted)
        resolve()
      }, ms)
      if (signal.aborted) aborted()
      else signal.addEventListener('abort', aborted, { once: true })
    })
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    await Promise.all(this.#pools().map((pool) => pool.stop()))
    await Promise.all(this.#background)
  }

  #pools(): FunctionPool[] {
    return [...this.#functions.values()].flatMap(({ pools }) => pools)
  }

  async #invokeWithRetries(reference: string, payload: Uint8Array, retries: number): Promise<void> {
    for (let attempt = 0; attempt <= retries; attempt++) {
      if (attempt > 0) await this.sleep(LONGEST_WAIT_MS)
      const { failure, payload: answer } = await this.invokeWhenFree(reference, payload)
      if (failure === undefined) return
      this.#log(functionNameOf(reference), `event not handled: ${answer.toString()}`)
    }
  }
}
