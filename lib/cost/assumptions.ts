/** What the model takes for granted: how many requests and milliseconds things take, each with where that was measured. */

export interface Assumption {
  readonly value: number
  readonly unit: string
  /** Where the number comes from. */
  readonly source: string
}

const HOUR = 'bench/cost/hour.ts'
const YEAR = 'bench/compact/year.ts'
const TICK = 'bench/rule/tick.ts'
const COMPACT = 'bench/compact/compact.ts'

function of(value: number, unit: string, source: string): Assumption {
  return { value, unit, source }
}

/** Milliseconds are of a whole processor, with 20 ms for each round trip to S3. */
export const ASSUMPTIONS = {
  'month.alarms': of(10, 'metrics with an alarm', 'infra/alarms.ts'),
  'month.metrics': of(0, 'metrics of our own: none while all is well', 'infra/log-metrics.ts'),
  'month.sqs-polls': of(650_000, 'receives of an idle queue', 'Lambda polls with five connections'),
  'logs.bytes': of(450, 'bytes of a line', 'functions.log of npm start: 230 to 610'),

  'block.5m-share': of(0.35, '5m bytes for a raw byte', YEAR),
  'block.1h-share': of(0.035, '1h bytes for a raw byte', YEAR),
  'block.merged-share': of(0.98, 'bytes written for a byte read', COMPACT),
  'block.delete-delay': of(2, 'days that a merged block waits for its deletion', '--delete-delay'),
  'block.merges': of(3, 'times that a sample is merged: 8h, 2d, 14d', YEAR),

  'agent.fresh-puts': of(1.1, 'PUT for a fresh pack: each, and one of ten', HOUR),
  'agent.gets': of(0.1, 'GET a minute', HOUR),
  'agent.lists': of(0.35, 'LIST a minute', HOUR),
  'agent.block-puts': of(4, 'PUT for a block, besides one for each 16 MB', HOUR),

  'plan.gets': of(5, 'GET', HOUR),
  'plan.lists': of(5, 'LIST', HOUR),
  'plan.puts': of(3.2, 'PUT', HOUR),
  'plan.ms': of(240, 'ms', HOUR),
  'plan.mb': of(1024, 'MB', 'cdk.json'),

  'compact.jobs': of(6.5, 'jobs in a day for each agent with blocks of 2h', YEAR),
  'compact.gets': of(22, 'GET of a job, besides one for each 2 MB', HOUR),
  'compact.lists': of(1.6, 'LIST of a job', HOUR),
  'compact.puts': of(10.2, 'PUT of a job, besides one for each 16 MB', HOUR),
  'compact.ms': of(1000, 'ms of a job, besides reading', HOUR),
  'compact.mb-per-second': of(40, 'MB read in a second', 'lib/compact/plan/estimate.ts'),
  'compact.mb': of(1769, 'MB', 'cdk.json'),

  'rule.gets': of(2, 'GET of a tick', HOUR),
  'rule.lists': of(2, 'LIST of a tick', TICK),
  'rule.puts': of(4.1, 'PUT of a tick with rules', TICK),
  'rule.idle-puts': of(0, 'PUT of a tick without rules', TICK),
  'rule.idle-lists': of(1, 'LIST of a tick without rules', TICK),
  'rule.gets-per-agent': of(5, 'GET of a tick for each agent, with rules', TICK),
  'rule.ms': of(180, 'ms of a tick', HOUR),
  'rule.ms-per-rule': of(5.9, 'ms for a rule', TICK),
  'rule.mb': of(1769, 'MB', 'cdk.json'),

  'query.gets': of(10, 'GET of a new query, besides those of its slices', HOUR),
  'query.lists': of(1, 'LIST of a new query', HOUR),
  'query.puts': of(1.6, 'PUT of a new query', HOUR),
  'query.ms': of(160, 'ms of a new query, besides waiting for its slices', HOUR),
  'query.mb': of(1769, 'MB', 'cdk.json'),
  'query.answer-kb': of(
    8,
    'KB of an answer, compressed',
    'npm start: 2 to 15 for 240 steps of 1 to 32 series',
  ),
  'slice.mb': of(8, 'MB that a slice should read', 'THAW_SLICE_BYTES'),
  'slice.gets': of(5.3, 'GET for a slice', HOUR),
  'slice.gets-per-mb': of(0.4, 'GET for each MB of it', HOUR),
  'slice.puts': of(0.18, 'PUT for a slice', HOUR),
  'slice.ms': of(30, 'ms for a slice', HOUR),
  'slice.ms-per-mb': of(40, 'ms for each MB of it', HOUR),
  'refresh.gets': of(3, 'GET of a refreshed panel', HOUR),
  'refresh.lists': of(1, 'LIST of a refreshed panel', HOUR),
  'refresh.puts': of(0, 'PUT of a refreshed panel', HOUR),
  'refresh.ms': of(95, 'ms of a refreshed panel', HOUR),
  'authorize.per-query': of(0.4, 'calls of the authorizer for a query', HOUR),
  'authorize.gets': of(1, 'GET of the authorizer', HOUR),
  'authorize.ms': of(30, 'ms', HOUR),
  'authorize.mb': of(512, 'MB', 'infra/authorizer.ts'),
} as const satisfies Readonly<Record<string, Assumption>>

export type AssumptionName = keyof typeof ASSUMPTIONS
export type Assumed = (name: AssumptionName) => number

/** With others in the place of some. */
export function assuming(other: Readonly<Partial<Record<AssumptionName, number>>> = {}): Assumed {
  return (name) => other[name] ?? ASSUMPTIONS[name].value
}
