import { Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { countingBucket } from '#lib/bucket/counting-bucket.ts'
import { faultyBucket } from '#lib/bucket/faulty-bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { claimDue } from '#lib/compact/plan/backlog.ts'
import { DEFAULT_COMPACT_SETTINGS } from '#lib/compact/plan/settings.ts'
import { registerTodoGauges } from '#lib/compact/plan/todo-gauges.ts'
import { DomainError } from '#lib/model/errors.ts'
import { ModelBucket } from './model-bucket.ts'
import { HOUR_MS, sampleRecord as block } from './sample-record.ts'

const NOW_MS = 1000 * HOUR_MS

async function lines(registry: Registry): Promise<string[]> {
  return (await registry.metrics()).split('\n').filter((line) => line.startsWith('tha'))
}

describe('registerTodoGauges', () => {
  it('tells what waits, with one request a minute', async () => {
    const { bucket, counts } = countingBucket(memoryBucket())
    let nowMs = NOW_MS
    const registry = new Registry()
    registerTodoGauges(registry, bucket, () => nowMs)
    expect(await lines(registry)).toContain('thanos_compact_todo_compactions 0')
    const blocks = [0, 2, 4, 6].map((h) => block(`b${h}`, 992 + h, 994 + h))
    const plan = new ModelBucket(DEFAULT_COMPACT_SETTINGS, NOW_MS, blocks).plan()
    await claimDue(bucket, plan, { nowMs, resendMs: 1, leased: new Set() })
    const before = counts.gets
    nowMs += 60_000
    await lines(registry)
    expect(await lines(registry)).toEqual([
      'thanos_compact_todo_compactions 1',
      'thanos_compact_todo_compaction_blocks 4',
      'thanos_compact_todo_downsample_blocks 0',
      'thanos_compact_todo_deletion_blocks 0',
      `thaw_compact_todo_oldest_timestamp_seconds ${NOW_MS / 1000}`,
      'thaw_compact_todo_estimated_seconds 1.8',
      `thaw_compact_last_plan_timestamp_seconds ${NOW_MS / 1000}`,
    ])
    expect(counts.gets - before).toBe(1)
  })

  it('knows nothing while the bucket does not answer', async () => {
    const error = new DomainError('unavailable', 'away')
    const { bucket } = faultyBucket(memoryBucket(), { fault: { type: 'fail', error } })
    const registry = new Registry()
    registerTodoGauges(registry, bucket, () => NOW_MS)
    expect(await lines(registry)).toContain('thanos_compact_todo_compactions Nan')
  })
})
