/** Keeps what parts of blocks said about labels: in memory, and in the bucket for other instances. */
import { LRUCache } from 'lru-cache'
import type { Bucket } from '#lib/bucket/bucket.ts'
import type { Scope } from '#lib/storage/scope.ts'
import { blocksKey, scopeKey } from './cache-key.ts'
import type { LabelFindings, LabelPart, LabelQuestion } from './label-parts.ts'
import { isWorthWriting } from '#lib/cost/prices.ts'

const PREFIX = 'thaw/results/labels/'
const MAX_OBJECT_BYTES = 4 * 1024 * 1024

export interface LabelCacheOptions {
  /** Of memory. */
  readonly maxBytes: number
  readonly inBucket: boolean
  /** In [0, 1). */
  readonly random: () => number
}

/** What was found, and what finding it cost. */
export interface PricedFindings {
  readonly findings: LabelFindings
  readonly usd: number
}

/** A part that does not depend on the request's times is immutable: other blocks are another name. */
export class LabelCache {
  /** JSON: strings are smaller than what they say. */
  readonly #memory: LRUCache<string, string>
  readonly #inBucket: boolean
  readonly #random: () => number

  constructor({ maxBytes, inBucket, random }: LabelCacheOptions) {
    this.#inBucket = inBucket
    this.#random = random
    this.#memory = new LRUCache({
      maxSize: Math.max(1, maxBytes),
      sizeCalculation: (json) => 256 + json.length * 2,
    })
  }

  /** What the part answers, from memory, from the bucket or from `ask`. Half an answer is not kept. */
  async answer(
    bucket: Bucket,
    name: string,
    ask: () => Promise<PricedFindings>,
    signal?: AbortSignal,
  ): Promise<LabelFindings> {
    const kept = this.#memory.get(name) ?? (await this.#fetch(bucket, name, signal))
    if (kept !== undefined) return parse(kept)
    const { findings, usd } = await ask()
    if (findings.warnings.length > 0) return findings
    const json = JSON.stringify(findings)
    this.#memory.set(name, json)
    if (this.#inBucket && isWorthWriting(usd, this.#random)) await store(bucket, name, json)
    return findings
  }

  async #fetch(bucket: Bucket, name: string, signal?: AbortSignal): Promise<string | undefined> {
    if (!this.#inBucket) return undefined
    try {
      const { body } = await bucket.get(PREFIX + name, { signal })
      const json = new TextDecoder().decode(body)
      parse(json)
      this.#memory.set(name, json)
      return json
    } catch {
      signal?.throwIfAborted()
      // A cache that fails is a cache that has nothing.
      return undefined
    }
  }
}

/** Never rejects: the answer does not need it. */
async function store(bucket: Bucket, name: string, json: string): Promise<void> {
  const body = new TextEncoder().encode(json)
  if (body.length > MAX_OBJECT_BYTES) return
  await bucket.put(PREFIX + name, body).catch(() => undefined)
}

export function partName(
  question: LabelQuestion,
  { request, blocks }: LabelPart,
  scope: Scope,
): string {
  const { matcherSets, limit } = request
  return `${scopeKey(scope, { question, matcherSets, limit })}/${blocksKey(blocks)}`
}

function parse(json: string): LabelFindings {
  const { values, series, warnings } = JSON.parse(json) as LabelFindings
  return { values, series, warnings }
}
