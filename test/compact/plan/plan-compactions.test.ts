import { encodeTime } from 'ulid'
import { describe, expect, it } from 'vitest'
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import {
  type CompactionPlan,
  type CompactionRules,
  planCompactions,
} from '#lib/compact/plan/plan-compactions.ts'
import { DEFAULT_COMPACT_SETTINGS } from '#lib/compact/plan/settings.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import { HOUR_MS, sampleRecord as block } from './sample-record.ts'

/** So late that what is not there yet may still come. */
const NOW_MS = 20 * HOUR_MS

function plan(
  blocks: readonly BlockRecord[],
  rules: Partial<CompactionRules> = {},
): CompactionPlan {
  return planCompactions(blocks, { ...DEFAULT_COMPACT_SETTINGS, nowMs: NOW_MS, ...rules })
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

  it('goes to the longest window that is over at once', () => {
    const level2 = [0, 8, 16, 24, 32, 40].map((h) => block(`l${h}`, h, h + 8, { level: 2 }))
    const level1 = [48, 50, 52, 54].map((h) => block(`s${h}`, h, h + 2))
    const blocks = [...level2, ...level1, block('new', 96, 98)]
    const nowMs = 100 * HOUR_MS
    expect(jobs(plan(blocks, { nowMs })).sort()).toEqual([
      'range l0 l8 l16 l24 l32 l40',
      'range s48 s50 s52 s54',
    ])
    const backlog = Array.from({ length: 30 }, (_, i) => block(`b${i}`, i * 2, i * 2 + 2))
    const planned = jobs(plan(backlog, { nowMs: 61 * HOUR_MS }))
    expect(planned).toEqual([
      `range ${backlog
        .slice(0, 24)
        .map(({ id }) => id)
        .join(' ')}`,
      `range ${backlog
        .slice(24, 28)
        .map(({ id }) => id)
        .join(' ')}`,
    ])
  })

  it('takes no more blocks at once than it may', () => {
    const blocks = Array.from({ length: 30 }, (_, i) => block(`b${i}`, i * 2, i * 2 + 2))
    const rules = { nowMs: 61 * HOUR_MS, maxInputs: 12 }
    expect(plan(blocks, rules).jobs.map((job) => job.blocks.length)).toEqual([4, 4, 4, 4, 4, 4, 4])
    const tiny = Array.from({ length: 30 }, (_, i) => block(`t${i}`, i / 60, (i + 1) / 60))
    const pieces = plan([...tiny, block('new', 2, 4)], rules).jobs
    expect(pieces.map((job) => job.blocks.length)).toEqual([12, 12, 6])
    const overlapping = Array.from({ length: 30 }, (_, i) => block(`o${i}`, 0, 2 + i / 60))
    const planned = plan(overlapping, rules)
    expect(planned.jobs.map((job) => job.blocks.length)).toEqual([12])
    expect(planned.left.get('o12')).toBe('overlaps others, of which the first 12 are merged before')
  })

  it('takes windows of a stream that has ended', () => {
    const ended = [block('a', 0, 2), block('b', 2, 4)]
    expect(plan(ended, { nowMs: 30 * HOUR_MS }).jobs).toEqual([])
    expect(jobs(plan(ended, { nowMs: 33 * HOUR_MS }))).toEqual(['range a b'])
  })

  it('does not take a block of the future for a sign that a window is over', () => {
    const blocks = [block('a', 16, 18), block('b', 18, 20), block('skewed', 9000, 9002)]
    expect(plan(blocks).jobs).toEqual([])
    expect(jobs(plan(blocks, { nowMs: 24 * HOUR_MS }))).toEqual(['range a b'])
  })

  it('waits for blocks that are too young, unless a compactor made them', () => {
    const young = { uploadTimeMs: NOW_MS - 60_000 }
    const [a, b, c, d] = HOURS_0_TO_8 as [BlockRecord, BlockRecord, BlockRecord, BlockRecord]
    const planned = plan([a, b, c, { ...d, ...young }, block('e', 8, 10)])
    expect(planned.jobs).toEqual([])
    expect(planned.left.get('d')).toBe('uploaded 1m ago, it is left alone for 30m')
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

  it('waits for blocks that somebody works on', () => {
    const busy = new Map([['b', 'being merged into x']])
    const planned = plan(HOURS_0_TO_8, { busy })
    expect(planned.jobs).toEqual([])
    expect(planned.left.get('b')).toBe('being merged into x')
  })

  it('leaves out the largest where the indexes together are too large', () => {
    const blocks = HOURS_0_TO_8.map((one) => (one.id === 'b' ? { ...one, indexSize: 900 } : one))
    const planned = plan(blocks, { maxIndexBytes: 1000 })
    expect(jobs(planned)).toEqual(['range c d'])
    expect(planned.left.get('b')).toMatch('larger than the 1000 bytes')
  })

  it('goes to shorter windows where the indexes of a long one together are too large', () => {
    const blocks = [0, 2, 4, 6, 8, 10, 12, 14].map((h) => block(`b${h}`, h, h + 2))
    const rules = { nowMs: 100 * HOUR_MS, maxIndexBytes: 500 }
    expect(jobs(plan(blocks, rules))).toEqual(['range b0 b2 b4 b6', 'range b8 b10 b12 b14'])
  })

  it('leaves overlaps alone that are too large', () => {
    const blocks = [block('a', 0, 8), block('b', 4, 12)]
    expect(plan(blocks, { maxIndexBytes: 200 }).left.get('b')).toMatch('overlaps 1 other, and')
  })

  it('merges overlaps of downsampled blocks too', () => {
    const blocks = [block('a', 0, 8), block('b', 4, 12)]
    const coarse = blocks.map((one) => ({ ...one, resolutionMs: 300_000 }))
    expect(jobs(plan(coarse))).toEqual(['overlap a b'])
  })

  it('does not take a block that is wider than the window', () => {
    const wide = [block('w', 1, 11), block('v', 11, 13), block('e', 100, 102)]
    const nowMs = 102 * HOUR_MS
    expect(jobs(plan(wide, { nowMs }))).toEqual(['range w v'])
    expect(jobs(plan(wide, { nowMs, rangesMs: [2 * HOUR_MS, 8 * HOUR_MS] }))).toEqual([])
  })

  it('writes a long block again that has deletions, alone', () => {
    const blocks = [
      block('a', 0, 8, { hasTombstones: true }),
      block('b', 8, 10, { hasTombstones: true }),
    ]
    expect(jobs(plan(blocks))).toEqual(['tombstones a'])
  })

  it('waits after the time of the id where nobody says when a block was uploaded', () => {
    const nowMs = Date.UTC(2026, 10, 21)
    const young = block(`${encodeTime(nowMs - 60_000)}0000000000000000`, 0, 2)
    const skewed = block(`${encodeTime(nowMs + 1e10)}0000000000000000`, 0, 2)
    expect(plan([young], { nowMs }).left.get(young.id)).toMatch('uploaded 1m ago')
    expect(plan([skewed], { nowMs }).left.get(skewed.id)).toMatch('no other block')
  })
})
