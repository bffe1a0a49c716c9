/** What a workload costs in a month, line by line. */
import type { Assumed } from './assumptions.ts'
import { compactionOf, type CompactionWork, mergesOf } from './compaction.ts'
import { type CostLine, type Costing, linesOf } from './cost-lines.ts'
import type { HeldBytes } from './measured-bucket.ts'
import type { MeasuredQueries } from './measured-queries.ts'
import { PRICES, type Prices } from './prices.ts'
import { askedOf, queryLines } from './query-lines.ts'
import { compactLines, newBlocks, planLines, ruleLines } from './upkeep-lines.ts'
import {
  blocksShipped,
  DAYS_PER_MONTH,
  MINUTES_PER_MONTH,
  shippedPerDay,
  type Workload,
} from './workload.ts'

export interface EstimateParts {
  readonly assumed: Assumed
  readonly prices?: Prices | undefined
  /** What a bucket has now, instead of what the workload comes to. */
  readonly held?: HeldBytes | undefined
  /** What was asked, instead of what is described. */
  readonly queries?: MeasuredQueries | undefined
  /** What compaction did, instead of what blocks of that length come to. */
  readonly compaction?: CompactionWork | undefined
}

/** Those of nothing are left out. */
export function estimate(workload: Workload, parts: EstimateParts): CostLine[] {
  const { assumed: a, prices = PRICES, held, queries } = parts
  const costing = { workload, a, prices }
  const compaction = parts.compaction ?? describedCompaction(costing)
  const storage = storageLines(costing, held)
  const storedGb = storage.reduce((sum, { quantity }) => sum + quantity, 0)
  const lines = [
    ...storage,
    ...agentLines(costing),
    ...planLines(costing, compaction, storedGb),
    ...compactLines(costing, compaction),
    ...ruleLines(costing),
    ...queryLines(costing, queries),
    ...watchingLines(costing, compaction, askedOf(workload, queries)),
  ]
  return lines.filter(({ quantity }) => quantity > 0)
}

function describedCompaction({ workload, a }: Costing): CompactionWork {
  return compactionOf(workload, {
    fiveMinutes: a('block.5m-share'),
    downsamplings: a('compact.downsamplings'),
  })
}

function storageLines(costing: Costing, held: HeldBytes | undefined): CostLine[] {
  const { workload, a } = costing
  const { ageDays, retention } = workload
  const line = linesOf('storage', costing)
  const shipped = shippedPerDay(workload)
  const merged = shipped * a('block.merged-share')
  const kept = (days: number): number => Math.min(days, ageDays)
  const gb = (what: string, quantity: number, how: string): CostLine =>
    line(what, 's3GbMonth', quantity, how)
  if (held !== undefined) {
    const { raw, fiveMinutes, oneHour, waiting } = held
    const how = 'as the bucket is now'
    return [
      gb('raw samples', raw, how),
      gb('5m samples', fiveMinutes, how),
      gb('1h samples', oneHour, how),
      gb('merged blocks that wait', waiting, how),
    ]
  }
  const waiting = shipped * mergesOf(workload) * a('block.delete-delay')
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

function agentLines(costing: Costing): CostLine[] {
  const { workload, a } = costing
  const { agents, freshSeconds } = workload
  const line = linesOf('agents', costing)
  const minutes = agents * MINUTES_PER_MONTH
  const packs = freshSeconds > 0 ? (minutes * 60) / freshSeconds : 0
  const partsOfBlocks = (shippedPerDay(workload) * DAYS_PER_MONTH * 1e9) / 16e6
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
      blocksShipped(workload) * a('agent.block-puts') + partsOfBlocks,
      'PUT of a block, and parts of 16 MB',
    ),
    line('GET', 's3Get', minutes * a('agent.gets'), 'a minute'),
    line('LIST', 's3PutOrList', minutes * a('agent.lists'), 'a minute'),
  ]
}

/** The gateway's line, and that of `query`; `store` and `authorize` log trouble alone. */
const LOGGED_PER_QUERY = 2

function watchingLines(costing: Costing, compaction: CompactionWork, asked: number): CostLine[] {
  const { a } = costing
  const line = linesOf('watching', costing)
  // Ticks and plans; what blocks wake; queries.
  const calls =
    MINUTES_PER_MONTH * 1.2 +
    newBlocks(costing, compaction) +
    compaction.jobs * DAYS_PER_MONTH +
    asked * LOGGED_PER_QUERY
  return [
    line('alarms', 'alarmMonth', a('month.alarms'), 'of the stack'),
    line('metrics', 'metricMonth', a('month.metrics'), 'of the stack'),
    line('logs', 'logsGb', (calls * a('logs.bytes')) / 1e9, 'a line or two of a call'),
    line('queue', 'sqsRequest', a('month.sqs-polls'), 'polled by Lambda'),
  ]
}
