import { describe, expect, it } from 'vitest'
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import {
  type DownsamplingRules,
  planDownsampling,
} from '#lib/compact/downsample/plan-downsampling.ts'
import { labels, testId } from '#test/store/sample-block.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const NOW_MS = 100 * DAY_MS

const RULES: DownsamplingRules = {
  nowMs: NOW_MS,
  consistencyDelayMs: 30 * 60_000,
  retentionMs: { fiveMinutes: 0, oneHour: 0 },
}

function block(n: number, hours: number, more: Partial<BlockRecord> = {}): BlockRecord {
  return {
    id: testId(n),
    minTimeMs: 0,
    maxTimeMs: hours * HOUR_MS,
    labels: labels({ cluster: 'a' }),
    resolutionMs: 0,
    level: 3,
    sources: [testId(n)],
    source: 'compactor',
    seriesCount: 1,
    sampleCount: 1,
    chunkCount: 1,
    indexSize: 1,
    segmentSizes: [1],
    seriesMaxSize: 0,
    chunkMaxSize: 0,
    hasTombstones: false,
    uploadTimeMs: NOW_MS,
    metaEtag: '',
    marks: {},
    ...more,
  }
}

function planned(records: readonly BlockRecord[], rules: Partial<DownsamplingRules> = {}): unknown {
  const { jobs, left } = planDownsampling(records, { ...RULES, ...rules })
  return {
    jobs: jobs.map((job) => [job.block.id, job.resolutionMs]),
    left: Object.fromEntries(left),
  }
}

describe('planDownsampling', () => {
  it('takes raw blocks of forty hours, and those of five minutes of ten days', () => {
    const { jobs } = planDownsampling(
      [block(1, 40), block(2, 39.9), block(3, 240, { resolutionMs: 300_000 })],
      RULES,
    )
    expect(
      jobs.map(({ block: { id }, resolutionMs, reason }) => [id, resolutionMs, reason]),
    ).toEqual([
      [testId(1), 300_000, 'spans 40 h, and there is no 5m block of all of it'],
      [testId(3), 3_600_000, 'spans 240 h, and there is no 1h block of all of it'],
    ])
  })

  it('says why others are left', () => {
    const mark = { timeMs: 0, etag: '' }
    expect(
      planned([
        block(1, 39.94),
        block(2, 239, { resolutionMs: 300_000 }),
        block(3, 999, { resolutionMs: 3_600_000 }),
        block(4, 48, { marks: { deletion: mark } }),
        block(5, 48, { marks: { noDownsample: { ...mark, reason: 'manual' } } }),
        block(6, 48, { hidden: 'superseded' }),
        block(7, 48, { source: 'sidecar', uploadTimeMs: NOW_MS - 60_000 }),
      ]),
    ).toEqual({
      jobs: [],
      left: {
        [testId(1)]: 'spans 39.9 h, 5m blocks are made of those that span 40 h',
        [testId(2)]: 'spans 239 h, 1h blocks are made of those that span 240 h',
        [testId(3)]: '1h blocks are not downsampled',
        [testId(4)]: 'marked for deletion',
        [testId(5)]: 'marked no-downsample: manual',
        [testId(6)]: 'superseded',
        [testId(7)]: 'uploaded 60 s ago, it is left alone for 1800 s',
      },
    })
  })

  it('leaves what several blocks together have, of the same stream', () => {
    const sources = [testId(8), testId(9)]
    const five = (n: number, source: string, more: Partial<BlockRecord> = {}): BlockRecord =>
      block(n, 48, { resolutionMs: 300_000, sources: [source], ...more })
    const raw = block(1, 48, { sources })
    expect(planned([raw, five(2, testId(8)), five(3, testId(9))])).toMatchObject({
      jobs: [],
      left: { [raw.id]: 'there are 5m blocks of it' },
    })
    expect(planned([raw, five(2, testId(8))])).toMatchObject({ jobs: [[raw.id, 300_000]] })
    const other = { labels: labels({ cluster: 'b' }) }
    expect(planned([raw, five(2, testId(8)), five(3, testId(9), other)])).toMatchObject({
      jobs: [[raw.id, 300_000]],
    })
    const marked = { marks: { deletion: { timeMs: 0, etag: '' } } }
    expect(planned([raw, five(2, testId(8)), five(3, testId(9), marked)])).toMatchObject({
      jobs: [[raw.id, 300_000]],
    })
  })

  it('does not make what would be deleted at once', () => {
    const raw = block(1, 48)
    const retentionMs = { fiveMinutes: 98 * DAY_MS, oneHour: 0 }
    expect(planned([raw], { retentionMs })).toEqual({
      jobs: [],
      left: { [raw.id]: '5m blocks of its time are no longer kept' },
    })
    expect(
      planned([raw], { retentionMs: { ...retentionMs, fiveMinutes: 99 * DAY_MS } }),
    ).toMatchObject({
      jobs: [[raw.id, 300_000]],
    })
  })

  it('takes a block without sources for its own', () => {
    const raw = block(1, 48, { sources: [] })
    const five = block(2, 48, { resolutionMs: 300_000, sources: [raw.id] })
    expect(planned([raw, five])).toMatchObject({ jobs: [] })
  })
})
