/** Random valid queries over the made data: every function, operator and modifier, nested, the same for the same seed. */
import { aggregation } from './aggregations.ts'
import { binary, chain, scalarBinary } from './binaries.ts'
import { callOf, functionsGiving } from './calls.ts'
import { type Dataset, type Kind, SCRAPED } from './catalogue.ts'
import { RandomSource } from './random-source.ts'
import { rangeSelector, selector, subquery } from './selectors.ts'

/** What the parts of the generator ask of each other. `depth` is how many levels may follow. */
export interface Grammar {
  readonly random: RandomSource
  readonly dataset: Dataset
  vector(depth: number, kind: Kind): string
  scalar(depth: number): string
  /** A range selector or subquery. `func` is whose argument it becomes: not all take `anchored` and `smoothed`. */
  range(depth: number, kind: Kind, func: string): string
}

export interface RandomQuery {
  readonly path: 'query' | 'query_range'
  readonly params: Readonly<Record<string, string>> & { readonly query: string }
}

export type Paths = 'instant' | 'range' | 'both'

const MAX_DEPTH = 4
const LONGEST_QUERY = 500

const NUMBERS = [
  '0',
  '1',
  '2',
  '0.5',
  '-1',
  '3.7',
  '10',
  '100',
  '1e3',
  '-0.25',
  'Inf',
  'NaN',
  '0x1f',
  '5m',
  '1_000.5',
  '.5',
  '-Inf',
  '2e-3',
  '1h30m',
]

export function grammar(random: RandomSource, dataset: Dataset): Grammar {
  const all: Grammar = {
    random,
    dataset,
    vector(depth, kind) {
      if (depth <= 0) return selector(all, kind)
      const choose = random.weighted<() => string>([
        [2, () => selector(all, kind)],
        [7, () => callOf(all, random.pick(functionsGiving('vector')), depth, kind)],
        [4, () => aggregation(all, depth, kind)],
        [4, () => binary(all, depth, kind)],
        [0.4, () => `${random.pick(['-', '+'])}${operand(all, depth - 1, kind)}`],
        [0.3, () => `(${all.vector(depth - 1, kind)})`],
        [0.3, () => chain(all, kind)],
      ])
      return choose()
    },
    scalar(depth) {
      const simple: readonly (readonly [number, () => string])[] = [
        [6, () => random.pick(NUMBERS)],
        [1, () => 'time()'],
      ]
      const nested: typeof simple = [
        [1, () => callOf(all, random.pick(functionsGiving('scalar')), depth, 'any')],
        [1, () => scalarBinary(all, depth)],
        [0.2, () => `-(${all.scalar(depth - 1)})`],
      ]
      return random.weighted(depth > 0 ? [...simple, ...nested] : simple)()
    },
    range(depth, kind, func) {
      return depth > 0 && random.chance(0.25)
        ? subquery(all, depth, kind)
        : rangeSelector(all, kind, func)
    },
  }
  return all
}

/** In parentheses where a sign before it would bind otherwise. */
function operand(all: Grammar, depth: number, kind: Kind): string {
  return depth > 0 ? `(${all.vector(depth, kind)})` : selector(all, kind)
}

/** One query, its times included. The same seed and number give the same query, whatever was asked before. */
export function randomQuery(
  seed: number,
  number: number,
  paths: Paths,
  dataset: Dataset = SCRAPED,
): RandomQuery {
  const random = new RandomSource(Math.imul(seed, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b))
  const instant = paths === 'both' ? random.chance(0.4) : paths === 'instant'
  const all = grammar(random, dataset)
  let query: string
  do query = expression(all, instant)
  while (query.length > LONGEST_QUERY)
  return instant
    ? { path: 'query', params: { query, time: someTime(all) } }
    : { path: 'query_range', params: { query, ...someRange(all) } }
}

function expression(all: Grammar, instant: boolean): string {
  const { random } = all
  const depth = 1 + random.below(MAX_DEPTH)
  const kind = random.pick<Kind>(['float', 'float', 'histogram', 'any'])
  return random.weighted<() => string>([
    [30, () => all.vector(depth, kind)],
    [1, () => all.scalar(depth)],
    [instant ? 2 : 0, () => all.range(depth, kind, '')],
    [instant ? 0.1 : 0, () => `"a string"`],
  ])()
}

/** Mostly where there are samples; on a whole scrape, beside one, or anywhere. */
function someTime({ random, dataset: { startMs, endMs } }: Grammar): string {
  const spanMs = endMs - startMs
  const anyMs = startMs + Math.floor((random.next() * 1.05 + 0.02) * spanMs)
  const ms = random.weighted([
    [3, anyMs],
    [3, anyMs - (anyMs % 30_000)],
    [1, anyMs - (anyMs % 30_000) + 1],
    [1, anyMs - (anyMs % 60_000) - 1],
  ])
  return String(ms / 1000)
}

function someRange(all: Grammar): Readonly<Record<'start' | 'end' | 'step', string>> {
  const { random } = all
  const start = Number(someTime(all))
  const step = random.pick([15, 30, 60, 60, 97, 120, 300, 300, 601.5, 1200, 7.25])
  const steps = random.weighted([
    [1, 0],
    [6, 1 + random.below(12)],
    [3, 10 + random.below(30)],
  ])
  // An end between two steps matters to end() and range().
  const end = start + steps * step + (random.chance(0.2) ? step / 3 : 0)
  return { start: String(start), end: end.toFixed(3), step: String(step) }
}
