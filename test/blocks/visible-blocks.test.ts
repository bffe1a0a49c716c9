import { describe, expect, it } from 'vitest'
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { isVisible, markHidden } from '#lib/blocks/visible-blocks.ts'
import { labels } from '#test/store/sample-block.ts'

const DAY_MS = 86_400_000
const NOW = 100 * DAY_MS

interface Given {
  readonly id: string
  readonly sources?: readonly string[]
  readonly replica?: string
  readonly resolutionMs?: number
  readonly markedMs?: number
}

function block({ id, sources = [id], replica, resolutionMs = 0, markedMs }: Given): BlockRecord {
  return {
    id,
    minTimeMs: 0,
    maxTimeMs: 1,
    labels: labels({ cluster: 'a', ...(replica !== undefined && { replica }) }),
    resolutionMs,
    level: 1,
    sources,
    source: 'sidecar',
    seriesCount: 1,
    sampleCount: 1,
    chunkCount: 1,
    indexSize: 1,
    segmentSizes: [1],
    seriesMaxSize: 0,
    chunkMaxSize: 0,
    hasTombstones: false,
    uploadTimeMs: 0,
    metaEtag: '',
    marks: markedMs === undefined ? {} : { deletion: { timeMs: markedMs, etag: '' } },
  }
}

function hiddenOf(...given: readonly Given[]): Record<string, string> {
  const hidden = markHidden(given.map(block), NOW)
  return Object.fromEntries(hidden.flatMap((one) => (one.hidden ? [[one.id, one.hidden]] : [])))
}

describe('queries do not see', () => {
  it('what was marked a day ago', () => {
    expect(
      hiddenOf({ id: 'A', markedMs: NOW - DAY_MS - 1 }, { id: 'B', markedMs: NOW - DAY_MS }),
    ).toEqual({ A: 'marked-for-deletion' })
    expect(isVisible(block({ id: 'B', markedMs: NOW - DAY_MS }), NOW + 1)).toBe(false)
  })

  it('what a block of the same stream and resolution was made of', () => {
    const merged = { id: 'C', sources: ['A', 'B'] }
    expect(hiddenOf({ id: 'A' }, { id: 'B' }, merged)).toEqual({
      A: 'superseded',
      B: 'superseded',
    })
    expect(hiddenOf({ id: 'A', replica: '1' }, merged)).toEqual({})
    expect(hiddenOf({ id: 'A', resolutionMs: 300_000 }, merged)).toEqual({})
    expect(hiddenOf({ id: 'A', sources: ['A', 'X'] }, merged)).toEqual({})
  })

  it('what was written again, as soon as it is marked; never both', () => {
    const sources = ['X']
    expect(hiddenOf({ id: 'A', sources }, { id: 'B', sources })).toEqual({ B: 'superseded' })
    expect(hiddenOf({ id: 'A', sources, markedMs: NOW }, { id: 'B', sources })).toEqual({
      A: 'superseded',
    })
    expect(hiddenOf({ id: 'A', sources }, { id: 'B', sources, markedMs: NOW })).toEqual({
      B: 'superseded',
    })
    const both = hiddenOf({ id: 'A', sources, markedMs: NOW }, { id: 'B', sources, markedMs: NOW })
    expect(both).toEqual({ B: 'superseded' })
  })

  it('replicas that became one, as soon as they are marked', () => {
    const merged = { id: 'C', sources: ['A', 'B'] }
    const [a, b] = [
      { id: 'A', replica: '1', markedMs: NOW },
      { id: 'B', replica: '2' },
    ]
    expect(hiddenOf(a, b, merged)).toEqual({ A: 'superseded' })
    expect(hiddenOf({ ...a, resolutionMs: 300_000 }, merged)).toEqual({})
    expect(hiddenOf(a, { ...merged, markedMs: NOW })).toEqual({})
    expect(hiddenOf(a, { ...merged, sources: ['B'] })).toEqual({})
  })
})
