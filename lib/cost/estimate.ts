/** What a workload costs in a month, line by line: each a number of things, and what one of them costs. */
import type { Assumed } from './assumptions.ts'
import type { HeldBytes } from './measured-bucket.ts'
import type { MeasuredQueries } from './measured-queries.ts'
import { PRICES, type PriceName, type Prices } from './prices.ts'
import { DAYS_PER_MONTH, MINUTES_PER_MONTH, shippedPerDay, type Workload } from './workload.ts'

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

export interface EstimateParts {
  readonly assumed: Assumed
  readonly prices?: Prices | undefined
  /** What a bucket has now, instead of what the workload comes to. */
  readonly held?: HeldBytes | undefined
  /** What was asked, instead of what is described. */
  readonly queries?: MeasuredQueries | undefined
}

/** Calls of one function in a month, and what one of them takes. */
interface Calls {
  readonly name: string
  readonly count: number
  readonly ms: number
  readonly mb: number
  readonly gets?: number
  readonly lists?: number
  readonly puts?: number
}

export function estimate(workload: Workload, parts: EstimateParts): CostLine[] {
  const estimator = new Estimator(workload, parts)
  return estimator.lines().filter(({ quantity }) => quantity > 0)
}

export function totalUsd(lines: readonly CostLine[], part?: Part): number {
  return lines.reduce((sum, line) => sum + (!part || line.part === part ? line.usd : 0), 0)
}

/** The gateway's line, and that of `query`; `store` and `authorize` log trouble alone. */
const LOGGED_PER_QUERY = 2

class Estimator {
  readonly #workload: Workload
  readonly #a: Assumed
  readonly #prices: Prices
  readonly #held: HeldBytes | undefined
  readonly #measured: MeasuredQueries | undefined

  constructor(workload: Workload, { assumed, prices = PRICES, held, queries }: EstimateParts) {
    this.#workload = workload
    this.#a = assumed
    this.#prices = prices
    this.#held = held
    this.#measured = queries
  }

  lines(): CostLine[] {
    return [
      ...this.#storage(),
      ...this.#agents(),
      ...this.#plan(),
      ...this.#compact(),
      ...this.#rules(),
      ...this.#queries(),
      ...this.#watching(),
    ]
  }

  #line(part: Part, what: string, price: PriceName, quantity: number, how: string): CostLine {
    return { part, what, quantity, price, usd: quantity * this.#prices[price], how }
  }

  #storage(): CostLine[] {
    const { ageDays, retention } = this.#workload
    const a = this.#a
    const shipped = shippedPerDay(this.#workload)
    const merged = shipped * a('block.merged-share')
    const kept = (days: number): number => Math.min(days, ageDays)
    const gb = (what: string, quantity: number, how: string): CostLine =>
      this.#line('storage', what, 's3GbMonth', quantity, how)
    if (this.#held !== undefined) {
      const { raw, fiveMinutes, oneHour, waiting } = this.#held
      const how = 'as the bucket is now'
      return [
        gb('raw samples', raw, how),
        gb('5m samples', fiveMinutes, how),
        gb('1h samples', oneHour, how),
        gb('merged blocks that wait', waiting, how),
      ]
    }
    const waiting = shipped * a('block.merges') * a('block.delete-delay')
    return [
      gb('raw samples', merged * kept(retention.rawDays), 'GB a day x days kept'),
      gb(
        '5m samples',
        merged * a('block.5m-share') * kept(retention.fiveMinuteDays),
        'GB a day x share x days kept',
      ),
      gb(
        '1h samples',
        merged * a('block.1h-share') * kept(retention.oneHourDays),
        'GB a day x share x days kept',
      ),
      gb('merged blocks that wait', waiting, 'GB a day x merges x days of the delete delay'),
    ]
  }

  get #blocks(): number {
    const { agents, blockHours } = this.#workload
    return (agents * DAYS_PER_MONTH * 24) / blockHours
  }

  #agents(): CostLine[] {
    const { agents, freshSeconds } = this.#workload
    const a = this.#a
    const minutes = agents * MINUTES_PER_MONTH
    const packs = freshSeconds > 0 ? (minutes * 60) / freshSeconds : 0
    const partsOfBlocks = (shippedPerDay(this.#workload) * DAYS_PER_MONTH * 1e9) / 16e6
    const line = (what: string, price: PriceName, quantity: number, how: string): CostLine =>
      this.#line('agents', what, price, quantity, how)
    return [
      line(
        'fresh packs',
        's3PutOrList',
        packs * a('agent.fresh-puts'),
        'one each fresh interval, and one of ten',
      ),
      line(
        'blocks',
        's3PutOrList',
        this.#blocks * a('agent.block-puts') + partsOfBlocks,
        'PUT of a block, and parts of 16 MB',
      ),
      line('GET', 's3Get', minutes * a('agent.gets'), 'a minute'),
      line('LIST', 's3PutOrList', minutes * a('agent.lists'), 'a minute'),
    ]
  }

  #plan(): CostLine[] {
    const a = this.#a
    // A block that arrives wakes it, whoever made the block.
    const count = MINUTES_PER_MONTH / 5 + this.#blocks + this.#mergeJobs
    return this.#calls('plan', {
      name: 'plan',
      count,
      ms: a('plan.ms'),
      mb: a('plan.mb'),
      gets: a('plan.gets'),
      lists: a('plan.lists'),
      puts: a('plan.puts'),
    })
  }

  get #mergeJobs(): number {
    const { agents, series } = this.#workload
    return series > 0 ? agents * this.#a('compact.jobs') * DAYS_PER_MONTH : 0
  }

  #compact(): CostLine[] {
    const a = this.#a
    const { retention } = this.#workload
    const count = this.#mergeJobs
    if (count === 0) return []
    const raw = shippedPerDay(this.#workload) * DAYS_PER_MONTH * 1e3
    const fiveMinutes = retention.fiveMinuteDays > 0 ? raw * a('block.5m-share') : 0
    // Merged each time, read once more for 5m blocks, and those merged and read for 1h blocks.
    const megabytes =
      raw * (a('block.merges') + (fiveMinutes > 0 ? 1 : 0)) +
      fiveMinutes * (1 + (retention.oneHourDays > 0 ? 1 : 0))
    return this.#calls('compact', {
      name: 'compact',
      count,
      ms: a('compact.ms') + (megabytes / count / a('compact.mb-per-second')) * 1000,
      mb: a('compact.mb'),
      gets: a('compact.gets') + megabytes / count / 2,
      lists: a('compact.lists'),
      puts: a('compact.puts') + megabytes / count / 16,
    })
  }

  #rules(): CostLine[] {
    const a = this.#a
    const { agents, rules } = this.#workload
    return this.#calls('rules', {
      name: 'rule',
      count: MINUTES_PER_MONTH,
      ms: a('rule.ms') + rules * a('rule.ms-per-rule'),
      mb: a('rule.mb'),
      gets: a('rule.gets') + (rules > 0 ? agents * a('rule.gets-per-agent') : 0),
      lists: rules > 0 ? a('rule.lists') : a('rule.idle-lists'),
      puts: rules > 0 ? a('rule.puts') : a('rule.idle-puts'),
    })
  }

  /** Queries in a month, whoever says how many. */
  get #asked(): number {
    const { queriesPerDay, refreshesPerDay } = this.#workload
    const perDay = this.#measured
      ? this.#measured.count / this.#measured.days
      : queriesPerDay + refreshesPerDay
    return perDay * DAYS_PER_MONTH
  }

  #queries(): CostLine[] {
    const a = this.#a
    const asked = this.#asked
    return [
      this.#line(
        'queries',
        'gateway',
        'httpApiRequest',
        asked * Math.ceil(a('query.answer-kb') / 512),
        'each 512 KB of an answer',
      ),
      this.#line(
        'queries',
        'answers to people',
        'trafficGb',
        (asked * a('query.answer-kb')) / 1e6,
        'compressed, to the internet',
      ),
      ...this.#calls('queries', {
        name: 'authorize',
        count: asked * a('authorize.per-query'),
        ms: a('authorize.ms'),
        mb: a('authorize.mb'),
        gets: a('authorize.gets'),
      }),
      ...(this.#measured ? this.#logged(this.#measured) : this.#described()),
    ]
  }

  #described(): CostLine[] {
    const a = this.#a
    const { queriesPerDay, slices, refreshesPerDay } = this.#workload
    const of = (kind: 'query' | 'refresh') => ({
      ms: a(`${kind}.ms`),
      mb: a('query.mb'),
      gets: a(`${kind}.gets`),
      lists: a(`${kind}.lists`),
      puts: a(`${kind}.puts`),
    })
    const fresh = queriesPerDay * DAYS_PER_MONTH
    const sliceMs = a('slice.ms') + a('slice.mb') * a('slice.ms-per-mb')
    return [
      ...this.#calls('queries', {
        name: 'query, new',
        count: fresh,
        ...of('query'),
        // It is paid for while it waits for its slices, which are read at the same time.
        ms: a('query.ms') + (slices > 0 ? sliceMs : 0),
      }),
      ...this.#calls('queries', {
        name: 'store',
        count: fresh * slices,
        ms: sliceMs,
        mb: a('query.mb'),
        gets: a('slice.gets') + a('slice.mb') * a('slice.gets-per-mb'),
        puts: a('slice.puts'),
      }),
      ...this.#calls('queries', {
        name: 'query, refreshed',
        count: refreshesPerDay * DAYS_PER_MONTH,
        ...of('refresh'),
      }),
    ]
  }

  #logged(queries: MeasuredQueries): CostLine[] {
    const { count, days, gets, lists, puts, invokes, gbSeconds } = queries
    const how = `${count} queries of ${rounded(days)} days in the log`
    const line = (what: string, price: PriceName, n: number): CostLine =>
      this.#line('queries', `query and store: ${what}`, price, (n / days) * DAYS_PER_MONTH, how)
    return [
      line('calls', 'lambdaRequest', count + invokes),
      line('GB-seconds', 'lambdaGbSecond', gbSeconds),
      line('GET', 's3Get', gets),
      line('PUT and LIST', 's3PutOrList', puts + lists),
    ]
  }

  #watching(): CostLine[] {
    const a = this.#a
    // Ticks and plans; what blocks wake; queries.
    const calls =
      MINUTES_PER_MONTH * 1.2 + this.#blocks + this.#mergeJobs * 2 + this.#asked * LOGGED_PER_QUERY
    return [
      this.#line('watching', 'alarms', 'alarmMonth', a('month.alarms'), 'of the stack'),
      this.#line('watching', 'metrics', 'metricMonth', a('month.metrics'), 'of the stack'),
      this.#line(
        'watching',
        'logs',
        'logsGb',
        (calls * a('logs.bytes')) / 1e9,
        'a line or two of a call',
      ),
      this.#line('watching', 'queue', 'sqsRequest', a('month.sqs-polls'), 'polled by Lambda'),
    ]
  }

  #calls(part: Part, { name, count, ms, mb, gets = 0, lists = 0, puts = 0 }: Calls): CostLine[] {
    const each = (n: number): string => `${rounded(count)} calls x ${rounded(n)}`
    const line = (what: string, price: PriceName, n: number, how = each(n)): CostLine =>
      this.#line(part, `${name}: ${what}`, price, count * n, how)
    return [
      line('calls', 'lambdaRequest', 1, 'calls of the function'),
      line('GB-seconds', 'lambdaGbSecond', ((ms / 1000) * mb) / 1024, `${each(ms)} ms x ${mb} MB`),
      line('GET', 's3Get', gets),
      line('PUT and LIST', 's3PutOrList', puts + lists),
    ]
  }
}

function rounded(n: number): number {
  return Number(n.toPrecision(3))
}
