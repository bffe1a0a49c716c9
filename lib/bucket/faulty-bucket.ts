/** A bucket that fails, delays, cuts and loses on request: what tests hold up to code that must live with a real store. */
import { DomainError, NotFoundError } from '#lib/model/errors.ts'
import type { Bucket } from './bucket.ts'

export type BucketOperation =
  | 'get'
  | 'getIfChanged'
  | 'getRange'
  | 'getTail'
  | 'head'
  | 'list'
  | 'put'
  | 'putStream'
  | 'delete'

export type Fault =
  /** Nothing happens but the error. */
  | { readonly type: 'fail'; readonly error: Error }
  /** The store does it, and the answer is lost. */
  | { readonly type: 'lose-answer'; readonly error: Error }
  /** Reads of bytes give only the first `length`, as a store does that lost the rest. */
  | { readonly type: 'truncate'; readonly length: number }
  /** The object is there for listings and gone for everyone who asks. */
  | { readonly type: 'vanish' }
  /** Resolves when `until` does; `until` sees the signal of the request. */
  | { readonly type: 'delay'; readonly until: (signal: AbortSignal | undefined) => Promise<void> }

export interface FaultRule {
  /** Any operation without it. */
  readonly on?: readonly BucketOperation[] | undefined
  /** The key, or for 'list' the prefix, must be this or match this. */
  readonly key?: string | RegExp | undefined
  /** The first matching request that is hit, from 1. */
  readonly from?: number | undefined
  /** How many are hit from there on; all without it. */
  readonly times?: number | undefined
  readonly fault: Fault
}

export interface FaultyBucket {
  readonly bucket: Bucket
  /** Takes effect with the next request. Each call counts matching requests from the start. */
  inject(...rules: readonly FaultRule[]): void
  /** No more faults. */
  heal(): void
  /** What was hit so far, `get a/b: fail`, in order. */
  readonly hits: readonly string[]
}

export function faultyBucket(inner: Bucket, ...initial: readonly FaultRule[]): FaultyBucket {
  let rules = countedRules(initial)
  const hits: string[] = []

  /** The faults for one request, in the order of the rules. */
  function faultsFor(operation: BucketOperation, key: string): Fault[] {
    const faults: Fault[] = []
    for (const counted of rules) {
      const { rule } = counted
      if (rule.on && !rule.on.includes(operation)) continue
      if (typeof rule.key === 'string' && rule.key !== key) continue
      if (rule.key instanceof RegExp && !rule.key.test(key)) continue
      counted.matches++
      const from = rule.from ?? 1
      if (counted.matches < from || counted.matches >= from + (rule.times ?? Infinity)) continue
      hits.push(`${operation} ${key}: ${rule.fault.type}`)
      faults.push(rule.fault)
    }
    return faults
  }

  async function before(
    faults: readonly Fault[],
    key: string,
    signal?: AbortSignal,
  ): Promise<void> {
    for (const fault of faults) {
      if (fault.type === 'delay') await fault.until(signal)
      if (fault.type === 'fail') throw fault.error
      if (fault.type === 'vanish') throw new NotFoundError(key)
    }
  }

  function after(faults: readonly Fault[]): void {
    for (const fault of faults) if (fault.type === 'lose-answer') throw fault.error
  }

  function truncated(faults: readonly Fault[], body: Uint8Array): Uint8Array {
    let result = body
    for (const fault of faults)
      if (fault.type === 'truncate') result = result.slice(0, fault.length)
    return result
  }

  async function through<T>(
    operation: BucketOperation,
    key: string,
    signal: AbortSignal | undefined,
    work: () => Promise<T>,
    cut: (answer: T, faults: readonly Fault[]) => T = (answer) => answer,
  ): Promise<T> {
    const faults = faultsFor(operation, key)
    await before(faults, key, signal)
    const answer = await work()
    after(faults)
    return cut(answer, faults)
  }

  const bucket: Bucket = {
    name: inner.name,
    readGap: inner.readGap,
    async get(key, options) {
      return through(
        'get',
        key,
        options?.signal,
        () => inner.get(key, options),
        (object, faults) => ({
          ...object,
          body: truncated(faults, object.body),
        }),
      )
    },
    async getIfChanged(key, etag, options) {
      const { signal } = options ?? {}
      return through(
        'getIfChanged',
        key,
        signal,
        () => inner.getIfChanged(key, etag, options),
        (object, faults) => object && { ...object, body: truncated(faults, object.body) },
      )
    },
    async getRange(key, start, end, options) {
      const { signal } = options ?? {}
      return through(
        'getRange',
        key,
        signal,
        () => inner.getRange(key, start, end, options),
        (bytes, faults) => truncated(faults, bytes),
      )
    },
    async getTail(key, length, options) {
      const { signal } = options ?? {}
      return through(
        'getTail',
        key,
        signal,
        () => inner.getTail(key, length, options),
        (tail, faults) => ({
          ...tail,
          body: truncated(faults, tail.body),
        }),
      )
    },
    async head(key, options) {
      return through('head', key, options?.signal, () => inner.head(key, options))
    },
    /** Each page is a request. */
    async *list(prefix, options) {
      const pages = inner.list(prefix, options)[Symbol.asyncIterator]()
      try {
        for (;;) {
          const page = await through('list', prefix, options?.signal, async () => pages.next())
          if (page.done) return
          yield page.value
        }
      } finally {
        await pages.return?.()
      }
    },
    async put(key, body, options) {
      return through('put', key, options?.signal, () => inner.put(key, body, options))
    },
    async putStream(key, parts, options) {
      return through('putStream', key, options?.signal, () => inner.putStream(key, parts, options))
    },
    async delete(key, options) {
      return through('delete', key, options?.signal, () => inner.delete(key, options))
    },
  }

  return {
    bucket,
    hits,
    inject(...more) {
      rules = [...rules, ...countedRules(more)]
    },
    heal() {
      rules = []
    },
  }
}

/** The error of a store that is overloaded. */
export function unavailableError(text = 'the store is unavailable'): DomainError {
  return new DomainError('unavailable', text)
}

interface CountedRule {
  readonly rule: FaultRule
  matches: number
}

function countedRules(rules: readonly FaultRule[]): CountedRule[] {
  return rules.map((rule) => ({ rule, matches: 0 }))
}
