import { describe, expect, it } from 'vitest'
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { chooseBlocks } from '#lib/blocks/choose-blocks.ts'
import { labelsFrom } from '#lib/model/labels.ts'

const FIVE = 300_000
const HOUR = 3_600_000

function block(id: string, minTimeMs: number, maxTimeMs: number, more = {}): BlockRecord {
  return {
    id,
    minTimeMs,
    maxTimeMs,
    labels: labelsFrom({ cluster: 'a' }),
    resolutionMs: id.startsWith('h') ? HOUR : id.startsWith('f') ? FIVE : 0,
    level: 1,
    sources: [],
    source: '',
    seriesCount: 1,
    sampleCount: 1,
    chunkCount: 1,
    indexSize: 1,
    segmentSizes: [],
    seriesMaxSize: 0,
    chunkMaxSize: 0,
    hasTombstones: false,
    uploadTimeMs: 0,
    metaEtag: '',
    marks: {},
    ...more,
  }
}

/** Raw all the time; five minutes for 0 to 100 and 200 to 300; hours for 0 to 50. */
const blocks = [
  block('r1', 0, 60),
  block('r2', 60, 120),
  block('r3', 120, 300),
  block('f1', 0, 100),
  block('f2', 200, 300),
  block('h1', 0, 50),
]
const chosen = (startMs: number, endMs: number, maxMs: number, of = blocks): string =>
  chooseBlocks(of, { startMs, endMs }, maxMs)
    .map(({ id }) => id)
    .join(' ')

describe('chooseBlocks', () => {
  it.each([
    [0, 299, 0, 'r1 r2 r3'],
    [0, 299, FIVE - 1, 'r1 r2 r3'],
    // 100 to 199 has no block of five minutes.
    [0, 299, FIVE, 'r2 r3 f1 f2'],
    [0, 99, FIVE, 'f1'],
    [0, 100, FIVE, 'r2 f1'],
    [0, 299, HOUR - 1, 'r2 r3 f1 f2'],
    [0, 299, HOUR, 'r2 r3 f1 f2 h1'],
    [0, 49, Infinity, 'h1'],
    [60, 99, HOUR, 'f1'],
    [150, 160, HOUR, 'r3'],
    [300, 400, HOUR, ''],
    [20, 10, HOUR, ''],
  ])('from %d to %d with at most %d ms', (startMs, endMs, maxMs, expected) => {
    expect(chosen(startMs, endMs, maxMs)).toBe(expected)
  })

  it('reads nothing that is too coarse, not even where there is nothing else', () => {
    expect(chosen(0, 40, FIVE, [block('h1', 0, 50)])).toBe('')
  })

  it('decides for each stream by itself', () => {
    const other = block('r9', 0, 300, { labels: labelsFrom({ cluster: 'b' }) })
    expect(chosen(0, 99, FIVE, [...blocks, other])).toBe('f1 r9')
  })
})
