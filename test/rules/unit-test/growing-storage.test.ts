import { describe, expect, it } from 'vitest'
import { labelsFrom } from '#lib/model/labels.ts'
import { isStale } from '#lib/model/samples.ts'
import { parseHistogram } from '#lib/promql/parse/histogram-description.ts'
import { GrowingStorage } from '#lib/rules/unit-test/growing-storage.ts'
import { NO_HINTS } from '#lib/storage/storage.ts'

const A = labelsFrom({ __name__: 'x', a: '1' })
const B = labelsFrom({ __name__: 'x', a: '2' })

const everything = (storage: GrowingStorage, startMs = -Infinity, endMs = Infinity) =>
  storage.select({
    matchers: [{ type: '=', name: '__name__', value: 'x' }],
    startMs,
    endMs,
    hints: NO_HINTS,
  })

describe('GrowingStorage', () => {
  it('takes samples in order, the first of two with one time', async () => {
    const storage = new GrowingStorage()
    for (const [timeMs, value] of [
      [10, 1],
      [10, 2],
      [5, 3],
      [20, 4],
    ] as const) {
      storage.append(A, { timeMs, value })
    }
    const { timestamps, values, length } = (await everything(storage)).samples(0)
    expect([[...timestamps], [...values], length]).toEqual([[10, 20], [1, 4], 2])
  })

  it('keeps stale markers as it grows, apart from other NaN', async () => {
    const storage = new GrowingStorage()
    for (let i = 0; i < 100; i++) storage.append(A, { timeMs: i, value: NaN, stale: i % 3 === 0 })
    const { values } = (await everything(storage)).samples(0)
    expect(Array.from(values, (_, i) => isStale(values, i))).toEqual(
      Array.from({ length: 100 }, (_, i) => i % 3 === 0),
    )
  })

  it('gives series in the order of their labels, and closed intervals of their samples', async () => {
    const storage = new GrowingStorage()
    storage.append(B, { timeMs: 1, value: 1 })
    expect((await everything(storage)).labels).toEqual([B])
    for (let timeMs = 1; timeMs < 6; timeMs++) storage.append(A, { timeMs, value: timeMs })
    const set = await everything(storage, 2, 4)
    expect(set.labels).toEqual([A, B])
    expect([...set.samples(0).values]).toEqual([2, 3, 4])
    expect(set.samples(1).length).toBe(0)
    const request = { matcherSets: [], startMs: 0, endMs: 9, limit: 0 }
    expect((await storage.labelNames(request)).values).toEqual(['__name__', 'a'])
    expect((await storage.labelValues('a', request)).values).toEqual(['1', '2'])
  })

  it('knows of histograms whether they go on', async () => {
    const storage = new GrowingStorage()
    const texts = ['{{count:1 buckets:[1]}}', '{{count:2 buckets:[2]}}', '{{count:1 buckets:[1]}}']
    for (const [i, text] of texts.entries()) {
      storage.append(A, { timeMs: i, value: 0, histogram: parseHistogram(text) })
    }
    storage.append(A, { timeMs: 9, value: 7 })
    const { histograms, values } = (await everything(storage)).samples(0)
    expect([0, 1, 2, 3].map((i) => histograms!.at(i)?.counterResetHint)).toEqual([
      'unknown',
      'not-reset',
      'unknown',
      undefined,
    ])
    expect(values[3]).toBe(7)
    expect((await everything(storage, 9, 9)).samples(0).histograms).toBeUndefined()
  })
})
