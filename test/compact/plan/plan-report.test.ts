import { describe, expect, it } from 'vitest'
import type { IndexUpdate } from '#lib/blocks/bucket-index.ts'
import { UNREADABLE } from '#lib/compact/jobs/marks.ts'
import { EMPTY_BACKLOG, nextBacklog } from '#lib/compact/plan/backlog.ts'
import { type PlanParts, planReport } from '#lib/compact/plan/plan-report.ts'
import { DEFAULT_COMPACT_SETTINGS } from '#lib/compact/plan/settings.ts'
import type { Writer } from '#lib/compact/plan/writers.ts'
import { markKey, parseMarks } from '#lib/fresh/pack-marks.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import { ModelBucket } from './model-bucket.ts'
import { HOUR_MS, sampleRecord as block } from './sample-record.ts'

const NOW_MS = 1000 * HOUR_MS
const MINUTE_MS = 60_000

const UPDATE: IndexUpdate = {
  blocks: 4,
  hidden: 1,
  partial: [{ id: 'p', reason: 'no index', lastModifiedMs: 0, hasMeta: true }],
  added: ['b1', 'b2'],
  removed: [],
  written: true,
}

const NOTHING: PlanParts = {
  update: UPDATE,
  blocks: [],
  packMarks: [],
  backlog: EMPTY_BACKLOG,
  sent: [],
  writers: [],
  nowMs: NOW_MS,
}

function writer(name: string, agoMs: number, isSilent = false): Writer {
  return { labels: labelsFrom({ cluster: name }), lastMs: NOW_MS - agoMs, isSilent }
}

describe('planReport', () => {
  it('is all zeros where there is nothing to do', () => {
    expect(planReport(NOTHING)).toEqual({
      message: '4 blocks, 0 jobs to do, 0 sent, 0 writers',
      blocks: 4,
      hidden: 1,
      partial: 1,
      added: 2,
      removed: 0,
      written: true,
      jobs: 0,
      sent: 0,
      estimateSeconds: 0,
      oldestJobSeconds: 0,
      setAside: 0,
      setAsideNames: '',
      writers: 0,
      silentWriters: 0,
      lastWrites: '',
    })
  })

  it('says what waits, and for how long', () => {
    const blocks = [0, 2, 4, 6].map((h) => block(`b${h}`, 992 + h, 994 + h))
    const plan = new ModelBucket(DEFAULT_COMPACT_SETTINGS, NOW_MS, blocks).plan()
    const before = nextBacklog(plan, EMPTY_BACKLOG, NOW_MS - 90 * MINUTE_MS)
    const backlog = nextBacklog(plan, before, NOW_MS)
    const report = planReport({ ...NOTHING, backlog, sent: backlog.jobs })
    expect(report).toMatchObject({ jobs: 1, sent: 1, estimateSeconds: 1.8, oldestJobSeconds: 5400 })
    expect(report.message).toBe('4 blocks, 1 job to do, 1 sent, the oldest for 1h30m, 0 writers')
  })

  it('names what was set aside, and not what goes anyway, nor what somebody marked', () => {
    const mark = (reason: string) => ({ timeMs: 0, etag: 'e', reason })
    const [noCompact, noDownsample] = [mark(UNREADABLE), mark(UNREADABLE)]
    const blocks = [
      block('b1', 0, 2, { marks: { noCompact } }),
      block('b2', 2, 4, { marks: { noDownsample } }),
      block('b3', 4, 6, { marks: { noCompact, deletion: mark('') } }),
      block('b4', 6, 8, { marks: { noCompact: mark('manual') } }),
    ]
    const span = { labels: labelsFrom({ cluster: 'a' }), epoch: 'e', from: 0, to: 1 }
    const keys = [markKey('broken', span, 1, 2), markKey('empty', span, 1, 2)]
    const packMarks = parseMarks(keys.map((key) => ({ key, size: 0, etag: '', lastModifiedMs: 0 })))
    const report = planReport({ ...NOTHING, blocks, packMarks })
    expect(report.setAside).toBe(3)
    expect(report.setAsideNames).toBe(`b1; b2; ${keys[0]}`)
    expect(report.message).toContain('3 set aside')
  })

  it('names writers, the first ten of them, and cuts long names', () => {
    const many = Array.from({ length: 12 }, (_, i) => writer(`c${i}`, 100_000 - i * 1000, i < 2))
    const report = planReport({ ...NOTHING, writers: many })
    expect(report).toMatchObject({ writers: 12, silentWriters: 2 })
    expect(report.lastWrites).toMatch(/^\{cluster="c0"\} 1m40s ago; \{cluster="c1"\} 1m39s ago; /)
    expect(report.lastWrites).toMatch(/; \{cluster="c9"\} 1m31s ago; and 2 more$/)
    expect(report.message).toMatch(/12 writers, 2 silent$/)
    const long = planReport({ ...NOTHING, writers: [writer('x'.repeat(1000), 1000)] })
    expect(long.lastWrites).toHaveLength(160)
  })
})
