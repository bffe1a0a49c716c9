/** Requests made by chance, of the series in written-series.ts: the same for the same seed. */
import type { Params } from './ask.ts'
import { noise } from './noise.ts'
import { WRITTEN_END_MS, WRITTEN_START_MS } from './written-series.ts'

export interface RandomRequest {
  readonly path: 'query' | 'query_range'
  readonly expr: string
  readonly params: Params
  /** Of what slices read: many small ones, or one. */
  readonly sliceBytes: number
}

const START = WRITTEN_START_MS / 1000
const END = WRITTEN_END_MS / 1000

const FLOATS = [
  'level',
  'fresh_total',
  'requests_total',
  'precise_total',
  'constant',
  'hole',
  'gone',
  'flapping',
  'late',
  'special',
  'once',
]
const HISTOGRAMS = [
  'whole',
  'reset',
  'fraction',
  'coarser',
  'gauge',
  'gone',
  'mixed',
  'custom',
].map((name) => `${name}_seconds`)
const OVER_RANGE = [
  'rate',
  'increase',
  'delta',
  'irate',
  'idelta',
  'deriv',
  'changes',
  'resets',
  'avg_over_time',
  'sum_over_time',
  'min_over_time',
  'max_over_time',
  'count_over_time',
  'last_over_time',
  'present_over_time',
  'stddev_over_time',
  'stdvar_over_time',
  'absent_over_time',
]
const OF_HISTOGRAM = [
  'histogram_count(',
  'histogram_sum(',
  'histogram_avg(',
  'histogram_stddev(',
  'histogram_quantile(0.7, ',
  'histogram_fraction(0.2, 3, ',
]
const AGGREGATIONS = ['sum', 'avg', 'min', 'max', 'count', 'group', 'stddev', 'stdvar', 'quantile']
const OPERATORS = ['+', '-', '*', '/', '>', '==', '!=', 'and', 'or', 'unless', '> bool', '%']
const RANGES = ['1m', '30s', '31s', '90s', '5m', '20m', '1h', '2h30m']
/** An offset, an instant, and mostly neither. */
const MODIFIERS = [
  '',
  '',
  '',
  '',
  '',
  ' offset 1m',
  ' offset -30s',
  ' offset 1h',
  ' @ start()',
  ' @ end()',
  ` @ ${START + 5000}`,
]

export function randomRequest(seed: number, count: number): RandomRequest {
  const dice = new Dice(seed, count)
  const expr = expression(dice)
  const step = dice.pick([1, 15, 30, 60, 61, 300, 0.5])
  let start = START - 600 + dice.roll() * (END - START + 1200)
  // Mostly where samples are, so that ranges begin and end exactly on them.
  start = dice.roll() < 0.7 ? Math.floor(start / 30) * 30 : Math.round(start * 1000) / 1000
  const end = start + step * Math.floor(dice.roll() * 150)
  const sliceBytes = dice.pick([50, 500, 5000])
  return dice.roll() < 0.2
    ? { path: 'query', expr, params: { query: expr, time: start }, sliceBytes }
    : { path: 'query_range', expr, params: { query: expr, start, end, step }, sliceBytes }
}

class Dice {
  readonly #seed: number
  #rolled = 0

  constructor(seed: number, count: number) {
    this.#seed = seed * 1_000_003 + count * 101
  }

  /** In [0, 1). */
  roll(): number {
    return noise(this.#seed, this.#rolled++)
  }

  pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.roll() * from.length)]!
  }
}

function expression(dice: Dice): string {
  let expr = operand(dice)
  const shape = dice.roll()
  if (shape < 0.3) {
    const aggregation = dice.pick(AGGREGATIONS)
    const parameter = aggregation === 'quantile' ? '0.4, ' : ''
    expr = `${aggregation}${dice.pick(['', ' by (job) ', ' without (job) '])}(${parameter}${expr})`
  } else if (shape < 0.5) {
    const right = dice.roll() < 0.3 ? String(Math.floor(dice.roll() * 5)) : operand(dice)
    const operator = dice.pick(right.length === 1 ? ['+', '-', '*', '/', '^', '<'] : OPERATORS)
    expr = `(${expr}) ${operator} (${right})`.replace(/\((\d)\)$/, '$1')
  }
  return expr
}

function operand(dice: Dice): string {
  const histogram = dice.roll() < 0.45
  const name = dice.pick(histogram ? HISTOGRAMS : FLOATS)
  const over = dice.roll()
  const modifier = dice.pick(MODIFIERS)
  const range = dice.pick(RANGES)
  let expr = name + modifier
  if (over > 0.75)
    expr = `${dice.pick(OVER_RANGE)}(${name}[${range}:${dice.pick(['30s', '1m', '', '45s'])}]${modifier})`
  else if (over > 0.2) expr = `${dice.pick(OVER_RANGE)}(${name}[${range}]${modifier})`
  return histogram && dice.roll() < 0.4 ? `${dice.pick(OF_HISTOGRAM)}${expr})` : expr
}
