/** The plot of docs/compaction.md is still made. */
import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { simulateYear, YEAR_SETTINGS, type YearDay } from '../../../bench/compact/simulated-year.ts'
import { chart, ticksTo } from '../../../bench/compact/year-chart.ts'
import { costOf } from '../../../bench/compact/year-cost.ts'
import { yearPanels, YearTable } from '../../../bench/compact/year-figures.ts'

async function daysOf(days: number): Promise<YearDay[]> {
  const all: YearDay[] = []
  await simulateYear({ days, series: 3, onDay: (day) => all.push(day) })
  return all
}

describe('the simulated year', () => {
  it('merges, downsamples and deletes, and is drawn', async () => {
    const days = await daysOf(5)
    const last = days.at(-1)!
    const types = new Set(days.flatMap(({ jobs }) => jobs.map(({ type }) => type)))
    expect(types).toEqual(new Set(['compact', 'downsample', 'delete']))
    expect(last.blocks['0']!.count).toBe(5)
    expect(last.blocks['300000']!.count).toBe(2)
    expect(last.uploadedBytes).toBeGreaterThan(days[0]!.uploadedBytes * 4)
    expect(last.idlePlan.lists).toBeGreaterThan(0)

    const table = new YearTable(100)
    for (const day of days) table.add(day)
    const svg = chart(yearPanels(table))
    expect(svg.match(/<polygon /g)).toHaveLength(4 + 4 + 3 + 3)
    expect(svg).not.toMatch(/NaN|undefined|Infinity/)
    expect(table.markdown().split('\n')).toHaveLength(3)
  }, 60_000)

  it('costs storage by bytes and requests by number', async () => {
    const [day] = await daysOf(1)
    const [one, ten] = [costOf(day!, 1000), costOf(day!, 10_000)]
    expect(ten.storage / one.storage).toBeGreaterThan(5)
    expect(ten.requests / one.requests).toBeLessThan(2)
    expect(one.functions).toBeGreaterThan(0)
  }, 60_000)

  it('is what the docs say it is', async () => {
    const page = await readFile('docs/compaction.md', 'utf8')
    expect(page).toContain('](compaction-year.svg)')
    const { raw, fiveMinutes, oneHour } = YEAR_SETTINGS.retentionMs
    const [a, b, c] = [raw, fiveMinutes, oneHour].map((ms) => ms / 86_400_000)
    expect(page).toContain(
      `--retention.resolution-raw=${a}d --retention.resolution-5m=${b}d --retention.resolution-1h=${c}d`,
    )
    expect(page).toMatch(/^\| 365 +\|/m)
    expect(await readFile('docs/compaction-year.svg', 'utf8')).toMatch(/^<svg xmlns/)
  })
})

describe('ticksTo', () => {
  it('has round numbers to beyond the greatest', () => {
    expect(ticksTo(0)).toEqual([0, 1])
    expect(ticksTo(42.4)).toEqual([0, 20, 40, 60])
    expect(ticksTo(0.58)).toEqual([0, 0.2, 0.4, 0.6])
  })
})
