/** What `thaw cost` says of an hour that was counted, beside what was counted. */
import { type AssumptionName, assuming, ASSUMPTIONS } from '#lib/cost/assumptions.ts'
import type { CompactionWork } from '#lib/cost/compaction.ts'
import type { CostLine } from '#lib/cost/cost-lines.ts'
import { estimate } from '#lib/cost/estimate.ts'
import { usdOf } from '#lib/cost/prices.ts'
import { MINUTES_PER_MONTH, type Workload } from '#lib/cost/workload.ts'
import type { S3Counts } from './counting-proxy.ts'
import type { Party } from './hour-world.ts'

export interface Counted extends S3Counts {
  readonly invokes: number
  readonly coldStarts: number
  readonly failures: number
  readonly cpuMs: number
  /** Processor time, and the round trips that are waited for. */
  readonly ms: number
}

/** Every number of one run of the hour. */
export interface CountedHour {
  readonly options: Readonly<Record<string, string | undefined>>
  readonly asked: { readonly panels: number; readonly long: number; readonly failed: number }
  readonly counted: Readonly<Record<Party, Counted>>
}

export interface Comparison {
  readonly part: string
  readonly counted: Billable
  readonly estimated: Billable
}

export interface Billable {
  readonly calls: number
  readonly gets: number
  readonly putsAndLists: number
  readonly gbSeconds: number
  readonly usd: number
}

const MEMORY: Readonly<Record<Party, number>> = {
  agent: 0,
  authorize: ASSUMPTIONS['authorize.mb'].value,
  query: ASSUMPTIONS['query.mb'].value,
  store: ASSUMPTIONS['query.mb'].value,
  plan: ASSUMPTIONS['plan.mb'].value,
  compact: ASSUMPTIONS['compact.mb'].value,
  rule: ASSUMPTIONS['rule.mb'].value,
}

/** Parts of the estimate, and whose requests they are. */
const PARTS: Readonly<Record<string, readonly Party[]>> = {
  agents: ['agent'],
  plan: ['plan'],
  compact: ['compact'],
  rules: ['rule'],
  queries: ['authorize', 'query', 'store'],
}

export function compareHour({ options, asked, counted }: CountedHour): Comparison[] {
  const hours = Number(options['minutes']) / 60
  const blockHours = Number(options['block-minutes']) / 60
  const workload: Workload = {
    agents: options['series'] === '0' ? 0 : 1,
    series: Number(options['series']),
    scrapeSeconds: Number.parseFloat(options['scrape'] ?? ''),
    bytesPerSample: 1.4,
    blockHours,
    freshSeconds: 30,
    ageDays: 0,
    retention: { rawDays: 0, fiveMinuteDays: 0, oneHourDays: 0 },
    rules: Number(options['rules']),
    queriesPerDay: (asked.long / hours) * 24,
    slices: asked.long > 0 ? counted.store.invokes / asked.long : 0,
    refreshesPerDay: (asked.panels / hours) * 24,
  }
  const assumed = assuming({ ...ofSlices(options), ...ofInstances(counted, hours) })
  const lines = estimate(workload, { assumed, compaction: ofCompaction(counted.compact, hours) })
  const share = (hours * 60) / MINUTES_PER_MONTH
  return Object.entries(PARTS).map(([part, parties]) => ({
    part,
    counted: billed(parties.map((party) => [party, waiting(party, counted, asked.long)])),
    estimated: estimated(
      lines.filter(
        (line) =>
          line.part === part && line.price !== 'httpApiRequest' && line.price !== 'trafficGb',
      ),
      share,
    ),
  }))
}

/** An hour is too short for a compaction that goes on for weeks: how many jobs there were, and how much they read, is told. */
function ofCompaction({ invokes, bytesDown }: Counted, hours: number): CompactionWork {
  const jobs = (invokes / hours) * 24
  return { jobs, blocks: jobs / 2, readGb: (bytesDown / 1e9 / hours) * 24 }
}

/** How long instances live is Lambda's to say. */
function ofInstances(
  { plan, rule }: CountedHour['counted'],
  hours: number,
): Partial<Record<AssumptionName, number>> {
  return { 'instance.hours': (2 * hours) / (plan.coldStarts + rule.coldStarts) }
}

/** Slices are cut smaller than they are by default, so that small data has some. */
function ofSlices(options: CountedHour['options']): Partial<Record<AssumptionName, number>> {
  return { 'slice.mb': Number(options['slice-bytes']) / 1e6 }
}

/** `query` waits while others work for it. */
function waiting(party: Party, counted: CountedHour['counted'], long: number): Counted {
  const one = counted[party]
  const { ms, invokes } = counted.store
  if (party !== 'query' || invokes === 0) return one
  return { ...one, ms: one.ms + (ms / invokes) * long }
}

function billed(parts: readonly (readonly [Party, Counted])[]): Billable {
  const sum = { calls: 0, gets: 0, putsAndLists: 0, gbSeconds: 0, usd: 0 }
  for (const [party, { invokes, gets, lists, puts, ms }] of parts) {
    const gbSeconds = ((ms / 1000) * MEMORY[party]) / 1024
    sum.calls += invokes
    sum.gets += gets
    sum.putsAndLists += lists + puts
    sum.gbSeconds += gbSeconds
    sum.usd += usdOf({ gets, lists, puts, functions: invokes, functionGbSeconds: gbSeconds })
  }
  return sum
}

function estimated(lines: readonly CostLine[], share: number): Billable {
  const of = (price: CostLine['price']): number =>
    lines.reduce((sum, line) => sum + (line.price === price ? line.quantity * share : 0), 0)
  return {
    calls: of('lambdaRequest'),
    gets: of('s3Get'),
    putsAndLists: of('s3PutOrList'),
    gbSeconds: of('lambdaGbSecond'),
    usd: lines.reduce((sum, { usd }) => sum + usd * share, 0),
  }
}

export function sumOf(comparisons: readonly Comparison[], side: 'counted' | 'estimated'): number {
  return comparisons.reduce((sum, comparison) => sum + comparison[side].usd, 0)
}

export function comparisonText(comparisons: readonly Comparison[]): string {
  const row = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`
  const pair = (one: Comparison, name: keyof Billable, digits: number, times = 1): string =>
    `${(one.counted[name] * times).toFixed(digits)} / ${(one.estimated[name] * times).toFixed(digits)}`
  const [counted, said] = [sumOf(comparisons, 'counted'), sumOf(comparisons, 'estimated')]
  return [
    row([
      'part: counted / estimated',
      'calls',
      'GET',
      'PUT and LIST',
      'GB-seconds',
      'USD x 1000',
      'ratio',
    ]),
    row(['---', '--:', '--:', '--:', '--:', '--:', '--:']),
    ...comparisons.map((one) =>
      row([
        one.part,
        pair(one, 'calls', 0),
        pair(one, 'gets', 0),
        pair(one, 'putsAndLists', 0),
        pair(one, 'gbSeconds', 1),
        pair(one, 'usd', 2, 1000),
        (one.estimated.usd / one.counted.usd).toFixed(2),
      ]),
    ),
    row([
      'all',
      '',
      '',
      '',
      '',
      `${(counted * 1000).toFixed(2)} / ${(said * 1000).toFixed(2)}`,
      (said / counted).toFixed(2),
    ]),
    '',
  ].join('\n')
}
