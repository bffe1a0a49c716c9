import { describe, expect, it } from 'vitest'
import { countingBucket } from '#lib/bucket/counting-bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { BACKLOG_KEY, claimDue, readBacklog, type SendRules } from '#lib/compact/plan/backlog.ts'
import type { JobPlan } from '#lib/compact/plan/plan-jobs.ts'
import { todoMetrics, todoOf } from '#lib/compact/plan/todo.ts'
import { DEFAULT_COMPACT_SETTINGS } from '#lib/compact/plan/settings.ts'
import { ModelBucket } from './model-bucket.ts'
import { HOUR_MS, sampleRecord as block } from './sample-record.ts'

const NOW_MS = 1000 * HOUR_MS
const RULES: SendRules = { nowMs: NOW_MS, resendMs: 20 * 60_000, leased: new Set() }

function planOf(...hours: readonly number[]): JobPlan {
  const blocks = hours.flatMap((hour) =>
    [0, 2, 4, 6].map((h) => block(`b${hour + h}`, hour + h, hour + h + 2)),
  )
  return new ModelBucket(DEFAULT_COMPACT_SETTINGS, NOW_MS, blocks).plan()
}

const keys = (jobs: readonly { readonly key: string }[]): string[] => jobs.map(({ key }) => key)

describe('claimDue', () => {
  it('sends a job once, and again when it is still planned long after', async () => {
    const bucket = memoryBucket()
    const plan = planOf(992)
    expect(keys((await claimDue(bucket, plan, RULES)).due)).toEqual(keys(plan.jobs))
    const soon = await claimDue(bucket, plan, { ...RULES, nowMs: NOW_MS + 19 * 60_000 })
    expect(soon.due).toEqual([])
    expect(soon.backlog).toEqual(await readBacklog(bucket))
    const { due: again } = await claimDue(bucket, plan, { ...RULES, nowMs: NOW_MS + 20 * 60_000 })
    expect(keys(again)).toEqual(keys(plan.jobs))
    expect(again[0]!.plannedMs).toBe(NOW_MS)
  })

  it('sends nothing that somebody is at', async () => {
    const plan = planOf(992)
    const leased = new Set(keys(plan.jobs))
    const bucket = memoryBucket()
    expect((await claimDue(bucket, plan, { ...RULES, leased })).due).toEqual([])
    expect((await claimDue(bucket, plan, RULES)).due).toHaveLength(1)
  })

  it('of two planners at once sends each job with one', async () => {
    const bucket = memoryBucket()
    const plan = planOf(300, 992)
    const claims = await Promise.all(Array.from({ length: 8 }, () => claimDue(bucket, plan, RULES)))
    expect(keys(claims.flatMap(({ due }) => due)).sort()).toEqual(keys(plan.jobs).sort())
  })

  it('forgets what is not planned any more, and remembers why a block is not', async () => {
    const bucket = memoryBucket()
    await claimDue(bucket, planOf(300, 992), RULES)
    await claimDue(bucket, planOf(992), { ...RULES, nowMs: NOW_MS + 1 })
    const { jobs, reasons, updatedMs } = await readBacklog(bucket)
    expect(updatedMs).toBe(NOW_MS + 1)
    expect(jobs).toHaveLength(1)
    expect(jobs[0]!.sentMs).toBe(NOW_MS)
    expect(reasons).toMatchObject({
      b992: '4 blocks to be merged into one of 8h from 1970-02-11 08:00',
    })
  })

  it('is written again where something changed, or after a quarter of an hour', async () => {
    const counting = countingBucket(memoryBucket())
    const writes = async (plan: JobPlan, afterMs: number): Promise<number> => {
      counting.reset()
      const claim = await claimDue(counting.bucket, plan, { ...RULES, nowMs: NOW_MS + afterMs })
      expect(claim.backlog).toEqual(await readBacklog(counting.bucket))
      return counting.counts.puts
    }
    const MINUTE = 60_000
    expect(await writes(planOf(), 0)).toBe(1)
    expect(await writes(planOf(), 5 * MINUTE)).toBe(0)
    expect(await writes(planOf(), 10 * MINUTE)).toBe(0)
    expect(await writes(planOf(), 15 * MINUTE)).toBe(1)
    expect(await writes(planOf(992), 16 * MINUTE)).toBe(1)
    expect(await writes(planOf(992), 17 * MINUTE)).toBe(0)
    expect(await writes(planOf(), 18 * MINUTE)).toBe(1)
    // The clock of another planner.
    expect(await writes(planOf(), 17 * MINUTE)).toBe(1)
  })

  it('begins anew where what is there cannot be read', async () => {
    const bucket = memoryBucket()
    await bucket.put(BACKLOG_KEY, new Uint8Array([1, 2, 3]))
    expect((await readBacklog(bucket)).jobs).toEqual([])
    expect((await claimDue(bucket, planOf(992), RULES)).due).toHaveLength(1)
    expect((await readBacklog(bucket)).jobs).toHaveLength(1)
  })
})

describe('todoOf', () => {
  it('counts, by type and under the names of Thanos', async () => {
    const bucket = memoryBucket()
    await claimDue(bucket, planOf(992), RULES)
    await claimDue(bucket, planOf(300, 992), { ...RULES, nowMs: NOW_MS + 1 })
    const backlog = await readBacklog(bucket)
    expect(todoOf(backlog)).toEqual({
      byType: { compact: { jobs: 2, inputBytes: 1600, estimateSeconds: 3.6 } },
      jobs: 2,
      estimateSeconds: 3.6,
      longestSeconds: 1.8,
      oldestMs: NOW_MS,
    })
    expect(todoMetrics(backlog)).toEqual({
      thanos_compact_todo_compactions: 2,
      thanos_compact_todo_compaction_blocks: 8,
      thanos_compact_todo_downsample_blocks: 0,
      thanos_compact_todo_deletion_blocks: 0,
    })
    expect(todoOf({ jobs: [] })).toEqual({
      byType: {},
      jobs: 0,
      estimateSeconds: 0,
      longestSeconds: 0,
    })
  })

  it('counts blocks beyond their retention, not those that others hold', () => {
    const model = new ModelBucket(
      {
        ...DEFAULT_COMPACT_SETTINGS,
        retentionMs: { raw: 40 * HOUR_MS, fiveMinutes: 0, oneHour: 0 },
      },
      NOW_MS,
      [block('a', 0, 2), block('b', 990, 992), block('c', 990, 994, { sources: ['b', 'x'] })],
    )
    const jobs = model.plan().jobs.map((job) => ({ ...job, plannedMs: 0 }))
    expect(jobs).toHaveLength(2)
    expect(todoMetrics({ jobs }).thanos_compact_todo_deletion_blocks).toBe(1)
  })
})
