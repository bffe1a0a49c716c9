/** Adds up what one request costs while it runs. */
import type { BucketCounts } from '#lib/bucket/counting-bucket.ts'
import { ThrottledError } from '#lib/model/errors.ts'
import type { QueryCost } from '#lib/promql/backend.ts'
import { usdOf, usdOfRequest } from '#lib/cost/prices.ts'
import type { SliceCost } from './slice.ts'

export class CostMeter {
  /** Memory of this function. */
  readonly #megabytes: number
  #slices = 0
  #invokes = 0
  #gets = 0
  #lists = 0
  #puts = 0
  #bytes = 0
  #remoteMs = 0
  #remoteMbMs = 0
  #cachedSteps = 0
  #slicesUsd = 0

  constructor(megabytes = 0) {
    this.#megabytes = megabytes
  }

  /** Counts a call of another function. What was throttled began nothing and costs nothing; any other try is paid for. */
  async invoked<T>(answer: Promise<T>): Promise<T> {
    try {
      const answered = await answer
      this.#invokes++
      return answered
    } catch (error) {
      if (!(error instanceof ThrottledError)) this.#invokes++
      throw error
    }
  }

  countCachedSteps(steps: number): void {
    this.#cachedSteps += steps
  }

  /** `remote`: by another function, whose time comes on top of ours. */
  countSlice(
    { gets, lists, puts, bytes, milliseconds, megabytes }: SliceCost,
    remote: boolean,
  ): void {
    this.#slices++
    const functionGbSeconds = (milliseconds * megabytes) / 1024 / 1000
    this.#slicesUsd += usdOf({ gets, lists, puts, functions: 0, functionGbSeconds })
    this.#gets += gets
    this.#lists += lists
    this.#puts += puts
    this.#bytes += bytes
    if (!remote) return
    this.#remoteMs += milliseconds
    this.#remoteMbMs += milliseconds * megabytes
  }

  /** What evaluating has cost so far. */
  get slicesUsd(): number {
    return this.#slicesUsd
  }

  /** Requests of this function that belong to no slice. */
  countRequests({ gets, heads, lists, puts, bytesRead }: Readonly<BucketCounts>): void {
    this.#gets += gets + heads
    this.#lists += lists
    this.#puts += puts
    this.#bytes += bytesRead
  }

  /** `milliseconds`: how long this function took. */
  total(milliseconds: number, steps: number): QueryCost {
    const functionGbSeconds = (this.#remoteMbMs + milliseconds * this.#megabytes) / 1024 / 1000
    const requests = { gets: this.#gets, lists: this.#lists, puts: this.#puts }
    return {
      slices: this.#slices,
      invokes: this.#invokes,
      ...requests,
      bytes: this.#bytes,
      functionMs: this.#remoteMs + milliseconds,
      functionGbSeconds,
      steps,
      cachedSteps: this.#cachedSteps,
      shared: false,
      usd: usdOfRequest({ ...requests, functions: 1 + this.#invokes, functionGbSeconds }),
    }
  }
}
