/** Lines of an estimate: each a number of things, and what one of them costs. */
import type { Assumed } from './assumptions.ts'
import { FREE_A_MONTH, type PriceName, type Prices } from './prices.ts'
import type { Workload } from './workload.ts'

export const PARTS = [
  'storage',
  'agents',
  'plan',
  'compact',
  'rules',
  'queries',
  'watching',
] as const
export type Part = (typeof PARTS)[number]

export interface CostLine {
  readonly part: Part
  readonly what: string
  /** In a month. */
  readonly quantity: number
  readonly price: PriceName
  readonly usd: number
  /** How the quantity comes about. */
  readonly how: string
}

/** What lines are made of. */
export interface Costing {
  readonly workload: Workload
  readonly a: Assumed
  readonly prices: Prices
}

/** Calls of one function in a month, and what one of them takes. */
export interface Calls {
  readonly name: string
  readonly count: number
  readonly ms: number
  readonly mb: number
  readonly gets?: number
  readonly lists?: number
  readonly puts?: number
}

export type LineOf = (what: string, price: PriceName, quantity: number, how: string) => CostLine

export function linesOf(part: Part, { prices }: Costing): LineOf {
  return (what, price, quantity, how) => ({
    part,
    what,
    quantity,
    price,
    usd: quantity * prices[price],
    how,
  })
}

export function callLines(
  lineOf: LineOf,
  { name, count, ms, mb, gets = 0, lists = 0, puts = 0 }: Calls,
): CostLine[] {
  const each = (n: number): string => `${rounded(count)} calls x ${rounded(n)}`
  const line = (what: string, price: PriceName, n: number, how = each(n)): CostLine =>
    lineOf(`${name}: ${what}`, price, count * n, how)
  return [
    line('calls', 'lambdaRequest', 1, 'calls of the function'),
    line('GB-seconds', 'lambdaGbSecond', ((ms / 1000) * mb) / 1024, `${each(ms)} ms x ${mb} MB`),
    line('GET', 's3Get', gets),
    line('PUT and LIST', 's3PutOrList', puts + lists),
  ]
}

export function totalUsd(lines: readonly CostLine[], part?: Part): number {
  return lines.reduce((sum, line) => sum + (!part || line.part === part ? line.usd : 0), 0)
}

/** What of it an account that has nothing else does not pay. */
export function freeUsd(lines: readonly CostLine[], prices: Prices): number {
  const free = Object.entries(FREE_A_MONTH) as [PriceName, number][]
  return free.reduce((sum, [price, most]) => {
    const used = lines.reduce((n, line) => n + (line.price === price ? line.quantity : 0), 0)
    return sum + Math.min(used, most) * prices[price]
  }, 0)
}

export function rounded(n: number): number {
  return Number(n.toPrecision(3))
}
