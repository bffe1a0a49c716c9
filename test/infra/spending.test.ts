import { describe, expect, it } from 'vitest'

import { PRICES } from '#infra/spending.ts'
import { PRICES as QUERY_PRICES, usdOf } from '#lib/cost/prices.ts'

import { calculate } from './alarm-state.ts'
import { type Widget, widgetsOf } from './named-metrics.ts'
import { synthesize } from './synthesized.ts'

interface Row {
  readonly id?: string
  readonly label?: string
  readonly expression?: string
}

function valueOf(expression: string, metrics: Readonly<Record<string, number>>): number {
  return calculate(expression, new Map(Object.entries(metrics)))!
}

function rowsOf(widget: Widget | undefined): Row[] {
  return (widget!.properties['metrics'] as unknown[][]).map((row) => row.at(-1) as Row)
}

describe('what the dashboard says of dollars', () => {
  const widgets = widgetsOf(synthesize({ storeMemoryMb: 3008 }))
  const titled = (title: string): Row[] =>
    rowsOf(widgets.find(({ properties }) => String(properties['title']).startsWith(title)))
  const byPart = new Map(titled('Dollars a day').map((row) => [row.label, row.expression]))

  it('has the prices that queries are billed with', () => {
    expect(QUERY_PRICES).toMatchObject(PRICES)
  })

  it('is of every function its time and its runs', () => {
    const none = { gets: 0, lists: 0, puts: 0 }
    for (const [name, memoryMb] of Object.entries({
      query: 1769,
      store: 3008,
      plan: 1024,
      compact: 1769,
      rule: 1769,
      authorize: 512,
    })) {
      const [functions, ms] = [1e6, 5e7]
      const functionGbSeconds = (memoryMb / 1024) * (ms / 1000)
      const dollars = valueOf(byPart.get(name)!, {
        [`${name}Ms`]: ms,
        [`${name}Runs`]: functions,
      })
      expect(dollars / usdOf({ ...none, functions, functionGbSeconds })).toBeCloseTo(1, 5)
    }
  })

  it('is of the gateway its requests, and of the bucket a day of its bytes', () => {
    expect(valueOf(byPart.get('gateway')!, { requests: 3e6 })).toBeCloseTo(3, 6)
    const month = 30.4 * valueOf(byPart.get('storage')!, { bytes: 1000 * 2 ** 30 })
    expect(month).toBeCloseTo(23, 6)
  })

  it('is a month that goes on as the last six hours', () => {
    const [{ expression = '' } = {}] = titled('Dollars of a month')
    const metrics = { query: 1e6, store: 2e6, compact: 0, rule: 0 }
    const sixHours = ((1769 / 1024) * 1000 + (3008 / 1024) * 2000) * PRICES.lambdaGbSecond
    expect(valueOf(expression, metrics) / (sixHours * 30.4 * 4)).toBeCloseTo(1, 5)
  })
})
