/** The execution environments of one function: reused when idle, started when there is none, refused past the limit. */
import { randomUUID } from 'node:crypto'

import type { FunctionSpec } from './assembly.ts'
import { ExecutionEnvironment } from './environment.ts'
import type { InvokeEnd, InvokeRequest } from './environment.ts'
import type { Keeper } from './keeper.ts'
import type { LogSink } from './log-lines.ts'

/** Of all versions of a function. */
export interface FunctionStats {
  /** Requests that run now. */
  running: number
  /** That have ended. */
  invokes: number
  coldStarts: number
  failures: number
  throttles: number
  initMs: number
  durationMs: number
  /** Of processor, without what starting took. */
  cpuMs: number
  /** What would be billed, rounded up to milliseconds, times memory. */
  gbSeconds: number
  maxMemoryBytes: number
}

export interface PoolRequest {
  readonly payload: Uint8Array
  readonly streaming?: boolean
  readonly write: InvokeRequest['write']
  /** Called once the request has an environment, before anything is written. */
  readonly accepted?: (requestId: string) => void
}

export interface PoolEnd extends InvokeEnd {
  readonly requestId: string
  readonly coldStart: boolean
}

/** Requests that run at one time in the whole account. */
export class AccountConcurrency {
  readonly limit: number
  used = 0

  constructor(limit: number) {
    this.limit = limit
  }
}

export function newFunctionStats(): FunctionStats {
  return {
    running: 0,
    invokes: 0,
    coldStarts: 0,
    failures: 0,
    throttles: 0,
    initMs: 0,
    durationMs: 0,
    cpuMs: 0,
    gbSeconds: 0,
    maxMemoryBytes: 0,
  }
}

export class ThrottledError extends Error {
  override name = 'ThrottledError'
}

export interface PoolOptions {
  readonly spec: FunctionSpec
  readonly stats: FunctionStats
  readonly environment: Readonly<Record<string, string>>
  readonly account: AccountConcurrency
  readonly keeper: Keeper
  readonly log: LogSink
  /** An environment without work for so long is ended. */
  readonly idleMs: number
}

export class FunctionPool {
  readonly #options: PoolOptions
  readonly #environments = new Set<ExecutionEnvironment>()
  /** The last one used is the next one used, so that the others grow old. */
  readonly #idle: { environment: ExecutionEnvironment; timer: NodeJS.Timeout }[] = []
  #retired = false
  #stopped = false

  constructor(options: PoolOptions) {
    this.#options = options
  }

  get spec(): FunctionSpec {
    return this.#options.spec
  }

  get stats(): FunctionStats {
    return this.#options.stats
  }

  pids(): number[] {
    return [...this.#environments].flatMap(({ pid }) => pid ?? [])
  }

  /** Rejects with ThrottledError when too many run already. A function that fails is an end, not a rejection. */
  async invoke({ payload, streaming = false, write, accepted }: PoolRequest): Promise<PoolEnd> {
    const { account, spec, stats } = this.#options
    if (this.#stopped) throw new Error('the cloud has stopped')
    if (account.used >= account.limit || stats.running >= (spec.reservedConcurrency ?? Infinity)) {
      stats.throttles++
      throw new ThrottledError('Rate Exceeded.')
    }
    account.used++
    stats.running++
    try {
      const requestId = randomUUID()
      accepted?.(requestId)
      const end = await this.#run(requestId, payload, streaming, write)
      this.#count(end)
      return end
    } finally {
      account.used--
      stats.running--
    }
  }

  /** No environment is kept without work from now on; who calls still gets one. */
  retire(): void {
    this.#retired = true
    for (const { environment, timer } of this.#idle.splice(0)) {
      clearTimeout(timer)
      this.#end(environment)
    }
  }

  revive(): void {
    this.#retired = false
  }

  async stop(): Promise<void> {
    this.#stopped = true
    for (const { timer } of this.#idle) clearTimeout(timer)
    await Promise.all([...this.#environments].map((environment) => environment.stop()))
  }

  async #run(
    requestId: string,
    payload: Uint8Array,
    streaming: boolean,
    write: InvokeRequest['write'],
  ): Promise<PoolEnd> {
    const warm = this.#takeIdle()
    const environment = warm ?? new ExecutionEnvironment(this.#options)
    const coldStart = warm === undefined
    if (coldStart) {
      this.#environments.add(environment)
      const startMs = performance.now()
      const failure = await environment.start()
      const durationMs = performance.now() - startMs
      this.stats.coldStarts++
      this.stats.initMs += durationMs
      if (failure !== undefined) {
        this.#environments.delete(environment)
        return {
          requestId,
          coldStart,
          failure,
          durationMs,
          cpuMs: 0,
          maxMemoryBytes: 0,
          logTail: '',
        }
      }
    }
    const end = await environment.invoke({ requestId, payload, streaming, write })
    if (environment.alive && !this.#stopped) this.#release(environment)
    else this.#environments.delete(environment)
    return { ...end, requestId, coldStart }
  }

  #takeIdle(): ExecutionEnvironment | undefined {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      clearTimeout(idle.timer)
      if (idle.environment.alive) return idle.environment
      this.#environments.delete(idle.environment)
    }
    return undefined
  }

  #release(environment: ExecutionEnvironment): void {
    if (this.#retired) return this.#end(environment)
    const timer = setTimeout(() => {
      const place = this.#idle.findIndex((idle) => idle.environment === environment)
      if (place >= 0) this.#idle.splice(place, 1)
      this.#end(environment)
    }, this.#options.idleMs).unref()
    this.#idle.push({ environment, timer })
  }

  #end(environment: ExecutionEnvironment): void {
    this.#environments.delete(environment)
    void environment.stop()
  }

  #count({ failure, durationMs, cpuMs, maxMemoryBytes }: PoolEnd): void {
    const { stats } = this
    stats.invokes++
    if (failure !== undefined) stats.failures++
    stats.durationMs += durationMs
    stats.cpuMs += cpuMs
    stats.gbSeconds += (Math.ceil(durationMs) / 1000) * (this.#options.spec.memoryMb / 1024)
    stats.maxMemoryBytes = Math.max(stats.maxMemoryBytes, maxMemoryBytes)
  }
}
