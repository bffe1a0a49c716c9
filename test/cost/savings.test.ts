import { describe, expect, it } from 'vitest'
import { assuming, ASSUMPTIONS } from '#lib/cost/assumptions.ts'
import { type CostLine, freeUsd, totalUsd } from '#lib/cost/cost-lines.ts'
import { estimate } from '#lib/cost/estimate.ts'
import { FREE_A_MONTH, PRICES } from '#lib/cost/prices.ts'
import { idleUsd, savings } from '#lib/cost/savings.ts'
import type { Workload } from '#lib/cost/workload.ts'

const WORKLOAD: Workload = {
  agents: 2,
  series: 100_000,
  scrapeSeconds: 15,
  bytesPerSample: 1.4,
  blockHours: 2,
  freshSeconds: 30,
  ageDays: 365,
  retention: { rawDays: Infinity, fiveMinuteDays: Infinity, oneHourDays: Infinity },
  rules: 50,
  queriesPerDay: 500,
  slices: 2,
  refreshesPerDay: 20_000,
}
const PARTS = { assumed: assuming() }

describe('savings', () => {
  it('are what the estimate says with the knob turned', () => {
    const found = savings(WORKLOAD, PARTS)
    expect(found).toHaveLength(4)
    const usual = totalUsd(estimate(WORKLOAD, PARTS))
    const fresh = found.find(({ knob }) => knob.includes('fresh.interval'))!
    const slower = totalUsd(estimate({ ...WORKLOAD, freshSeconds: 60 }, PARTS))
    expect(fresh.usd).toBeCloseTo(usual - slower, 9)
    const alarms = found.find(({ knob }) => knob.includes('urgent'))!
    const spared = ASSUMPTIONS['month.alarms'].value - ASSUMPTIONS['month.urgent-alarms'].value
    expect(alarms.usd).toBeCloseTo(spared * PRICES.alarmMonth, 9)
  })

  it('are not told of what is turned already, or measured', () => {
    const turned = {
      ...WORKLOAD,
      freshSeconds: 60,
      refreshesPerDay: 0,
      retention: { ...WORKLOAD.retention, rawDays: 30 },
    }
    const assumed = assuming({ 'month.alarms': 5 })
    expect(savings(turned, { assumed })).toEqual([])
    const held = { raw: 100, fiveMinutes: 10, oneHour: 0, waiting: 1 }
    const knobs = savings(WORKLOAD, { ...PARTS, held }).map(({ knob }) => knob)
    expect(knobs.some((knob) => knob.includes('retention'))).toBe(false)
  })
})

it('an idle installation is about a dollar with the urgent alarms, and half more with all', () => {
  expect(idleUsd(WORKLOAD, PARTS)).toBeLessThan(1.6)
  const urgent = assuming({ 'month.alarms': ASSUMPTIONS['month.urgent-alarms'].value })
  expect(idleUsd(WORKLOAD, { assumed: urgent })).toBeLessThan(1)
})

it('what AWS gives for nothing is no more than it gives, nor than is used', () => {
  const line = (quantity: number): CostLine => ({
    part: 'watching',
    what: '',
    quantity,
    price: 'alarmMonth',
    usd: quantity * PRICES.alarmMonth,
    how: '',
  })
  expect(freeUsd([line(4), line(3)], PRICES)).toBeCloseTo(0.7, 9)
  expect(freeUsd([line(4), line(30)], PRICES)).toBeCloseTo(FREE_A_MONTH.alarmMonth! * 0.1, 9)
  expect(freeUsd([{ ...line(4), price: 's3Get' }], PRICES)).toBe(0)
})
