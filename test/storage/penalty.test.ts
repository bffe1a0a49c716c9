import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isStale, type SampleColumns, writeStale } from '#lib/model/samples.ts'
import { mergeByPenalty } from '#lib/storage/penalty.ts'
import { columns } from '#test/store/sample-block.ts'

/** [seconds, value]. */
const samples = (...points: (readonly [number, number])[]): SampleColumns =>
  columns(points.map(([s, v]) => [s * 1000, v]))
const points = ({ length, timestamps, values }: SampleColumns): [number, number][] =>
  Array.from({ length }, (_, i) => [timestamps[i]! / 1000, values[i]!])
const at = (...seconds: number[]): SampleColumns => samples(...seconds.map((s) => [s, s] as const))
const seconds = (merged: SampleColumns): number[] => points(merged).map(([s]) => s)

describe('mergeByPenalty', () => {
  it('gives one replica as it is, and nothing of none', () => {
    const one = at(0, 30)
    expect(mergeByPenalty([one], true)).toBe(one)
    expect(mergeByPenalty([], false).length).toBe(0)
  })

  it('stays on the replica that comes first', () => {
    expect(seconds(mergeByPenalty([at(3, 33, 63), at(0, 30, 60)], false))).toEqual([0, 30, 60])
  })

  it('goes to the other when it is silent for more than two intervals, and comes back no sooner', () => {
    const merged = mergeByPenalty(
      [at(0, 30, 60, 210, 240, 270, 300, 330), at(4, 34, 64, 94, 124, 154, 184)],
      false,
    )
    expect(seconds(merged)).toEqual([0, 30, 60, 124, 154, 184, 270, 300, 330])
  })

  it('holds the other back by five seconds while no interval is known', () => {
    expect(seconds(mergeByPenalty([at(0), at(4)], false))).toEqual([0])
    expect(seconds(mergeByPenalty([at(0), at(6)], false))).toEqual([0, 6])
  })

  it('raises a counter that lags behind at a change, and keeps it raised', () => {
    const first = samples([0, 100], [30, 130], [60, 160])
    const second = samples([4, 90], [34, 120], [64, 150], [94, 151], [124, 155], [154, 158])
    expect(points(mergeByPenalty([first, second], true))).toEqual([
      [0, 100],
      [30, 130],
      [60, 160],
      [124, 160],
      [154, 163],
    ])
    expect(points(mergeByPenalty([first, second], false)).slice(3)).toEqual([
      [124, 155],
      [154, 158],
    ])
  })

  it('raises a later replica to what the first would have begun with', () => {
    const merged = mergeByPenalty([samples([3, 50]), samples([0, 20], [30, 22])], true)
    expect(points(merged)).toEqual([
      [0, 50],
      [30, 52],
    ])
  })

  it('keeps the bits of stale markers', () => {
    const second = at(0, 30)
    writeStale(second.values, 1)
    const merged = mergeByPenalty([at(0), second], false)
    expect(seconds(merged)).toEqual([0, 30])
    expect(isStale(merged.values, 1)).toBe(true)
  })

  it('gives a replica that is there twice, or thrice, as once', () => {
    const replica = fc
      .uniqueArray(fc.integer({ min: 0, max: 4000 }), { minLength: 1, maxLength: 100 })
      .map((all) => at(...all.sort((a, b) => a - b)))
    fc.assert(
      fc.property(replica, fc.integer({ min: 2, max: 4 }), fc.boolean(), (one, n, counter) => {
        const copies = Array.from({ length: n }, () => one)
        expect(points(mergeByPenalty(copies, counter))).toEqual(points(one))
      }),
    )
  })
})
