/** Where extents are kept: bounded memory for this instance, and the bucket for all of them. */
import { LRUCache } from 'lru-cache'
import type { Bucket } from '#lib/bucket/bucket.ts'
import type { Extent } from './extent.ts'
import { memoryOf, outcomeOf } from './extent.ts'
import { isWorthWriting } from '#lib/cost/prices.ts'
import { decodeAnswer, encodeAnswer } from './frame.ts'

const PREFIX = 'thaw/results/'
/** A cell of an answer that is larger is not worth its way to the bucket and back. */
const MAX_OBJECT_BYTES = 4 * 1024 * 1024
const NO_COST = { gets: 0, lists: 0, puts: 0, bytes: 0, milliseconds: 0, megabytes: 0 }
/** Queries known to answer with annotations. */
const ANNOTATED_QUERIES = 1024

export interface ResultsCacheOptions {
  /** Of memory. */
  readonly maxBytes: number
  /** Thanos's `--query-range.response-cache-max-freshness`: younger steps are never kept. */
  readonly maxFreshnessMs: number
  /** Whether whole cells go to the bucket. */
  readonly inBucket: boolean
  /** In [0, 1). */
  readonly random: () => number
}

export class ResultsCache {
  readonly maxFreshnessMs: number
  readonly inBucket: boolean
  readonly #random: () => number
  /** Keys of queries whose answers are kept cell by cell, because annotations speak of all steps of an answer. */
  readonly annotated = new LRUCache<string, true>({ max: ANNOTATED_QUERIES })
  readonly #memory: LRUCache<string, Extent>

  constructor({ maxBytes, maxFreshnessMs, inBucket, random }: ResultsCacheOptions) {
    this.#random = random
    this.maxFreshnessMs = maxFreshnessMs
    this.inBucket = inBucket
    this.#memory = new LRUCache({
      maxSize: Math.max(1, maxBytes),
      maxEntrySize: Math.max(1, Math.floor(maxBytes / 4)),
      sizeCalculation: memoryOf,
    })
  }

  /** `name` is of a query and a cell. */
  get(name: string): Extent | undefined {
    return this.#memory.get(name)
  }

  keep(name: string, extent: Extent): void {
    this.#memory.set(name, extent)
  }

  /** Whether a whole cell that cost `usd` to evaluate goes to the bucket. */
  isWorthStoring(usd: number): boolean {
    return this.inBucket && isWorthWriting(usd, this.#random)
  }

  /** The extent of a whole cell that some instance has put there; undefined where none has, or what it put is broken. */
  async fetch(bucket: Bucket, key: string, signal?: AbortSignal): Promise<Extent | undefined> {
    if (!this.inBucket) return undefined
    try {
      const { body } = await bucket.get(PREFIX + key, { signal })
      const { grid, value, annotations } = await decodeAnswer([body], () =>
        Promise.reject(new Error('bug: a cached answer is whole')),
      )
      return { grid, value, annotations, blocks: key.slice(key.lastIndexOf('/') + 1) }
    } catch {
      signal?.throwIfAborted()
      // A cache that fails is a cache that has nothing.
      return undefined
    }
  }

  /** Never rejects: the answer does not need it. */
  async store(bucket: Bucket, key: string, extent: Extent): Promise<void> {
    const body = Buffer.concat([...encodeAnswer({ ...outcomeOf(extent), cost: NO_COST })])
    if (body.length > MAX_OBJECT_BYTES) return
    await bucket.put(PREFIX + key, body).catch(() => undefined)
  }
}
