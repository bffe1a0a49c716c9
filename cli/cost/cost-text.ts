/** An estimate as people read it. */
import { ASSUMPTIONS, type Assumed, type AssumptionName } from '#lib/cost/assumptions.ts'
import { type CostLine, PARTS, totalUsd } from '#lib/cost/cost-lines.ts'
import { PRICE_UNITS, type PriceName, type Prices, PRICES_AS_OF } from '#lib/cost/prices.ts'
import type { Saving } from '#lib/cost/savings.ts'
import { shippedPerDay, type Workload } from '#lib/cost/workload.ts'
import { counted } from '../bucket/block-text.ts'
import { jsonText } from '../bucket/report-flags.ts'
import { formatDelimited, formatTable } from '../table.ts'

type Output = 'table' | 'json' | 'csv'

export interface EstimateText {
  readonly lines: readonly CostLine[]
  readonly workload: Workload
  readonly output: Output
  readonly explain: boolean
  /** What is stored is what a bucket has. */
  readonly measured: boolean
  /** Of an account that has nothing else. */
  readonly freeUsd: number
  /** Of an installation that nobody uses. */
  readonly idleUsd: number
  /** The largest first. */
  readonly savings: readonly Saving[]
}

export function estimateText(estimate: EstimateText): string {
  const { lines, workload, output, explain, measured, freeUsd, idleUsd, savings } = estimate
  const usd = totalUsd(lines)
  if (output === 'json') {
    const parts = Object.fromEntries(PARTS.map((part) => [part, totalUsd(lines, part)]))
    return jsonText({
      usd,
      freeUsd,
      idleUsd,
      pricesAsOf: PRICES_AS_OF,
      parts,
      savings,
      workload: finite(workload),
      lines,
    })
  }
  const header = ['PART', 'WHAT', 'A MONTH', 'OF', 'USD', ...(explain ? ['HOW'] : [])]
  const rows = lines.map((line) => [
    line.part,
    line.what,
    quantityText(line.quantity),
    PRICE_UNITS[line.price].unit,
    usdText(line.usd),
    ...(explain ? [line.how] : []),
  ])
  if (output === 'csv') return formatDelimited({ header, rows }, ',')
  const sums = PARTS.map((part) => [part, usdText(totalUsd(lines, part))])
  const cheaper = {
    header: ['CHEAPER BY', 'USD', 'GIVES UP'],
    rows: savings.map(({ knob, usd: saved, gives }) => [knob, usdText(saved), gives]),
    right: ['USD'],
  }
  return [
    formatTable({ header, rows, right: ['A MONTH', 'USD'] }),
    formatTable({
      header: ['PART', 'USD'],
      rows: [...sums, ['all', usdText(usd)]],
      right: ['USD'],
    }),
    ...(savings.length > 0 ? [formatTable(cheaper)] : []),
    [
      workloadText(workload, measured),
      `List prices of us-east-1 of ${PRICES_AS_OF}. An account that has nothing else gets ${usdText(freeUsd)} of it for nothing, each month.`,
      `An installation that nobody writes to and nobody asks is ${usdText(idleUsd)} a month.\n`,
    ].join('\n'),
  ].join('\n')
}

export function assumptionsText({
  assumed,
  prices,
  output,
}: {
  assumed: Assumed
  prices: Prices
  output: Output
}): string {
  const names = Object.keys(ASSUMPTIONS) as AssumptionName[]
  const priceNames = Object.keys(PRICE_UNITS) as PriceName[]
  if (output === 'json') {
    const all = names.map((name) => [name, { ...ASSUMPTIONS[name], value: assumed(name) }])
    return jsonText({ pricesAsOf: PRICES_AS_OF, prices, assumptions: Object.fromEntries(all) })
  }
  const assumptions = {
    header: ['NAME', 'VALUE', 'WHAT', 'FROM'],
    rows: names.map((name) => [
      name,
      String(assumed(name)),
      ASSUMPTIONS[name].unit,
      ASSUMPTIONS[name].source,
    ]),
    right: ['VALUE'],
  }
  const priceList = {
    header: ['NAME', 'USD', 'WHAT', 'FROM'],
    rows: priceNames.map((name) => [
      name,
      prices[name].toFixed(10).replace(/0+$/, ''),
      PRICE_UNITS[name].unit,
      PRICE_UNITS[name].page,
    ]),
    right: ['USD'],
  }
  if (output === 'csv') {
    return formatDelimited(
      {
        ...priceList,
        header: ['NAME', 'VALUE', 'WHAT', 'FROM'],
        rows: [...assumptions.rows, ...priceList.rows],
      },
      ',',
    )
  }
  return `${formatTable(assumptions)}\n${formatTable(priceList)}`
}

function workloadText(workload: Workload, measured: boolean): string {
  const { agents, series, scrapeSeconds, ageDays, rules, queriesPerDay, slices, refreshesPerDay } =
    workload
  const stored = measured
    ? 'stored as the bucket is now'
    : `stored as after ${Math.round(ageDays)} days`
  return `${counted(agents, 'agent')}, ${Math.round(series)} series each ${Number(scrapeSeconds.toFixed(1))} s, ${shippedPerDay(workload).toFixed(2)} GB a day, ${stored}; ${rules} rules; ${queriesPerDay} new queries of ${slices} slices and ${refreshesPerDay} refreshed panels a day.`
}

function quantityText(quantity: number): string {
  return quantity >= 100 ? String(Math.round(quantity)) : String(Number(quantity.toPrecision(3)))
}

function usdText(usd: number): string {
  return usd.toFixed(2)
}

/** JSON has no Infinity: what is kept for ever is null. */
function finite(workload: Workload): unknown {
  return JSON.parse(JSON.stringify(workload))
}
