import { describe, expect, it } from 'vitest'
import { type AssumptionName, ASSUMPTIONS, assuming } from '#lib/cost/assumptions.ts'
import { PARTS, totalUsd } from '#lib/cost/cost-lines.ts'
import { estimate } from '#lib/cost/estimate.ts'
import { PRICES } from '#lib/cost/prices.ts'
import type { Workload } from '#lib/cost/workload.ts'

/** A million series at 15 s, kept for 30 days raw and a year downsampled; 10,000 queries a day, 100 rules. */
const MILLION: Workload = {
  agents: 1,
  series: 1_000_000,
  scrapeSeconds: 15,
  // 1.3 bytes, and the index: 9.5 GB a day.
  bytesPerSample: 9.5e9 / 5.76e9,
  blockHours: 2,
  freshSeconds: 0,
  ageDays: 365,
  retention: { rawDays: 30, fiveMinuteDays: 365, oneHourDays: 365 },
  rules: 100,
  queriesPerDay: 10_000,
  slices: 4,
  refreshesPerDay: 0,
}

/**
 * The same, worked out by hand before there was anything to measure: what it said of sizes and times. What it left open is as measured. It had no fresh packs,
 * nothing that waits for deletion, three alarms, and left out what goes to the internet.
 */
const BY_HAND: Partial<Record<AssumptionName, number>> = {
  'month.alarms': 3,
  'month.metrics': 0,
  'block.merged-share': 7.7 / 9.5,
  'block.5m-share': 736 / 365 / 7.7,
  'block.1h-share': 88 / 365 / 7.7,
  'block.delete-delay': 0,
  'compact.mb-per-second': 35,
  // 400 ms, of which 250 are those of the slices.
  'query.ms': 150,
  'query.answer-kb': 1e-6,
  'slice.ms': 250,
  'slice.ms-per-mb': 0,
  'slice.gets': 14,
  'slice.gets-per-mb': 0,
}
/** USD a month, of it what is shipped, stored and compacted. */
const HAND_TOTAL = 48.7
const HAND_SHIPPED = 25.9

describe('the estimate', () => {
  it('comes to what the scenario of a million series came to by hand, within a tenth', () => {
    const lines = estimate(MILLION, { assumed: assuming(BY_HAND) })
    const ratio = totalUsd(lines) / HAND_TOTAL
    expect(ratio).toBeGreaterThan(0.9)
    expect(ratio).toBeLessThan(1.1)
    const shipped = ['storage', 'agents', 'compact'] as const
    const part = shipped.reduce((sum, name) => sum + totalUsd(lines, name), 0) / HAND_SHIPPED
    expect(part).toBeGreaterThan(0.9)
    expect(part).toBeLessThan(1.1)
  })

  it('is lines of a quantity and a price, which add up', () => {
    const lines = estimate(MILLION, { assumed: assuming() })
    for (const { quantity, price, usd } of lines) expect(usd).toBe(quantity * PRICES[price])
    const parts = PARTS.reduce((sum, part) => sum + totalUsd(lines, part), 0)
    expect(parts).toBeCloseTo(totalUsd(lines), 9)
    expect(lines.every(({ how }) => how !== '')).toBe(true)
  })

  it('takes other prices and other assumptions', () => {
    const usual = totalUsd(estimate(MILLION, { assumed: assuming() }), 'storage')
    const prices = { ...PRICES, s3GbMonth: 2 * PRICES.s3GbMonth }
    expect(totalUsd(estimate(MILLION, { assumed: assuming(), prices }), 'storage')).toBeCloseTo(
      2 * usual,
      9,
    )
    const assumed = assuming({ 'slice.gets': 0, 'slice.gets-per-mb': 0 })
    expect(estimate(MILLION, { assumed }).some(({ what }) => what === 'store: GET')).toBe(false)
  })

  it('stores what is kept for ever for as long as it has been going', () => {
    const forever = { rawDays: Infinity, fiveMinuteDays: 0, oneHourDays: 0 }
    const of = (ageDays: number): number => {
      const lines = estimate({ ...MILLION, ageDays, retention: forever }, { assumed: assuming() })
      return lines.find(({ what }) => what === 'raw samples')!.usd
    }
    expect(of(730)).toBeCloseTo(2 * of(365), 9)
  })

  it('is the price of the clocks, the queue and the alarms where nothing is asked', () => {
    const idle = { ...MILLION, agents: 0, series: 0, rules: 0, queriesPerDay: 0 }
    const lines = estimate(idle, { assumed: assuming() })
    expect(lines.map(({ part }) => part).filter((part, i, all) => part !== all[i - 1])).toEqual([
      'plan',
      'rules',
      'watching',
    ])
    expect(lines.some(({ usd }) => Number.isNaN(usd))).toBe(false)
  })

  it('takes what a bucket has, and what a log says, for what is described', () => {
    const held = { raw: 100, fiveMinutes: 10, oneHour: 0, waiting: 1 }
    const queries = {
      count: 1000,
      days: 10,
      gets: 5000,
      lists: 100,
      puts: 10,
      invokes: 200,
      gbSeconds: 300,
    }
    const lines = estimate(MILLION, { assumed: assuming(), held, queries })
    expect(totalUsd(lines, 'storage')).toBeCloseTo(111 * PRICES.s3GbMonth, 9)
    const gets = lines.find(({ what }) => what === 'query and store: GET')!
    expect(gets.quantity).toBeCloseTo((5000 / 10) * (365.25 / 12), 6)
    expect(lines.some(({ what }) => what.startsWith('store:'))).toBe(false)
  })

  it('knows where each number comes from', () => {
    for (const { source, value } of Object.values(ASSUMPTIONS)) {
      expect(source).not.toBe('')
      expect(value).toBeGreaterThanOrEqual(0)
    }
  })
})
