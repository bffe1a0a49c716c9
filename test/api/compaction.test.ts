import { describe, expect, it } from 'vitest'
import { DEFAULT_SCOPE } from '#lib/api/parts.ts'
import { DEFAULT_TENANCY } from '#lib/api/tenant.ts'
import { nextBacklog, EMPTY_BACKLOG } from '#lib/compact/plan/backlog.ts'
import { compactionStatus } from '#lib/compact/plan/status.ts'
import { DEFAULT_COMPACT_SETTINGS } from '#lib/compact/plan/settings.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import { ModelBucket } from '#test/compact/plan/model-bucket.ts'
import { HOUR_MS, sampleRecord } from '#test/compact/plan/sample-record.ts'
import { testApp } from './fake-backend.ts'

const NOW_MS = 1000 * HOUR_MS
const HOURS = [0, 2, 4, 6]

/** A stream of each team, four blocks to be merged in each. */
const BLOCKS = ['a', 'b'].flatMap((team) =>
  HOURS.map((h) => sampleRecord(`${team}${h}`, 992 + h, 994 + h, { labels: labelsFrom({ team }) })),
)
const BACKLOG = nextBacklog(
  new ModelBucket(DEFAULT_COMPACT_SETTINGS, NOW_MS, BLOCKS).plan(),
  EMPTY_BACKLOG,
  NOW_MS,
)

const canned = {
  blocks: BLOCKS.filter(({ id }) => id.startsWith('a')).map((block) => ({
    ...block,
    visible: true,
  })),
}

describe('status/compaction', () => {
  it('tells what waits, since when, how long it may take, and why', async () => {
    const { app } = testApp(canned, {
      compaction: async (blocks) => compactionStatus(BACKLOG, blocks),
    })
    const response = await app.request('/api/v1/status/compaction')
    const { status, data } = (await response.json()) as { status: string; data: object }
    expect(status).toBe('success')
    const reason = '4 blocks to be merged into one of 8h from 1970-02-11 08:00'
    expect(data).toMatchObject({
      plannedAt: '1970-02-11T16:00:00.000Z',
      pending: {
        byType: { compact: { jobs: 2, inputBytes: 1600, estimateSeconds: 3.6 } },
        jobs: 2,
        estimateSeconds: 3.6,
        longestSeconds: 1.8,
        oldestPlannedAt: '1970-02-11T16:00:00.000Z',
      },
      jobs: [
        { type: 'compact', reason, plannedAt: '1970-02-11T16:00:00.000Z', sentAt: null },
        { type: 'compact', reason },
      ],
    })
    const ids = HOURS.flatMap((h) => [`a${h}`, `b${h}`])
    expect(data).toHaveProperty(
      'blocks',
      ids.map((ulid) => ({ ulid, reason })),
    )
  })

  it('tells a tenant of its own blocks only', async () => {
    const tenancy = { ...DEFAULT_TENANCY, enforce: true, labelName: 'team' }
    const { app } = testApp(canned, {
      scope: { ...DEFAULT_SCOPE, tenancy },
      compaction: async (blocks) => compactionStatus(BACKLOG, blocks),
    })
    const response = await app.request('/api/v1/status/compaction', {
      headers: { 'thanos-tenant': 'a' },
    })
    const text = await response.text()
    const { data } = JSON.parse(text) as {
      data: { jobs: { description: string }[]; pending: object; blocks: { ulid: string }[] }
    }
    expect(data.blocks.map(({ ulid }) => ulid)).toEqual(['a0', 'a2', 'a4', 'a6'])
    expect(data.jobs.map(({ description }) => description)).toEqual([
      'compact 4 blocks: a0, a2, a4, a6',
    ])
    expect(data.pending).toMatchObject({ jobs: 1, estimateSeconds: 1.8 })
    expect(text).not.toMatch(/b[0246]/)
  })

  it('is empty where there is no bucket', async () => {
    const response = await testApp().app.request('/api/v1/status/compaction')
    expect(await response.json()).toMatchObject({
      status: 'success',
      data: { plannedAt: null, pending: { jobs: 0 }, jobs: [], blocks: [] },
    })
  })
})

describe('compactionStatus', () => {
  it('shows nothing of jobs that name no block to who may see some blocks only', () => {
    const job = { type: 'part', ulid: 'x', part: 0 } as const
    const pending = { job, key: 'k', reason: 'r', inputBytes: 1, estimateSeconds: 1, plannedMs: 0 }
    const backlog = { updatedMs: 0, jobs: [pending], reasons: {} }
    expect(compactionStatus(backlog, undefined)).toMatchObject({
      plannedAt: null,
      jobs: [{ key: 'k' }],
    })
    expect(compactionStatus(backlog, new Set(['x'])).jobs).toEqual([])
  })
})
