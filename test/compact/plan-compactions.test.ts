import { describe, expect, it } from 'vitest'
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import {
  type CompactionPlan,
  type CompactionRules,
  DEFAULT_COMPACTION_RULES,
  planCompactions,
} from '#lib/compact/plan-compactions.ts'
import { labelsFrom } from '#lib/model/labels.ts'

const HOUR_MS = 3_600_000
const NOW_MS = 1000 * HOUR_MS

function block(
  id: string,
  fromHour: number,
  toHour: number,
  over: Partial<BlockRecord> = {},
): BlockRecord {
  return {
    id,
    minTimeMs: fromHour * HOUR_MS,
    maxTimeMs: toHour * HOUR_MS,
    labels: labelsFrom({ cluster: 'a' }),
    resolutionMs: 0,
    level: 1,
    sources: [id],
    source: 'sidecar',
    seriesCount: 1,
    sampleCount: 1,
    chunkCount: 1,
    indexSize: 100,
    segmentSizes: [100],
    seriesMaxSize: 0,
    chunkMaxSize: 0,
    hasTombstones: false,
    uploadTimeMs: 0,
    metaEtag: '',
    marks: {},
    ...over,
  }
}

function plan(
  blocks: readonly BlockRecord[],
  rules: Partial<CompactionRules> = {},
): CompactionPlan {
  return planCompactions(blocks, { ...DEFAULT_COMPACTION_RULES, nowMs: NOW_MS, ...rules })
}

/** `overlap a b`, one line for each job. */
function jobs(planned: CompactionPlan): string[] {
  return planned.jobs.map(({ reason, blocks }) => [reason, ...blocks.map(({ id }) => id)].join(' '))
}

const HOURS_0_TO_8 = [block('a', 0, 2), block('b', 2, 4), block('c', 4, 6), block('d', 6, 8)]

describe('planCompactions', () => {
  it('makes one block of those that fill a window', () => {
    expect(jobs(plan(HOURS_0_TO_8))).toEqual(['range a b c d'])
    expect(plan(HOURS_0_TO_8.slice(1)).jobs).toEqual([])
  })

  it('takes what there is of a window that is over', () => {
    const planned = plan([block('a', 0, 2), block('c', 4, 6), block('e', 8, 10)])
    expect(jobs(planned)).toEqual(['range a c'])
    expect(planned.left.get('e')).toBe('no other block fills a window with it yet')
  })

  it('plans overlaps first, and windows with them later', () => {
    const planned = plan([...HOURS_0_TO_8, block('x', 3, 5), block('e', 8, 10)])
    expect(jobs(planned)).toEqual(['overlap b x c'])
    expect(planned.left.get('a')).toBe('no other block fills a window with it yet')
  })

  it('plans each window of every range that has nothing to wait for', () => {
    const level2 = [0, 8, 16, 24, 32, 40].map((h) => block(`l${h}`, h, h + 8, { level: 2 }))
    const level1 = [48, 50, 52, 54].map((h) => block(`s${h}`, h, h + 2))
    const planned = plan([...level2, ...level1, block('new', 96, 98)])
    expect(jobs(planned).sort()).toEqual(['range l0 l8 l16 l24 l32 l40', 'range s48 s50 s52 s54'])
  })

  it('waits for blocks that are too young, unless a compactor made them', () => {
    const young = { uploadTimeMs: NOW_MS - 60_000 }
    const [a, b, c, d] = HOURS_0_TO_8 as [BlockRecord, BlockRecord, BlockRecord, BlockRecord]
    const planned = plan([a, b, c, { ...d, ...young }, block('e', 8, 10)])
    expect(planned.jobs).toEqual([])
    expect(planned.left.get('d')).toBe('uploaded 60 s ago, it is left alone for 1800 s')
    expect(jobs(plan([a, b, c, { ...d, ...young, source: 'compactor' }]))).toEqual([
      'range a b c d',
    ])
  })

  it('goes round blocks that take no part', () => {
    const marks = { noCompact: { timeMs: 0, etag: '', reason: 'manual' } }
    const blocks = HOURS_0_TO_8.map((one) => (one.id === 'c' ? { ...one, marks } : one))
    const planned = plan([...blocks, block('e', 8, 10)])
    expect(jobs(planned)).toEqual(['range a b'])
    expect(planned.left.get('c')).toBe('marked no-compact: manual')
  })

  it('does not see what is gone', () => {
    const deletion = { deletion: { timeMs: 0, etag: '' } }
    const planned = plan([
      ...HOURS_0_TO_8,
      block('old', 0, 8, { marks: deletion }),
      block('dup', 0, 2, { hidden: 'superseded' }),
    ])
    expect(jobs(planned)).toEqual(['range a b c d'])
    expect(planned.left.get('old')).toBe('marked for deletion')
    expect(planned.left.get('dup')).toBe('superseded')
  })

  it('keeps groups apart', () => {
    const other = HOURS_0_TO_8.map((one) => ({
      ...one,
      id: `${one.id}2`,
      labels: labelsFrom({ cluster: 'b' }),
    }))
    const coarse = HOURS_0_TO_8.map((one) => ({ ...one, id: `${one.id}3`, resolutionMs: 300_000 }))
    expect(jobs(plan([...HOURS_0_TO_8, ...other, ...coarse]))).toEqual([
      'range a b c d',
      'range a2 b2 c2 d2',
      'range a3 b3 c3 d3',
    ])
  })

  it('leaves out the largest where the indexes together are too large', () => {
    const blocks = HOURS_0_TO_8.map((one) => (one.id === 'b' ? { ...one, indexSize: 900 } : one))
    const planned = plan(blocks, { maxIndexBytes: 1000 })
    expect(jobs(planned)).toEqual(['range c d'])
    expect(planned.left.get('b')).toBe('its index makes one of more than 1000 bytes')
  })

  it('does not take a block that is wider than the window', () => {
    const wide = [block('w', 1, 11), block('v', 11, 13), block('e', 100, 102)]
    expect(jobs(plan(wide))).toEqual(['range w v'])
    expect(jobs(plan(wide, { rangesMs: [2 * HOUR_MS, 8 * HOUR_MS] }))).toEqual([])
  })
})
