/** What the model takes for granted: how many requests and milliseconds things take, each with where that was measured. */

export interface Assumption {
  readonly value: number
  readonly unit: string
  /** Where the number comes from. */
  readonly source: string
}

const HOUR = 'bench/cost/hour.ts'
const IDLE = 'bench/cost/hour.ts --series=0'
/** Of 8 MB alone, and of 2 MB. */
const SLICES = 'bench/cost/hour.ts --series=0 --history-series=2400 --slice-bytes=8000000'
/** 5,000 series and 80 rules, 20,000 and 20, 40,000 and 80. */
const RULES = 'bench/cost/hour.ts --panels=0 --long=0'
const YEAR = 'bench/compact/year.ts'
const TICK = 'bench/rule/tick.ts'
const COMPACT = 'bench/compact/compact.ts'

function of(value: number, unit: string, source: string): Assumption {
  return { value, unit, source }
}

/** Milliseconds are of a whole processor, with 20 ms for each round trip to S3. */
export const ASSUMPTIONS = {
  'month.alarms': of(11, 'metrics with an alarm', 'infra/alarms.ts'),
  'month.urgent-alarms': of(5, 'of them, with "alarms": "urgent"', 'infra/alarms.ts'),
  'month.metrics': of(0, 'metrics of our own: none while all is well', 'infra/log-metrics.ts'),
  'month.sqs-polls': of(650_000, 'receives of an idle queue', 'Lambda polls with five connections'),
  'logs.bytes': of(450, 'bytes of a line', 'functions.log of npm start: 230 to 610'),

  'block.5m-share': of(0.35, '5m bytes for a raw byte', YEAR),
  'block.1h-share': of(0.035, '1h bytes for a raw byte', YEAR),
  'block.merged-share': of(0.98, 'bytes written for a byte read', COMPACT),
  'block.delete-delay': of(2, 'days that a merged block waits for its deletion', '--delete-delay'),
  'block.keys': of(4, 'keys of a block: meta.json, index, chunks, lookup', 'docs/architecture.md'),

  'agent.fresh-puts': of(1.1, 'PUT for a fresh pack: each, and one of ten', HOUR),
  'agent.gets': of(0.23, 'GET a minute', HOUR),
  'agent.lists': of(0.35, 'LIST a minute', HOUR),
  'agent.packs': of(
    46,
    'packs of an agent that are there at one time',
    'agent/fresh/pack-upkeep.ts',
  ),
  'agent.pack-sample-bytes': of(4.5, 'bytes of a pack for a sample', RULES),
  'agent.block-puts': of(4, 'PUT for a block, besides one for each 16 MB', HOUR),

  'instance.hours': of(
    2,
    'hours that Lambda keeps an instance of plan or rule',
    'a guess: AWS does not say',
  ),
  'instance.puts': of(4, 'PUT of a new instance of plan or rule', 'lib/aws/conditional-writes.ts'),
  'plan.gets': of(3, 'GET of a run by the clock', IDLE),
  'plan.puts': of(0.33, 'PUT of a run by the clock: the backlog, each third', IDLE),
  'plan.ms': of(100, 'ms of a run by the clock', IDLE),
  'plan.block-gets': of(6, 'GET of a run for a block that came', HOUR),
  'plan.block-puts': of(2, 'PUT of a run for a block that came', HOUR),
  'plan.block-ms': of(240, 'ms of a run for a block that came', HOUR),
  'plan.mb': of(1024, 'MB', 'cdk.json'),

  'compact.downsamplings': of(
    0.6,
    'blocks of 5m and 1h in a day for each agent',
    'test/cost/compaction.test.ts',
  ),
  'compact.gets': of(11, 'GET of a job, besides one for each 2 MB', HOUR),
  'compact.lists': of(1.5, 'LIST of a job', HOUR),
  'compact.puts': of(8.3, 'PUT of a job, besides one for each 16 MB', HOUR),
  'compact.ms': of(480, 'ms of a job, besides reading', HOUR),
  'compact.mb-per-second': of(40, 'MB read in a second', 'lib/compact/plan/estimate.ts'),
  'compact.mb': of(1769, 'MB', 'cdk.json'),

  'rule.idle-gets': of(1, 'GET of a tick without rules', IDLE),
  'rule.idle-lists': of(0.2, 'LIST of a tick without rules: each fifth', IDLE),
  'rule.idle-ms': of(30, 'ms of a tick without rules', IDLE),
  'rule.gets': of(3.5, 'GET of a tick, besides new packs of agents', RULES),
  'rule.gets-per-pack': of(1.1, 'GET for a pack, and one of ten', RULES),
  'rule.pages': of(1.8, 'GET for a large pack, times the root of the number of rules', RULES),
  'rule.lists': of(1.2, 'LIST of a tick with rules', TICK),
  'rule.puts': of(4.1, 'PUT of a tick with rules', TICK),
  'rule.ms': of(60, 'ms of a tick', RULES),
  'rule.ms-per-rule': of(3, 'ms for a rule', RULES),
  'rule.ms-per-pack-read': of(6, 'ms for each GET of a new pack', RULES),
  'rule.ms-per-wait': of(
    7,
    'ms that it is waited for; packs of other agents are read at the same time',
    RULES,
  ),
  'rule.mb': of(1769, 'MB', 'cdk.json'),

  'query.gets': of(5, 'GET of a new query, besides those of its slices', HOUR),
  'query.lists': of(0.8, 'LIST of a new query', HOUR),
  'query.puts': of(1.45, 'PUT of a new query at most', SLICES),
  'query.puts-share': of(0.22, 'of what a new query costs, spent on PUT of its answer', HOUR),
  'query.ms': of(160, 'ms of a new query, besides waiting for its slices', HOUR),
  'query.mb': of(1769, 'MB', 'cdk.json'),
  'query.answer-kb': of(
    8,
    'KB of an answer, compressed',
    'npm start: 2 to 15 for 240 steps of 1 to 32 series',
  ),
  'slice.mb': of(8, 'MB that a slice should read', 'THAW_SLICE_BYTES'),
  'slice.gets': of(5.3, 'GET for a slice', SLICES),
  'slice.gets-per-mb': of(0.4, 'GET for each MB of it', SLICES),
  'slice.puts': of(0.1, 'PUT for a slice', HOUR),
  'slice.ms': of(30, 'ms for a slice', SLICES),
  'slice.ms-per-mb': of(40, 'ms for each MB of it', SLICES),
  'refresh.gets': of(7, 'GET of a refreshed panel', HOUR),
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
