import { beforeAll, describe, expect, it } from 'vitest'
import { loadHash } from '#lib/promql/execute/label-hash.ts'
import { dueSlots, gridOf, resumeFrom, slotFrom, slotsBetween } from '#lib/rules/tick/slots.ts'

beforeAll(loadHash)

/** `Group.EvalTimestamp` of Prometheus 3.14 at 1790000000123456789 ns. */
const PROMETHEUS = [
  { file: 'node.yaml', name: 'node', intervalMs: 60_000, before: 1789999968273 },
  { file: 'thaw/rules.yml', name: 'very slow ☃', intervalMs: 3_600_000, before: 1789997491724 },
  { file: 'a', name: 'b', intervalMs: 7000, before: 1789999994127 },
  { file: 'x.yaml', name: '', intervalMs: 15_000, before: 1789999987827 },
  { file: 'y.yaml', name: 'fast', intervalMs: 1500, before: 1789999999928 },
]

describe('slots of a group', () => {
  it.each(PROMETHEUS)(
    'are those of Prometheus: $file $name',
    ({ file, name, intervalMs, before }) => {
      const grid = gridOf(file, name, intervalMs)
      expect(slotFrom(grid, 1790000000124) - intervalMs).toBe(before)
    },
  )

  const grid = { intervalMs: 60, phaseMs: 7 }
  const due = (fromMs: number, nowMs: number, catchUpMs = 1000, toMs = nowMs): number[] =>
    dueSlots(grid, { fromMs, toMs, nowMs, catchUpMs })

  it('are due when their time has come, the first and the last included', () => {
    expect(due(67, 127)).toEqual([67, 127])
    expect(due(68, 126)).toEqual([])
    expect(due(68, 127)).toEqual([127])
  })

  it('go no further than asked', () => {
    expect(due(0, 300, 1000, 127)).toEqual([7, 67, 127])
    expect(due(0, 300, 1000, 126)).toEqual([7, 67])
  })

  it('are left out where they are too old, but for the newest', () => {
    expect(due(0, 300, 120)).toEqual([187, 247])
    expect(due(0, 300, 0)).toEqual([247])
    expect(due(0, 300, 0, 246)).toEqual([])
  })

  it('are counted', () => {
    expect(slotsBetween(grid, 7, 127)).toBe(2)
    expect(slotsBetween(grid, 8, 128)).toBe(2)
    expect(slotsBetween(grid, 128, 8)).toBe(0)
  })

  it('before 1970 are on the same grid', () => {
    expect(slotFrom(grid, -100)).toBe(-53)
  })

  it('wait for a clock that was set back a little, and not for one that was far ahead', () => {
    expect(resumeFrom(1_000_000, 500_000, 60_000)).toBe(1_000_000)
    expect(resumeFrom(1_000_000, 300_000, 60_000)).toBe(300_001)
    // An hourly group is an hour ahead always.
    expect(resumeFrom(3_600_000, 1, 3_600_000)).toBe(3_600_000)
  })
})
