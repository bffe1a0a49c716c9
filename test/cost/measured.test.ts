import { describe, expect, it } from 'vitest'
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { measureBucket } from '#lib/cost/measured-bucket.ts'
import { measureQueries } from '#lib/cost/measured-queries.ts'
import { labelsFrom } from '#lib/model/labels.ts'

const HOUR = 3_600_000
const NOW = Date.UTC(2026, 0, 31)

function block(more: Partial<BlockRecord> & { readonly cluster?: string }): BlockRecord {
  const { cluster = 'eu', ...rest } = more
  return {
    id: '01',
    minTimeMs: NOW - 4 * HOUR,
    maxTimeMs: NOW - 2 * HOUR,
    labels: labelsFrom({ cluster }),
    resolutionMs: 0,
    level: 1,
    sources: [],
    source: 'sidecar',
    seriesCount: 1000,
    sampleCount: 480_000,
    chunkCount: 4000,
    indexSize: 100_000,
    segmentSizes: [572_000],
    seriesMaxSize: 0,
    chunkMaxSize: 0,
    hasTombstones: false,
    uploadTimeMs: NOW,
    metaEtag: '',
    marks: {},
    ...rest,
  }
}

describe('a bucket that is measured', () => {
  it('says what it holds, by what that is', () => {
    const { held } = measureBucket(
      [
        block({}),
        block({ resolutionMs: 300_000, segmentSizes: [900_000] }),
        block({ resolutionMs: 3_600_000, segmentSizes: [] }),
        block({ hidden: 'superseded' }),
      ],
      NOW,
    )
    expect(held).toEqual({ raw: 0.000672, fiveMinutes: 0.001, oneHour: 0.0001, waiting: 0.000672 })
  })

  it('says who writes, how many series, how often, and how many bytes that is', () => {
    const { coming } = measureBucket(
      [
        block({}),
        block({ minTimeMs: NOW - 2 * HOUR, maxTimeMs: NOW }),
        block({ cluster: 'us', seriesCount: 2000, sampleCount: 960_000 }),
        // Merged before: more series, most of them over.
        block({
          cluster: 'us',
          minTimeMs: NOW - 12 * HOUR,
          maxTimeMs: NOW - 4 * HOUR,
          seriesCount: 9000,
          sampleCount: 3_840_000,
        }),
        block({ cluster: 'gone', minTimeMs: NOW - 900 * HOUR, maxTimeMs: NOW - 898 * HOUR }),
      ],
      NOW,
    )
    expect(coming).toMatchObject({ agents: 2, series: 3000 })
    expect(coming!.scrapeSeconds).toBeCloseTo(15, 6)
    expect(coming!.bytesPerSample).toBeCloseTo(
      (4 * 672_000) / (480_000 * 2 + 960_000 + 3_840_000),
      9,
    )
  })

  it('does not guess where nothing came of late', () => {
    expect(measureBucket([], NOW).coming).toBeUndefined()
    expect(
      measureBucket([block({ maxTimeMs: NOW - 200 * HOUR, minTimeMs: NOW - 202 * HOUR })], NOW)
        .coming,
    ).toBeUndefined()
  })
})

describe('a log that is measured', () => {
  const cost = { gets: 3, lists: 1, puts: 0, invokes: 2, functionGbSeconds: 0.5 }
  const line = (time: number): string => JSON.stringify({ level: 'info', time, msg: 'query', cost })

  it('adds up what queries took, in the lines that the functions write and those that CloudWatch exports', () => {
    const exported = JSON.stringify({
      timestamp: '2026-01-31T00:00:00.000Z',
      level: 'INFO',
      message: { msg: 'query', cost },
    })
    const measured = measureQueries([
      line(NOW - 12 * HOUR),
      `2026-01-30T18:00:00Z ${line(NOW - 6 * HOUR)}`,
      exported,
      'REPORT RequestId: 1',
      '{"cost":"much"}',
      '{broken',
      '',
    ])
    expect(measured).toEqual({
      count: 3,
      days: 0.5,
      gets: 9,
      lists: 3,
      puts: 0,
      invokes: 6,
      gbSeconds: 1.5,
    })
  })

  it('needs two queries of different times', () => {
    expect(measureQueries([line(NOW)])).toBeUndefined()
    expect(measureQueries([line(NOW), line(NOW)])).toBeUndefined()
  })
})
