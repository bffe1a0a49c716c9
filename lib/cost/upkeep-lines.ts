/** What `plan`, `compact` and `rule` cost: they are woken by the clock and by blocks that arrive, whether anybody asks or not. */
import type { CompactionWork } from './compaction.ts'
import { callLines, type CostLine, type Costing, linesOf } from './cost-lines.ts'
import { blocksShipped, DAYS_PER_MONTH, MINUTES_PER_MONTH } from './workload.ts'

/** A smaller one is read in one request: `lib/store/pack-read.ts`. */
const WHOLE_PACK_BYTES = 128 * 1024

/** In a month, whoever made them. */
export function newBlocks({ workload }: Costing, { blocks }: CompactionWork): number {
  return blocksShipped(workload) + blocks * DAYS_PER_MONTH
}

/** `storedGb` of the bucket. */
export function planLines(
  costing: Costing,
  compaction: CompactionWork,
  storedGb: number,
): CostLine[] {
  const { a } = costing
  const line = linesOf('plan', costing)
  const lists = listPages(costing, compaction, storedGb)
  return [
    ...callLines(line, {
      name: 'plan, by the clock',
      count: MINUTES_PER_MONTH / 5,
      ms: a('plan.ms'),
      mb: a('plan.mb'),
      gets: a('plan.gets'),
      lists,
      puts: a('plan.puts') + instancePuts(costing, 12),
    }),
    ...callLines(line, {
      name: 'plan, woken by a block',
      count: newBlocks(costing, compaction),
      ms: a('plan.block-ms'),
      mb: a('plan.mb'),
      gets: a('plan.block-gets'),
      lists,
      puts: a('plan.block-puts'),
    }),
  ]
}

/** PUT of a call, with which a new instance finds out whether the store can be used. */
function instancePuts({ a }: Costing, callsAnHour: number): number {
  return a('instance.puts') / (a('instance.hours') * callsAnHour)
}

/** Of one look at the bucket, each of a thousand keys: packs, blocks with their lookups, and chunks of half a gigabyte. */
function listPages({ workload, a }: Costing, { blocks }: CompactionWork, storedGb: number): number {
  const { agents, freshSeconds, blockHours, ageDays, retention } = workload
  const { rawDays, fiveMinuteDays, oneHourDays } = retention
  const packs = freshSeconds > 0 ? agents * a('agent.packs') : 0
  const recentDays = Math.min(a('block.delete-delay') + 1, ageDays)
  const recent = (agents * (24 / blockHours) + blocks) * recentDays
  const old = [rawDays, fiveMinuteDays, oneHourDays].reduce(
    (sum, days) => sum + (agents * Math.min(days, ageDays)) / 14,
    0,
  )
  return 1 + (packs + (recent + old) * a('block.keys') + storedGb / 0.5) / 1000
}

export function compactLines(costing: Costing, { jobs, readGb }: CompactionWork): CostLine[] {
  if (jobs === 0) return []
  const { a } = costing
  const megabytes = (readGb / jobs) * 1e3
  return callLines(linesOf('compact', costing), {
    name: 'compact',
    count: jobs * DAYS_PER_MONTH,
    ms: a('compact.ms') + (megabytes / a('compact.mb-per-second')) * 1000,
    mb: a('compact.mb'),
    gets: a('compact.gets') + megabytes / 2,
    lists: a('compact.lists'),
    puts: a('compact.puts') + megabytes / 16,
  })
}

export function ruleLines(costing: Costing): CostLine[] {
  const { workload, a } = costing
  const line = linesOf('rules', costing)
  const { rules } = workload
  if (rules === 0) {
    return callLines(line, {
      name: 'rule, without rules',
      count: MINUTES_PER_MONTH,
      ms: a('rule.idle-ms'),
      mb: a('rule.mb'),
      gets: a('rule.idle-gets'),
      lists: a('rule.idle-lists'),
      puts: instancePuts(costing, 60),
    })
  }
  const packReads = packReadsOf(costing)
  const waits = packReads / Math.max(workload.agents, 1)
  return callLines(line, {
    name: 'rule',
    count: MINUTES_PER_MONTH,
    ms:
      a('rule.ms') +
      rules * a('rule.ms-per-rule') +
      packReads * a('rule.ms-per-pack-read') +
      waits * a('rule.ms-per-wait'),
    mb: a('rule.mb'),
    gets: a('rule.gets') + packReads,
    lists: a('rule.lists'),
    puts: a('rule.puts') + instancePuts(costing, 60),
  })
}

/** GET of a tick: each new pack whole where it is small, else its directory and pages of the metrics that rules read. Of more rules, more read the same. */
function packReadsOf({ workload, a }: Costing): number {
  const { agents, series, scrapeSeconds, freshSeconds, rules } = workload
  if (freshSeconds === 0 || agents === 0) return 0
  const bytes = (series / agents) * (freshSeconds / scrapeSeconds) * a('agent.pack-sample-bytes')
  const pages = bytes > WHOLE_PACK_BYTES ? Math.sqrt(rules) * a('rule.pages') : 0
  return agents * (60 / freshSeconds) * (a('rule.gets-per-pack') + pages)
}
