/** Keeps a process under its memory: queries wait for each other, and what comes while memory is short is refused rather than the process killed. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { QueryQueue } from '#lib/api/query-queue.ts'
import type { LimitsOf } from '#lib/promql/query-limits.ts'

type Fetch = (request: Request) => Response | Promise<Response>

export interface MemoryGateOptions {
  /** Requests for data that run at one time, of all tenants; the others wait. */
  readonly places: number
  /** Resident bytes from which on requests are refused. */
  readonly refuseBytes: number
  readonly residentBytes: () => number
  readonly collect: () => void
  readonly now: () => number
}

/** Asking for garbage collection again within this time would only cost. */
const COLLECT_MS = 2000
/** What says how the process is, and what reads no data, is answered at all times. */
const READS_DATA = /^\/(?:api\/v1\/(?!status\/)|federate)/
/** These wait where their deadlines are known. */
const QUEUED = /^\/api\/v1\/query(?:_range)?$/

export class MemoryGate {
  readonly #options: MemoryGateOptions
  readonly #places: QueryQueue
  #collectedMs = -Infinity
  #refused = 0
  /** Requests for data that were let in and are not answered yet. */
  #running = 0
  #freeMore: () => Promise<void> = async () => undefined
  #freeing: Promise<void> | undefined

  constructor(options: MemoryGateOptions) {
    this.#options = options
    const none = { maxLengthMs: 0, maxBytes: 0, maxSeries: 0, maxSamples: 0 }
    this.#places = new QueryQueue(() => ({ ...none, maxConcurrent: options.places }))
  }

  /** Requests that were refused so far. */
  get refused(): number {
    return this.#refused
  }

  /** Called besides where memory is short: it gives back what is needed only to be faster. */
  freesToo(free: () => Promise<void>): void {
    this.#freeMore = free
  }

  fetch(inner: Fetch): Fetch {
    return async (request) => {
      const { pathname } = new URL(request.url)
      if (!READS_DATA.test(pathname)) return inner(request)
      // What was freed may stay resident for as long as nothing is asked: whoever comes alone uses it again, and is not refused.
      if ((await this.#isShort()) && this.#running > 0) return this.#refusal()
      this.#running++
      try {
        return await this.#inPlace(inner, request, pathname)
      } finally {
        this.#running--
      }
    }
  }

  async #inPlace(inner: Fetch, request: Request, pathname: string): Promise<Response> {
    if (QUEUED.test(pathname)) return inner(request)
    // Who has gone needs no answer: the app makes one of the aborted signal.
    const leave = await this.#places.enter(undefined, request.signal).catch(() => undefined)
    try {
      return await inner(request)
    } finally {
      leave?.()
    }
  }

  /** Queries of each tenant wait for each other, and all for the places that memory has. */
  queue(limitsOf: LimitsOf): Pick<QueryQueue, 'enter'> {
    const ofTenants = new QueryQueue(limitsOf)
    return {
      enter: async (tenant, signal) => {
        const leaveTenant = await ofTenants.enter(tenant, signal)
        try {
          const leavePlace = await this.#places.enter(undefined, signal)
          return () => {
            leavePlace()
            leaveTenant()
          }
        } catch (error) {
          leaveTenant()
          throw error
        }
      },
    }
  }

  async #isShort(): Promise<boolean> {
    const { refuseBytes, residentBytes, collect, now } = this.#options
    if (residentBytes() < refuseBytes) return false
    if (now() - this.#collectedMs >= COLLECT_MS) {
      this.#collectedMs = now()
      this.#freeing = this.#freeMore()
      collect()
    }
    await this.#freeing
    return residentBytes() >= refuseBytes
  }

  #refusal(): Response {
    this.#refused++
    const body = {
      status: 'error',
      errorType: 'unavailable',
      error:
        'memory is short: too many or too large queries run at this time, try again in a few seconds, or give the process more (--memory.limit)',
    }
    return Response.json(body, {
      status: 503,
      headers: { 'retry-after': '5', 'cache-control': 'no-store' },
    })
  }
}

/** Node has it only behind a flag. */
export function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
}
