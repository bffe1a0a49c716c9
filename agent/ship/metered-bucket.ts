/** Passes through, counting operations and failures for the agent's /metrics. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { isKind } from '#lib/model/errors.ts'
import type { AgentMetrics } from '../metrics.ts'

/** Under the operation names of Thanos's objstore. */
export function meteredBucket(inner: Bucket, metrics: AgentMetrics): Bucket {
  async function count<T>(operation: string, run: () => Promise<T>): Promise<T> {
    const labels = { bucket: inner.name, operation }
    metrics.bucketOperations.inc(labels)
    try {
      return await run()
    } catch (error) {
      if (!isKind(error, 'not-found')) metrics.bucketOperationFailures.inc(labels)
      throw error
    }
  }

  return {
    name: inner.name,
    readGap: inner.readGap,
    get: (key, options) => count('get', () => inner.get(key, options)),
    getIfChanged: (key, etag, options) =>
      count('get', () => inner.getIfChanged(key, etag, options)),
    getRange: (key, start, end, options) =>
      count('get_range', () => inner.getRange(key, start, end, options)),
    getTail: (key, length, options) =>
      count('get_range', () => inner.getTail(key, length, options)),
    head: (key, options) => count('attributes', () => inner.head(key, options)),
    async *list(prefix, options) {
      const labels = { bucket: inner.name, operation: 'iter' }
      metrics.bucketOperations.inc(labels)
      try {
        yield* inner.list(prefix, options)
      } catch (error) {
        metrics.bucketOperationFailures.inc(labels)
        throw error
      }
    },
    put: (key, body, options) => count('upload', () => inner.put(key, body, options)),
    putStream: (key, parts, options) => count('upload', () => inner.putStream(key, parts, options)),
    delete: (key, options) => count('delete', () => inner.delete(key, options)),
  }
}
