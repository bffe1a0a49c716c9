import { describe, expect, it } from 'vitest'
import type { Disturbed } from '../../../bench/fresh/hour-run.ts'
import { circumstance, quantile } from '../../../bench/fresh/report.ts'

const disturbed: readonly Disturbed[] = [
  { what: { type: 'agent', signal: 'SIGKILL', pauseMs: 0 }, fromMs: 100, toMs: 200 },
  { what: { type: 'bucket', mode: 'hang' }, fromMs: 150, toMs: 400 },
  { what: { type: 'prometheus', signal: 'SIGTERM' }, fromMs: 500, toMs: 600 },
]

describe('circumstance', () => {
  it.each([
    [0, 99, 'undisturbed'],
    [0, 100, 'agent killed'],
    [120, 160, 'outage'],
    [201, 300, 'outage'],
    [401, 499, 'undisturbed'],
    [550, 560, 'prometheus restarted'],
  ] as const)('of a sample from %d to %d is %s', (from, to, expected) => {
    expect(circumstance(from, to, disturbed)).toBe(expected)
  })
})

describe('quantile', () => {
  it('is a value that was there', () => {
    expect([0, 0.5, 0.99, 1].map((q) => quantile([3, 1, 2], q))).toEqual([1, 2, 3, 3])
    expect(quantile([], 0.5)).toBe(0)
  })
})
