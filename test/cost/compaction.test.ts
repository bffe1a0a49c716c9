import { expect, it } from 'vitest'
import type { Job } from '#lib/compact/jobs/job.ts'
import { DEFAULT_COMPACT_SETTINGS } from '#lib/compact/plan/settings.ts'
import { ASSUMPTIONS } from '#lib/cost/assumptions.ts'
import { compactionOf, mergesOf } from '#lib/cost/compaction.ts'
import type { Workload } from '#lib/cost/workload.ts'
import { ModelBucket } from '#test/compact/plan/model-bucket.ts'
import { HOUR_MS, sampleRecord } from '#test/compact/plan/sample-record.ts'

/** In a day, after a third of the time: what the planner of the functions plans for one agent. */
function planned(blockHours: number, days: number): { jobs: number; blocks: number } {
  const bucket = new ModelBucket(DEFAULT_COMPACT_SETTINGS, 0)
  const jobs: Job[] = []
  const blocks = (days * 24) / blockHours
  for (let n = 1; n <= blocks; n++) {
    const endMs = Math.round(n * blockHours * HOUR_MS)
    bucket.nowMs = endMs + 3 * HOUR_MS
    const minTimeMs = Math.round((n - 1) * blockHours * HOUR_MS)
    const id = `b${String(n).padStart(6, '0')}`
    const times = { minTimeMs, maxTimeMs: endMs, uploadTimeMs: endMs + HOUR_MS }
    bucket.blocks.set(id, sampleRecord(id, 0, 0, times))
    const done = bucket.settle()
    if (n > blocks / 3) jobs.push(...done)
  }
  const made = jobs.filter(({ type }) => type === 'compact' || type === 'downsample')
  return { jobs: jobs.length / ((days * 2) / 3), blocks: made.length / ((days * 2) / 3) }
}

function workload(blockHours: number): Workload {
  return {
    agents: 1,
    series: 100_000,
    scrapeSeconds: 15,
    bytesPerSample: 1.4,
    blockHours,
    freshSeconds: 30,
    ageDays: 365,
    retention: { rawDays: Infinity, fiveMinuteDays: Infinity, oneHourDays: Infinity },
    rules: 0,
    queriesPerDay: 0,
    slices: 0,
    refreshesPerDay: 0,
  }
}

const SHARES = {
  fiveMinutes: ASSUMPTIONS['block.5m-share'].value,
  downsamplings: ASSUMPTIONS['compact.downsamplings'].value,
}

it.each([
  [1 / 2, 42, 4],
  [1, 42, 4],
  [2, 84, 3],
  [6, 84, 2],
  [24, 84, 2],
  [48, 84, 1],
])('there are as many jobs as the planner plans for blocks of %d hours', (hours, days, merges) => {
  const real = planned(hours, days)
  const said = compactionOf(workload(hours), SHARES)
  expect(Math.abs(said.jobs / real.jobs - 1)).toBeLessThan(0.1)
  expect(Math.abs(said.blocks / real.blocks - 1)).toBeLessThan(0.1)
  expect(mergesOf(workload(hours))).toBe(merges)
})

it('reads what is merged and downsampled, and nothing where nothing comes', () => {
  const gb = ((100_000 / 15) * 86_400 * 1.4) / 1e9
  const { readGb } = compactionOf(workload(2), { fiveMinutes: 0.5, downsamplings: 0 })
  expect(readGb).toBeCloseTo(gb * (3 + 1 + 0.5 * 2), 9)
  const raw = { ...workload(2), retention: { rawDays: 30, fiveMinuteDays: 0, oneHourDays: 0 } }
  expect(compactionOf(raw, SHARES)).toEqual({ jobs: 6, blocks: 3, readGb: expect.closeTo(3 * gb) })
  expect(compactionOf({ ...raw, series: 0 }, SHARES)).toEqual({ jobs: 0, blocks: 0, readGb: 0 })
})
