/** What queries cost, as they are described or as a log has them. */
import {
  callLines,
  type CostLine,
  type Costing,
  type LineOf,
  linesOf,
  rounded,
  totalUsd,
} from './cost-lines.ts'
import type { MeasuredQueries } from './measured-queries.ts'
import { DAYS_PER_MONTH, type Workload } from './workload.ts'

/** Queries in a month, whoever says how many. */
export function askedOf(
  { queriesPerDay, refreshesPerDay }: Workload,
  measured: MeasuredQueries | undefined,
): number {
  const perDay = measured ? measured.count / measured.days : queriesPerDay + refreshesPerDay
  return perDay * DAYS_PER_MONTH
}

export function queryLines(costing: Costing, measured: MeasuredQueries | undefined): CostLine[] {
  const { workload, a } = costing
  const line = linesOf('queries', costing)
  const asked = askedOf(workload, measured)
  return [
    line(
      'gateway',
      'httpApiRequest',
      asked * Math.ceil(a('query.answer-kb') / 512),
      'each 512 KB of an answer',
    ),
    line(
      'answers to people',
      'trafficGb',
      (asked * a('query.answer-kb')) / 1e6,
      'compressed, to the internet',
    ),
    ...callLines(line, {
      name: 'authorize',
      count: asked * a('authorize.per-query'),
      ms: a('authorize.ms'),
      mb: a('authorize.mb'),
      gets: a('authorize.gets'),
    }),
    ...(measured ? logged(line, measured) : described(line, costing)),
  ]
}

function described(line: LineOf, costing: Costing): CostLine[] {
  const { workload, a } = costing
  const { queriesPerDay, slices, refreshesPerDay } = workload
  const count = queriesPerDay * DAYS_PER_MONTH
  const sliceMs = a('slice.ms') + a('slice.mb') * a('slice.ms-per-mb')
  const store = {
    name: 'store',
    count: count * slices,
    ms: sliceMs,
    mb: a('query.mb'),
    gets: a('slice.gets') + a('slice.mb') * a('slice.gets-per-mb'),
    puts: a('slice.puts'),
  }
  const query = {
    name: 'query, new',
    count,
    // It is paid for while it waits for its slices, which are read at the same time.
    ms: a('query.ms') + (slices > 0 ? sliceMs : 0),
    mb: a('query.mb'),
    gets: a('query.gets'),
    lists: a('query.lists'),
  }
  const usd = totalUsd([...callLines(line, query), ...callLines(line, store)]) / count
  return [
    ...callLines(line, { ...query, puts: count > 0 ? answerPuts(costing, usd) : 0 }),
    ...callLines(line, store),
    ...callLines(line, {
      name: 'query, refreshed',
      count: refreshesPerDay * DAYS_PER_MONTH,
      ms: a('refresh.ms'),
      mb: a('query.mb'),
      gets: a('refresh.gets'),
      lists: a('refresh.lists'),
      puts: a('refresh.puts'),
    }),
  ]
}

/** Parts of an answer are kept with a probability of what they cost, divided by the price of a PUT: `isWorthWriting`. */
function answerPuts({ a, prices }: Costing, usd: number): number {
  return Math.min(a('query.puts'), (a('query.puts-share') * usd) / prices.s3PutOrList)
}

function logged(lineOf: LineOf, queries: MeasuredQueries): CostLine[] {
  const { count, days, gets, lists, puts, invokes, gbSeconds } = queries
  const how = `${count} queries of ${rounded(days)} days in the log`
  const line = (what: string, price: CostLine['price'], n: number): CostLine =>
    lineOf(`query and store: ${what}`, price, (n / days) * DAYS_PER_MONTH, how)
  return [
    line('calls', 'lambdaRequest', count + invokes),
    line('GB-seconds', 'lambdaGbSecond', gbSeconds),
    line('GET', 's3Get', gets),
    line('PUT and LIST', 's3PutOrList', puts + lists),
  ]
}
