/** The model against an hour that was counted. `hour.json` is what `node bench/cost/hour.ts --series=20000 --rules=80 --panels=6 --long=20 --json=hour.json` wrote on 22 November 2026 from 05:41 to 06:42 UTC. */
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { compareHour, type CountedHour, sumOf } from '../../bench/cost/compare.ts'

function counted(file: string): CountedHour {
  return JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8')) as CountedHour
}

it('says within a tenth what a counted hour cost, and each part of it', () => {
  const parts = compareHour(counted('hour.json'))
  expect(parts.map(({ part }) => part)).toEqual(['agents', 'plan', 'compact', 'rules', 'queries'])
  const ratio = sumOf(parts, 'estimated') / sumOf(parts, 'counted')
  expect(Math.abs(ratio - 1)).toBeLessThan(0.1)
  for (const { part, estimated, counted: real } of parts) {
    const off = Math.abs(estimated.usd / real.usd - 1)
    expect([part, off < 0.1 || off]).toEqual([part, true])
  }
})

/** `idle.json`: `node bench/cost/hour.ts --minutes=30 --series=0 --rules=0 --panels=0 --long=0 --history-days=0`, in real time. */
it('says within a tenth what half an hour cost in which nobody wrote and nobody asked', () => {
  const idle = compareHour(counted('idle.json')).filter(({ counted: { usd } }) => usd > 0)
  expect(idle.map(({ part }) => part)).toEqual(['plan', 'rules'])
  for (const { estimated, counted: real } of idle) {
    expect(Math.abs(estimated.usd / real.usd - 1)).toBeLessThan(0.1)
    expect(Math.round(estimated.putsAndLists)).toBe(real.putsAndLists)
  }
})
