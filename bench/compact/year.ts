/**
 * A year of a small Prometheus in simulated time, through the real planner and real jobs: what the bucket holds, what is done, what it
 * costs. Writes docs/compaction-year.svg and prints a table.
 *
 *     node bench/compact/year.ts                     a year, some minutes
 *     node bench/compact/year.ts --days=30 --out=/tmp/month.svg
 */
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { simulateYear } from './simulated-year.ts'
import { yearPanels, YearTable } from './year-figures.ts'
import { chart } from './year-chart.ts'

const { values } = parseArgs({
  options: {
    days: { type: 'string', default: '365' },
    series: { type: 'string', default: '50' },
    scale: { type: 'string', default: '200' },
    out: { type: 'string', default: 'docs/compaction-year.svg' },
  },
})
const [days, series, scale] = [values.days, values.series, values.scale].map(Number)
const table = new YearTable(scale!)
const startedMs = performance.now()
await simulateYear({
  days: days!,
  series: series!,
  onDay(day) {
    table.add(day)
    const seconds = Math.round((performance.now() - startedMs) / 1000)
    if (table.length % 10 === 0) console.error(`day ${table.length}, ${seconds} s`)
  },
})
await writeFile(values.out, chart(yearPanels(table)))
console.log(table.markdown())
