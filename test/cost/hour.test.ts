/** The model against an hour that was counted. `hour.json` is what `node bench/cost/hour.ts --series=20000 --rules=80 --panels=6 --long=20 --json=hour.json` wrote on 22 November 2026. */
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { compareHour, type CountedHour, sumOf } from '../../bench/cost/compare.ts'

const hour = JSON.parse(readFileSync(new URL('hour.json', import.meta.url), 'utf8')) as CountedHour

it('says within a tenth what a counted hour cost', () => {
  const parts = compareHour(hour)
  expect(parts.map(({ part }) => part)).toEqual(['agents', 'plan', 'compact', 'rules', 'queries'])
  const ratio = sumOf(parts, 'estimated') / sumOf(parts, 'counted')
  expect(ratio).toBeGreaterThan(0.9)
  expect(ratio).toBeLessThan(1.1)
})
