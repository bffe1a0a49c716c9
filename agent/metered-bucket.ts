/** Passes through, counting for /metrics under the names and operations of Thanos's objstore. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { isKind } from '#lib/model/errors.ts'

const OPERATIONS = ['attributes', 'delete', 'exists', 'get', 'get_range', 'iter', 'upload'] as const
type Operation = (typeof OPERATIONS)[number]

const SECONDS = [0.001, 0.01, 0.1, 0.3, 0.6, 1, 3, 6, 9, 20, 30, 60, 90, 120]
/** 32 KiB to 1 GiB. */
const SIZES = Array.from({ length: 16 }, (_, i) => 2 ** (15 + i))

/** Objects that are not there are no failure, and neither is what the agent gave up itself. */
export function meteredBucket(inner: Bucket, registry: Registry, now: () => number): Bucket {
  const metrics = bucketMetrics(registry, inner.name)

  async function count<T>(
    operation: Operation,
    run: () => Promise<T>,
    bytesOf: (result: T) => number = () => 0,
  ): Promise<T> {
    const done = metrics.begin(operation, now())
    try {
      const result = await run()
      done(now(), bytesOf(result))
      return result
    } catch (error) {
      if (isKind(error, 'not-found') || isKind(error, 'canceled')) done(now(), 0)
      else metrics.failed(operation)
      throw error
    }
  }

  return {
    name: inner.name,
    readGap: inner.readGap,
    get: (key, options) => count('get', () => inner.get(key, options), bodyBytes),
    getIfChanged: (key, etag, options) =>
      count(
        'get',
        () => inner.getIfChanged(key, etag, options),
        (found) => (found === undefined ? 0 : bodyBytes(found)),
      ),
    getRange: (key, start, end, options) =>
      count(
        'get_range',
        () => inner.getRange(key, start, end, options),
        (bytes) => bytes.length,
      ),
    getTail: (key, length, options) =>
      count('get_range', () => inner.getTail(key, length, options), bodyBytes),
    // The agent only ever asks whether an object is there.
    head: (key, options) => count('exists', () => inner.head(key, options)),
    async *list(prefix, options) {
      const done = metrics.begin('iter', now())
      try {
        yield* inner.list(prefix, options)
        done(now(), 0)
      } catch (error) {
        if (!isKind(error, 'canceled')) metrics.failed('iter')
        throw error
      }
    },
    put: (key, body, options) =>
      count(
        'upload',
        () => inner.put(key, body, options),
        () => body.length,
      ),
    putStream: (key, parts, options) =>
      count(
        'upload',
        () => inner.putStream(key, parts, options),
        ({ size }) => size,
      ),
    delete: (key, options) => count('delete', () => inner.delete(key, options)),
  }
}

function bodyBytes({ body }: { readonly body: Uint8Array }): number {
  return body.length
}

function bucketMetrics(registry: Registry, bucket: string) {
  const registers = [registry]
  const labelNames = ['bucket', 'operation'] as const
  const operations = new Counter({
    name: 'thanos_objstore_bucket_operations_total',
    help: 'Operations asked of the bucket',
    labelNames,
    registers,
  })
  const failures = new Counter({
    name: 'thanos_objstore_bucket_operation_failures_total',
    help: 'Operations the bucket refused, objects that are not there aside',
    labelNames,
    registers,
  })
  const seconds = new Histogram({
    name: 'thanos_objstore_bucket_operation_duration_seconds',
    help: 'How long operations took that did not fail',
    labelNames,
    buckets: SECONDS,
    registers,
  })
  const fetched = new Counter({
    name: 'thanos_objstore_bucket_operation_fetched_bytes_total',
    help: 'Bytes that came out of the bucket',
    labelNames,
    registers,
  })
  const transferred = new Histogram({
    name: 'thanos_objstore_bucket_operation_transferred_bytes',
    help: 'Bytes of single operations, in either direction',
    labelNames,
    buckets: SIZES,
    registers,
  })
  const lastUpload = new Gauge({
    name: 'thanos_objstore_bucket_last_successful_upload_time',
    help: 'Unix time of the last upload that did not fail',
    labelNames: ['bucket'] as const,
    registers,
  })
  lastUpload.set({ bucket }, 0)
  for (const operation of OPERATIONS) {
    operations.inc({ bucket, operation }, 0)
    failures.inc({ bucket, operation }, 0)
    seconds.zero({ bucket, operation })
  }
  for (const operation of ['get', 'get_range', 'upload']) {
    if (operation !== 'upload') fetched.inc({ bucket, operation }, 0)
    transferred.zero({ bucket, operation })
  }
  return {
    begin(operation: Operation, startMs: number) {
      const labels = { bucket, operation }
      operations.inc(labels)
      return (endMs: number, bytes: number): void => {
        seconds.observe(labels, (endMs - startMs) / 1000)
        if (bytes > 0) transferred.observe(labels, bytes)
        if (bytes > 0 && operation !== 'upload') fetched.inc(labels, bytes)
        if (operation === 'upload') lastUpload.set({ bucket }, endMs / 1000)
      }
    },
    failed(operation: Operation): void {
      failures.inc({ bucket, operation })
    },
  }
}
