/** The flags of `thaw cost`: what is asked of an installation, in the words of Prometheus and Thanos. */
import {
  choice,
  count,
  duration,
  type Flag,
  type FlagValues,
  list,
  path,
  toggle,
} from '#agent/flags/flag.ts'
import { ASSUMPTIONS, type AssumptionName } from '#lib/cost/assumptions.ts'
import { PRICES, type PriceName } from '#lib/cost/prices.ts'
import type { Workload } from '#lib/cost/workload.ts'
import { DomainError } from '#lib/model/errors.ts'

const DAY = 86_400_000

export const WORKLOAD_FLAGS = {
  agents: count('2', 'Prometheus servers, each with an agent'),
  series: count('100000', 'active series of all of them together'),
  'scrape-interval': duration('15s', 'between two samples of a series'),
  'bytes-per-sample': number('1.4', 'of blocks, with their index'),
  'block-duration': duration('2h', 'of the blocks that Prometheus makes'),
  'fresh.interval': duration('30s', 'between two fresh packs of an agent, 0s where it makes none'),
  age: duration('365d', 'how long it has been going: what is kept for ever grows'),
  'retention.resolution-raw': duration('0d', 'how long raw samples are kept, 0d for ever'),
  'retention.resolution-5m': duration('0d', 'how long samples of 5 minutes are kept, 0d for ever'),
  'retention.resolution-1h': duration('0d', 'how long samples of 1 hour are kept, 0d for ever'),
  'downsampling.disable': toggle('no blocks of 5 minutes and 1 hour are made'),
  rules: count('50', 'recording and alerting rules, evaluated every minute'),
  'queries-per-day': count(
    '500',
    'that nobody asked before, such as ad-hoc queries and long ranges',
  ),
  'query.slices': number('2', 'functions that share the work of one of these, on average'),
  'refreshes-per-day': count(
    '20000',
    'panels of open dashboards that are refreshed: 20 panels each 30s for 8 hours are 19200',
  ),
} as const

export const COST_FLAGS = {
  'query-log': path(
    '',
    'log of the query function, JSON lines: its queries instead of those described',
  ),
  assume: list('name=value', 'another number than --assumptions lists; repeat for more'),
  price: list('name=usd', 'another price than --assumptions lists; repeat for more'),
  assumptions: toggle(
    'list all that is taken for granted, with where it was measured, and the prices',
  ),
  explain: toggle('how each quantity comes about'),
  output: {
    ...choice(['table', 'json', 'csv'], 'table', 'form of the estimate: table, json or csv'),
    short: 'o',
  },
} as const

export function workloadOf(flags: FlagValues<typeof WORKLOAD_FLAGS>): Workload {
  const days = (ms: number): number => (ms === 0 ? Infinity : ms / DAY)
  const downsampled = (ms: number): number => (flags['downsampling.disable'] ? 0 : days(ms))
  positive('scrape-interval', flags['scrape-interval'])
  positive('block-duration', flags['block-duration'])
  return {
    agents: flags.agents,
    series: flags.series,
    scrapeSeconds: flags['scrape-interval'] / 1000,
    bytesPerSample: flags['bytes-per-sample'],
    blockHours: flags['block-duration'] / 3_600_000,
    freshSeconds: flags['fresh.interval'] / 1000,
    ageDays: flags.age / DAY,
    retention: {
      rawDays: days(flags['retention.resolution-raw']),
      fiveMinuteDays: downsampled(flags['retention.resolution-5m']),
      oneHourDays: downsampled(flags['retention.resolution-1h']),
    },
    rules: flags.rules,
    queriesPerDay: flags['queries-per-day'],
    slices: flags['query.slices'],
    refreshesPerDay: flags['refreshes-per-day'],
  }
}

function positive(name: string, ms: number): void {
  if (ms === 0)
    throw new DomainError('invalid', `--${name} is zero, give it a duration such as 15s`)
}

export function otherAssumptions(
  given: readonly string[],
): Partial<Record<AssumptionName, number>> {
  return named('assume', given, ASSUMPTIONS)
}

export function otherPrices(given: readonly string[]): Record<PriceName, number> {
  return { ...PRICES, ...named('price', given, PRICES) }
}

/** `name=value` of the names that `known` has. */
function named<T extends string>(
  flag: string,
  given: readonly string[],
  known: Readonly<Record<T, unknown>>,
): Partial<Record<T, number>> {
  const entries = given.map((text) => {
    const at = text.indexOf('=')
    const name = text.slice(0, at)
    const value = Number(text.slice(at + 1))
    if (at < 1 || text.slice(at + 1).trim() === '' || !(value >= 0)) {
      throw new DomainError(
        'invalid',
        `--${flag}=${text}: write name=value, with a number of at least 0`,
      )
    }
    if (!Object.hasOwn(known, name)) {
      throw new DomainError(
        'invalid',
        `--${flag}=${text}: nothing is called ${name}, thaw cost --assumptions lists the names`,
      )
    }
    return [name, value]
  })
  return Object.fromEntries(entries) as Partial<Record<T, number>>
}

function number(standard: string, help: string): Flag<number> {
  return {
    kind: 'text',
    placeholder: 'number',
    default: standard,
    help,
    parse(value) {
      const parsed = Number(value)
      if (value.trim() !== '' && parsed >= 0 && parsed < 1e15) return parsed
      throw new DomainError('invalid', 'write a number of at least 0')
    },
  }
}
