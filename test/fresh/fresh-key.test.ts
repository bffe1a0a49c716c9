import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { freshHour, freshKey, parseFreshKey } from '#lib/fresh/fresh-key.ts'
import { type FreshPack, visiblePacks, withoutContained } from '#lib/fresh/fresh-list.ts'
import { labelsFrom, labelsFromPairs } from '#lib/model/labels.ts'

const KEY = {
  labels: labelsFrom({ cluster: 'eu/west 1', replica: 'a=b' }),
  epoch: '01J9',
  from: 12,
  to: 34,
  minTimeMs: 1_763_740_770_000,
  maxTimeMs: 1_763_740_800_000,
  directoryBytes: 512,
}

describe('the key of a fresh block', () => {
  it('says what a plan needs', () => {
    const text =
      'thaw/fresh/2025-11-21T16/cluster=eu%2Fwest%201/replica=a%3Db/01J9-12-34-1763740770000-1763740800000-512'
    expect(freshKey(KEY)).toBe(text)
    expect(parseFreshKey(text)).toEqual(KEY)
  })

  it('comes back whatever the labels and times are', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 3 })
    fc.assert(
      fc.property(
        fc.array(fc.tuple(text, text), { maxLength: 3 }),
        fc.integer({ min: -(2 ** 45), max: 2 ** 45 }),
        fc.nat(),
        (pairs, minTimeMs, span) => {
          const key = {
            ...KEY,
            labels: labelsFromPairs(pairs),
            minTimeMs,
            maxTimeMs: minTimeMs + span,
          }
          expect(parseFreshKey(freshKey(key))).toEqual(key)
        },
      ),
    )
  })

  it('sorts behind the hour of any earlier sample', () => {
    const key = freshKey({ ...KEY, labels: [] })
    for (const before of [0, 1, 3_600_000, 86_400_000]) {
      expect(`thaw/fresh/${freshHour(KEY.maxTimeMs - before)}` < key).toBe(true)
    }
    expect(`thaw/fresh/${freshHour(KEY.maxTimeMs + 3_600_000)}` > key).toBe(true)
  })

  it('is refused where the labels are too long for it', () => {
    const labels = labelsFrom({ cluster: 'x'.repeat(250) })
    expect(() => freshKey({ ...KEY, labels })).toThrow(/too long for the key/)
  })

  it.each([
    'thaw/fresh/2025-11-21T16/README',
    'thaw/fresh/2025-11-21T16/cluster/01J9-12-34-1-2-3',
    'thaw/fresh/2025-11-21T16/a=%ff/01J9-12-34-1-2-3',
    'thaw/lookup/01J9-12-34-1-2-3',
  ])('is not %s', (key) => {
    expect(parseFreshKey(key)).toBeUndefined()
  })
})

function pack(from: number, to: number, over: Partial<FreshPack> = {}): FreshPack {
  const key = { ...KEY, from, to, ...over }
  return { size: 1, lastModifiedMs: 0, ...key, key: freshKey(key) }
}

describe('a list of fresh blocks', () => {
  it('leaves out what another pack of the epoch contains', () => {
    const other = pack(0, 5, { epoch: '01JA' })
    const foreign = pack(2, 4, { labels: labelsFrom({ cluster: 'us' }) })
    const packs = [
      pack(0, 10),
      pack(10, 20),
      pack(0, 30),
      pack(30, 40),
      pack(25, 35),
      other,
      foreign,
    ]
    const ranges = withoutContained(packs).map(({ epoch, from, to }) => [epoch, from, to])
    expect(ranges).toEqual([
      ['01J9', 0, 30],
      ['01J9', 25, 35],
      ['01J9', 30, 40],
      ['01JA', 0, 5],
      ['01J9', 2, 4],
    ])
  })

  it('keeps one of two packs of the same part', () => {
    expect(withoutContained([pack(0, 10), pack(0, 10, { directoryBytes: 99 })])).toHaveLength(1)
  })

  it('gives the packs of an interval, closed on both sides', () => {
    const packs = [
      pack(0, 1, { minTimeMs: 100, maxTimeMs: 200 }),
      pack(1, 2, { minTimeMs: 201, maxTimeMs: 300 }),
    ].map(({ key }) => ({ key, size: 1, etag: '', lastModifiedMs: 0 }))
    const froms = (start: number, end: number): number[] =>
      visiblePacks(packs, start, end).map(({ from }) => from)
    expect(froms(200, 200)).toEqual([0])
    expect(froms(200, 201)).toEqual([0, 1])
    expect(froms(301, 400)).toEqual([])
    expect(froms(0, 99)).toEqual([])
  })
})
