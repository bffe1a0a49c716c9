/**
 * What does a dashboard cost that is open for an hour? Twenty panels, refreshed every minute of simulated time, with the results cache and
 * without it: over one process, over a few functions that share the work, and over functions that have just started. In the hour a block arrives. The
 * answers of both must be the same. Function time is processor time, with a bucket that answers at once. Options: --minutes=<n>, --functions=one,few,new.
 */
import { parseArgs } from 'node:util'
import { BucketIndexReader, updateBucketIndex } from '#lib/blocks/bucket-index.ts'
import { type Bucket, OBJECT_STORE_READ_GAP } from '#lib/bucket/bucket.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import type { QueryAnswer, QueryBackend, QueryCost, QueryRequest } from '#lib/promql/backend.ts'
import { DEFAULT_ENGINE_OPTIONS } from '#lib/promql/options.ts'
import { queryFrontend } from '#lib/query/query-frontend.ts'
import { ResultsCache } from '#lib/query/results-cache.ts'
import { StoreCache } from '#lib/store/store-cache.ts'
import { benchBlocks, DAY } from '../promql/make-blocks.ts'

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    functions: { type: 'string', default: 'one,few,new' },
  },
})
const MINUTES = Number(options.minutes)
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const MEGABYTES = 1769
/** When the newest block comes. */
const ARRIVAL = 20
const FEW = 8

interface Panel {
  readonly expr: string
  readonly hours: number
  readonly stepMs: number
}

const traffic = [
  'sum by (cluster) (rate(http_requests_total[5m]))',
  'sum by (namespace) (rate(http_requests_total{code="500"}[5m]))',
  'sum by (code) (rate(http_requests_total{cluster="eu-west-1"}[5m]))',
  'sum(rate(http_requests_total{code=~"5.."}[5m])) / sum(rate(http_requests_total[5m]))',
  'rate(http_requests_total{cluster="eu-west-2",code="404"}[5m])',
  'topk(5, sum by (pod) (rate(http_requests_total[5m])))',
]
const memory = [
  'memory_bytes{cluster="eu-west-3"}',
  'sum by (namespace) (memory_bytes)',
  'quantile by (cluster) (0.9, memory_bytes)',
  'max by (cluster) (max_over_time(memory_bytes[10m]))',
  'count by (cluster) (memory_bytes > 1e8)',
]
const latency = [
  'histogram_quantile(0.99, sum by (le, cluster) (rate(latency_seconds_bucket[5m])))',
  'histogram_quantile(0.5, sum by (le) (rate(latency_seconds_bucket[5m])))',
  'histogram_quantile(0.9, sum by (cluster) (rate(rpc_seconds[5m])))',
]
const shown = (hours: number, stepMs: number) => (expr: string) => ({ expr, hours, stepMs })
const PANELS: readonly Panel[] = [
  ...[...traffic, ...memory, ...latency].map(shown(6, 15_000)),
  ...['sum(rate(http_requests_total[5m]))', 'sum by (cluster) (memory_bytes)', latency[1]!].map(
    shown(24, MINUTE),
  ),
  // Single numbers: instant queries, which nobody keeps.
  ...['sum(rate(http_requests_total[5m]))', 'count(memory_bytes)', 'sum(memory_bytes)'].map(
    shown(0, 0),
  ),
]

function requestOf({ expr, hours, stepMs }: Panel, nowMs: number): QueryRequest {
  const scope = {
    dedup: true,
    replicaLabels: [],
    deduplication: 'nearest',
    partialResponse: true,
    maxSourceResolutionMs: 0,
  } as const
  const rest = { text: expr, scope, options: DEFAULT_ENGINE_OPTIONS }
  if (stepMs === 0) return { ...rest, grid: { startMs: nowMs, stepMs: 0, stepCount: 1 } }
  // As Grafana asks: both ends on multiples of the step.
  const startMs = Math.floor((nowMs - hours * HOUR) / stepMs) * stepMs
  const endMs = Math.floor(nowMs / stepMs) * stepMs
  return { ...rest, grid: { startMs, stepMs, stepCount: (endMs - startMs) / stepMs + 1 } }
}

/** Of this process: the time of a function whose bucket answers at once, whatever else the machine does. */
function processorMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** The day of the query bench, in memory; its last two hours are not there yet. */
async function dayWithout(last: Bucket): Promise<Bucket> {
  const files = fileBucket(await benchBlocks())
  const index = new BucketIndexReader(files, { now: Date.now, maxAgeMs: 0 })
  const blocks = await index.blocks(DAY.startMs, DAY.endMs)
  const bucket = memoryBucket({ readGap: OBJECT_STORE_READ_GAP })
  for (const { id, maxTimeMs } of blocks) {
    const to = maxTimeMs > DAY.endMs - HOUR ? last : bucket
    for await (const { objects } of files.list(`${id}/`)) {
      for (const { key } of objects) await to.put(key, (await files.get(key)).body)
    }
  }
  return bucket
}

async function copy(from: Bucket, to: Bucket): Promise<void> {
  for await (const { objects } of from.list('')) {
    for (const { key } of objects) await to.put(key, (await from.get(key)).body)
  }
}

const totals = {
  gets: 0,
  lists: 0,
  puts: 0,
  bytes: 0,
  functionMs: 0,
  usd: 0,
  steps: 0,
  cachedSteps: 0,
}
type Totals = Record<keyof typeof totals, number>

/** Which instance of the function answers a panel in a minute. */
const FUNCTIONS: Readonly<Record<string, (minute: number, panel: number) => number>> = {
  one: () => 0,
  few: (minute, panel) => ((minute * 7919 + panel * 104_729) >>> 3) % FEW,
  new: (minute, panel) => minute * PANELS.length + panel,
}

interface Run {
  readonly totals: Totals
  /** Of each answer. */
  readonly sums: readonly number[]
}

async function anHour(functions: string, cached: boolean): Promise<Run> {
  const late = memoryBucket()
  const bucket = await dayWithout(late)
  let simulatedMs = DAY.endMs
  const now = (): number => simulatedMs + processorMs()
  await updateBucketIndex(bucket, { now })
  const instances = new Map<number, QueryBackend>()
  const instance = (number: number): QueryBackend => {
    const found = instances.get(number)
    if (found) return found
    if (functions === 'new') instances.clear()
    const backend = queryFrontend({
      bucket,
      cache: new StoreCache(64 * 1024 * 1024),
      index: new BucketIndexReader(bucket, { now: () => simulatedMs, maxAgeMs: 5000 }),
      now,
      cut: { sliceBytes: Infinity, maxSlices: 1 },
      concurrency: 1,
      megabytes: MEGABYTES,
      results: cached
        ? new ResultsCache({
            maxBytes: 64 * 1024 * 1024,
            maxFreshnessMs: MINUTE,
            inBucket: true,
            random: Math.random,
          })
        : undefined,
    })
    instances.set(number, backend)
    return backend
  }
  const sum = { ...totals }
  const sums: number[] = []
  for (let minute = 0; minute < MINUTES; minute++) {
    simulatedMs = DAY.endMs + minute * MINUTE
    if (minute === ARRIVAL) {
      await copy(late, bucket)
      await updateBucketIndex(bucket, { now })
    }
    for (const [i, panel] of PANELS.entries()) {
      const backend = instance(FUNCTIONS[functions]!(minute, i))
      const answer = await backend.query(requestOf(panel, simulatedMs))
      for (const name of Object.keys(sum) as (keyof Totals & keyof QueryCost)[]) {
        sum[name] += answer.cost[name]
      }
      sums.push(checksum(answer))
    }
  }
  return { totals: sum, sums }
}

function checksum({ value }: QueryAnswer): number {
  if (value.type !== 'vector') return 0
  let sum = value.series.length
  for (const { values, presence } of value.series) {
    for (let i = 0; i < values.length; i++) {
      if (presence[i] === 1) sum = (sum * 31 + values[i]!) % 1e9
    }
  }
  return sum
}

const heads = ['GET', 'PUT', 'MB read', 'function s', 'USD', 'cached steps', 'answers']
console.log(
  `${PANELS.length} panels, ${MINUTES} refreshes; node ${process.version}, ${MEGABYTES} MB\n`,
)
console.log('functions, cache'.padEnd(24), ...heads.map((head) => head.padStart(12)))
for (const functions of options.functions.split(',')) {
  const without = await anHour(functions, false)
  const withCache = await anHour(functions, true)
  const equal = without.sums.every((sum, i) => Object.is(sum, withCache.sums[i]))
  show(`${functions}, without`, without.totals, '')
  show(`${functions}, with`, withCache.totals, equal ? 'equal' : 'DIFFERENT')
}

function show(name: string, sum: Totals, answers: string): void {
  const cells = [
    sum.gets,
    sum.puts,
    (sum.bytes / 1e6).toFixed(0),
    (sum.functionMs / 1000).toFixed(1),
    sum.usd.toFixed(5),
    `${((sum.cachedSteps / sum.steps) * 100).toFixed(1)} %`,
    answers,
  ]
  console.log(name.padEnd(24), ...cells.map((cell) => String(cell).padStart(12)))
}
