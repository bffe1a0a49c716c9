/** What is counted of a bucket. */
import { Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { meteredBucket } from '#agent/metered-bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { DomainError } from '#lib/model/errors.ts'
import { failingAtWrite, keysOf } from './test-buckets.ts'

async function valueOf(
  registry: Registry,
  name: string,
  operation?: string,
): Promise<number | undefined> {
  const metric = await registry.getSingleMetric(`thanos_objstore_bucket_${name}`)!.get()
  const values = metric.values as readonly {
    readonly value: number
    readonly labels: Readonly<Record<string, unknown>>
    readonly metricName?: string
  }[]
  return values.find(
    ({ labels, metricName = '' }) =>
      (operation === undefined || labels['operation'] === operation) &&
      !metricName.endsWith('_bucket') &&
      !metricName.endsWith('_count'),
  )?.value
}

describe('a metered bucket', () => {
  it('counts operations, bytes and seconds', async () => {
    let nowMs = 0
    const registry = new Registry()
    const inner = memoryBucket()
    const bucket = meteredBucket(
      { ...inner, put: async (...all) => ((nowMs += 2000), inner.put(...all)) },
      registry,
      () => nowMs,
    )
    const read = async (name: string, operation?: string) => valueOf(registry, name, operation)
    expect(await read('operations_total', 'upload')).toBe(0)
    await bucket.put('a', new Uint8Array(100))
    await bucket.getRange('a', 10, 30)
    await bucket.get('a')
    await bucket.head('a')
    await keysOf(bucket)
    await bucket.delete('a')
    for (const operation of ['upload', 'get_range', 'get', 'exists', 'iter', 'delete']) {
      expect(await read('operations_total', operation)).toBe(1)
    }
    expect(await read('operation_transferred_bytes', 'upload')).toBe(100)
    expect(await read('operation_fetched_bytes_total', 'get_range')).toBe(20)
    expect(await read('operation_fetched_bytes_total', 'get')).toBe(100)
    expect(await read('operation_duration_seconds', 'upload')).toBe(2)
    expect(await read('last_successful_upload_time')).toBe(2)
  })

  it('counts what failed, but not what is not there', async () => {
    const registry = new Registry()
    const bucket = meteredBucket(failingAtWrite(memoryBucket(), 1, 'before'), registry, () => 0)
    await expect(bucket.put('a', new Uint8Array(1))).rejects.toThrow(DomainError)
    await expect(bucket.head('a')).rejects.toMatchObject({ kind: 'not-found' })
    expect(await valueOf(registry, 'operation_failures_total', 'upload')).toBe(1)
    expect(await valueOf(registry, 'operation_failures_total', 'exists')).toBe(0)
    expect(await valueOf(registry, 'last_successful_upload_time')).toBe(0)
  })
})
