import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ChunkMerger, type MergedChunk } from '#lib/compact/merge-chunks.ts'
import { mergeByPenalty } from '#lib/storage/penalty.ts'
import type { ReadyChunk } from '#lib/tsdb/chunk/chunk.ts'
import { encodeChunks } from '#lib/tsdb/chunk/encode.ts'
import { columns } from '#test/store/sample-block.ts'
import { aggregatesOf, type TestWindow, windowChunk } from './window-chunks.ts'

const SIZE = 300_000
const end = (window: number): number => window * SIZE + SIZE - 1

function windowsFrom(from: number, to: number, count: (window: number) => number): TestWindow[] {
  return Array.from({ length: to - from }, (_, i) => {
    const window = from + i
    return { t: end(window), count: count(window), value: window * 10, counter: 1000 + window }
  })
}

const plain = (windows: readonly TestWindow[], source: number): MergedChunk => ({
  chunk: windowChunk(windows, windows.at(-1)!.counter),
  deleted: [],
  source,
})

const chained = new ChunkMerger({ resolutionMs: SIZE })
const byPenalty = new ChunkMerger({ func: 'penalty', resolutionMs: SIZE })

describe('downsampled chunks that overlap', () => {
  it('give each window once, of the source that has most samples in it', () => {
    const a = windowsFrom(0, 20, (window) => (window < 10 ? 20 : 3))
    const b = windowsFrom(5, 30, (window) => (window < 10 ? 3 : 20))
    const merged = chained.merge([plain(a, 0), plain(b, 1)])
    const { count, sum, counter } = aggregatesOf(merged)
    expect(count).toEqual(windowsFrom(0, 30, () => 20).map((one) => [one.t, one.count]))
    expect(sum).toEqual(windowsFrom(0, 30, () => 20).map((one) => [one.t, one.value]))
    expect(counter!.map(([, value]) => value)).toEqual([
      ...windowsFrom(0, 30, () => 0).map((one) => one.counter),
      1029,
    ])
    expect(merged.map(({ minTimeMs, maxTimeMs }) => [minTimeMs, maxTimeMs])).toEqual([
      [end(0), end(29)],
    ])
  })

  it('keep both parts of a window that one source has in two chunks', () => {
    const early = [{ t: end(5) - 9000, count: 12, value: 7, counter: 5 }]
    const late = [{ t: end(5), count: 8, value: 8, counter: 6 }]
    const other = [{ t: end(5) - 5000, count: 19, value: 9, counter: 6 }]
    const chunks = [
      plain(early, 0),
      plain(other, 1),
      plain([...late, ...windowsFrom(6, 9, () => 1)], 0),
    ]
    const wide = plain(
      windowsFrom(4, 8, () => 1),
      2,
    )
    const { sum } = aggregatesOf(chained.merge([...chunks, wide]))
    expect(sum!.slice(0, 3)).toEqual([
      [end(4), 40],
      [end(5) - 9000, 7],
      [end(5), 8],
    ])
  })

  it('give a counter the increases that its sources saw, over a reset too', () => {
    // The first source saw a reset in window 3, which the second, begun later, knows nothing of.
    const a = [10, 20, 30, 35, 45, 55].map((counter, i) => ({
      t: end(i),
      count: 9,
      value: 0,
      counter,
    }))
    const b = [15, 25, 35, 45].map((counter, i) => ({
      t: end(i + 4),
      count: i < 2 ? 1 : 9,
      value: 0,
      counter,
    }))
    const chunks = [
      { chunk: windowChunk(a, 25), deleted: [], source: 0 },
      { chunk: windowChunk(b, 45), deleted: [], source: 1 },
    ]
    const { counter } = aggregatesOf(chained.merge(chunks))
    expect(counter!.map(([, value]) => value)).toEqual([10, 20, 30, 35, 45, 55, 65, 75, 45])
  })

  it('lose what was deleted of them', () => {
    const deleted = [{ minTimeMs: end(3), maxTimeMs: end(6) }]
    const one = {
      ...plain(
        windowsFrom(0, 10, () => 1),
        0,
      ),
      deleted,
    }
    const { count, max, counter } = aggregatesOf(chained.merge([one]))
    const left = [0, 1, 2, 7, 8, 9].map(end)
    expect([count, max].map((list) => list!.map(([t]) => t))).toEqual([left, left])
    expect(counter!.map(([t]) => t)).toEqual([...left, end(9)])
    expect(chained.merge([{ ...one, deleted: [{ minTimeMs: 0, maxTimeMs: 1e15 }] }])).toEqual([])
  })

  it('take raw chunks among them for windows of one sample', () => {
    const raw = encodeChunks(columns([end(1) - 60_000, end(1), end(2) - 1].map((t) => [t, 5])))[0]!
    const chunks = [
      plain(
        windowsFrom(0, 4, (window) => (window === 1 ? 1 : 3)),
        0,
      ),
    ]
    const { sum } = aggregatesOf(chained.merge([...chunks, { chunk: raw, deleted: [], source: 1 }]))
    expect(sum).toEqual([
      [end(0), 0],
      [end(1) - 60_000, 5],
      [end(1), 5],
      [end(2), 20],
      [end(3), 30],
    ])
  })

  it('are taken by penalty in all aggregates as Thanos takes each of them', () => {
    const source = fc
      .tuple(
        fc.nat({ max: 30 }),
        fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 30 }),
      )
      .map(([from, steps]) => {
        let window = from
        return steps.map((step) => (window += step))
      })
    fc.assert(
      fc.property(fc.array(source, { minLength: 2, maxLength: 4 }), (sources) => {
        const made = sources
          .map((windows, i) =>
            windows.map((w) => ({ t: end(w), count: 1 + i, value: w * 7 + i, counter: w })),
          )
          .sort((a, b) => a[0]!.t - b[0]!.t || a.at(-1)!.t - b.at(-1)!.t)
        const overlap = made.every(
          (one, i) => i === 0 || one[0]!.t <= Math.max(...made.slice(0, i).map((m) => m.at(-1)!.t)),
        )
        fc.pre(overlap)
        const found = aggregatesOf(byPenalty.merge(made.map((one, i) => plain(one, i))))
        for (const [aggregate, of] of [
          ['count', (one: TestWindow) => one.count],
          ['sum', (one: TestWindow) => one.value],
          ['counter', (one: TestWindow) => one.counter],
        ] as const) {
          const sides = made.map((one) => columns(one.map((window) => [window.t, of(window)])))
          const { length, timestamps, values } = mergeByPenalty(sides, false)
          const wanted = Array.from({ length }, (_, n) => [timestamps[n]!, values[n]!])
          if (aggregate === 'counter') wanted.push(wanted.at(-1)!)
          expect(found[aggregate]).toEqual(wanted)
        }
      }),
      { numRuns: 500 },
    )
  })

  it('are one where they are equal', () => {
    const one = plain(
      windowsFrom(0, 10, () => 1),
      0,
    )
    const again = { ...one, source: 1 }
    const merged: readonly ReadyChunk[] = chained.merge([one, again])
    expect(merged).toEqual([one.chunk])
  })

  it('are cut where they would be too long', () => {
    const a = windowsFrom(0, 200, () => 2)
    const b = windowsFrom(100, 300, () => 1)
    const merged = chained.merge([plain(a, 0), plain(b, 1)])
    expect(merged.length).toBe(3)
    expect(aggregatesOf(merged).sum).toEqual(
      windowsFrom(0, 300, () => 1).map((one) => [one.t, one.value]),
    )
    expect(aggregatesOf(merged).counter!.length).toBe(303)
  })
})
