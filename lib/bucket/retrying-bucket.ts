/** Asks again when the store was unavailable or slow, and finds out whether a write whose answer was lost has won. */
import { isKind, NotFoundError } from '#lib/model/errors.ts'
import { compareUtf8 } from '#lib/model/labels.ts'
import type { Bucket, PutOptions } from './bucket.ts'
import { throwIfAborted } from './cancellation.ts'
import { isPassing, pauseMs, type RetryPolicy, withRetries } from './retry.ts'

/**
 * `putStream` is passed through: its parts cannot be asked for twice, so the store itself retries what it can.
 */
export function retryingBucket(inner: Bucket, policy: RetryPolicy): Bucket {
  /**
   * A conditional write whose answer was lost may have won, and then its own bytes are what it conflicts
   * with. The bytes decide; writers that may write equal bytes must put something of their own into them. One that has
   * won and was overwritten before it could look hears of a conflict, and must not count on having lost.
   */
  async function putOnce(
    key: string,
    body: Uint8Array,
    options: PutOptions | undefined,
    failures: number,
  ): Promise<{ readonly etag: string }> {
    try {
      return await inner.put(key, body, options)
    } catch (error) {
      if (failures === 0 || !isKind(error, 'conflict')) throw error
      const etag = await etagIfSame(key, body, options?.signal)
      if (etag === undefined) throw error
      return { etag }
    }
  }

  async function etagIfSame(
    key: string,
    body: Uint8Array,
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> {
    try {
      const stored = await withRetries(policy, signal, () => inner.get(key, { signal }))
      return Buffer.compare(stored.body, body) === 0 ? stored.etag : undefined
    } catch (error) {
      if (error instanceof NotFoundError) return undefined
      throw error
    }
  }

  return {
    name: inner.name,
    readGap: inner.readGap,
    async get(key, options) {
      return withRetries(policy, options?.signal, () => inner.get(key, options))
    },
    async getIfChanged(key, etag, options) {
      return withRetries(policy, options?.signal, () => inner.getIfChanged(key, etag, options))
    },
    async getRange(key, start, end, options) {
      return withRetries(policy, options?.signal, () => inner.getRange(key, start, end, options))
    },
    async getTail(key, length, options) {
      return withRetries(policy, options?.signal, () => inner.getTail(key, length, options))
    },
    async head(key, options) {
      return withRetries(policy, options?.signal, () => inner.head(key, options))
    },

    /** A page that failed is asked for again behind what was already given. */
    async *list(prefix, options) {
      let startAfter = options?.startAfter
      for (let failures = 0; ;) {
        throwIfAborted(options?.signal)
        try {
          for await (const page of inner.list(prefix, { ...options, startAfter })) {
            failures = 0
            yield page
            startAfter = lastOf(startAfter, page.objects.at(-1)?.key, page.prefixes.at(-1))
          }
          return
        } catch (error) {
          failures++
          if (options?.signal?.aborted || !isPassing(error) || failures >= policy.attempts)
            throw error
        }
        await policy.sleep(pauseMs(policy, failures), options?.signal)
      }
    },

    async put(key, body, options) {
      return withRetries(policy, options?.signal, (failures) =>
        putOnce(key, body, options, failures),
      )
    },
    async putStream(key, parts, options) {
      return inner.putStream(key, parts, options)
    },
    async delete(key, options) {
      return withRetries(policy, options?.signal, () => inner.delete(key, options))
    },
  }
}

function lastOf(...keys: readonly (string | undefined)[]): string | undefined {
  let last: string | undefined
  for (const key of keys) {
    if (key !== undefined && (last === undefined || compareUtf8(key, last) > 0)) last = key
  }
  return last
}
