/**
 * What does the ruler cost? A hundred rules in five groups over what three agents put into a bucket (MinIO): packs each 30 s, a block of two hours behind them.
 * An instance that lives runs a tick each simulated minute; others have just begun. Requests, bytes, milliseconds, memory, dollars a month; and, in
 * the same run, the processor time that a real Prometheus takes to evaluate the same rules over the same series. Options, with their defaults:
 *   --series=10000            of each agent
 *   --ticks=20 --warm-up=15   of the instance that lives
 *   --cold=3                  instances that have just begun
 *   --memory=1769             of the function, in MB, as dollars are counted
 *   --node=<flags>            of Node, for the instances
 *   --prometheus=<binary>     that knows rule_query_offset (2.53 or later); without it there is no comparison
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { RUNTIME_ENVIRONMENT } from '#infra/runtime-environment.ts'
import { openBucket } from '#lib/aws/open-bucket.ts'
import { PRICES, usdOf } from '#lib/cost/prices.ts'
import { putRuleFile } from '#lib/rules/file/rule-files.ts'
import { isMissing } from '#test/peer/cache.ts'
import { findMinio, startMinio } from '#test/peer/minio.ts'
import { createBucket } from '#test/peer/s3-server.ts'
import type { TickDone } from './instance.ts'
import { HOUR, MadeAgents, MINUTE } from './made-bucket.ts'
import { madeRules } from './made-rules.ts'
import { prometheusRules } from './prometheus-rules.ts'

const { values: options } = parseArgs({
  options: {
    series: { type: 'string', default: '10000' },
    ticks: { type: 'string', default: '20' },
    'warm-up': { type: 'string', default: '15' },
    cold: { type: 'string', default: '3' },
    memory: { type: 'string', default: '1769' },
    node: { type: 'string', default: '' },
    prometheus: { type: 'string' },
  },
})
const [series, ticks, warmUp, cold, memory] = [
  options.series,
  options.ticks,
  options['warm-up'],
  options.cold,
  options.memory,
].map(Number) as [number, number, number, number, number]
/** Between a function and S3, for each request that waits for another one. What MinIO takes on the same processors does not count. */
const ROUND_TRIP_MS = 20
const TICKS_A_MONTH = (365.25 / 12) * 24 * 60

const minio = await findMinio()
if (isMissing(minio)) throw new Error(`no MinIO: ${minio.missing}`)
const server = await startMinio(minio)
const directory = await mkdtemp(join(tmpdir(), 'thaw-bench-rule-'))
try {
  await measure()
} finally {
  await server.stop()
  await rm(directory, { recursive: true, force: true })
}

async function measure(): Promise<void> {
  const s3 = await createBucket(server, 'bench')
  const bucket = await openBucket({ type: 'S3', prefix: '', ignored: [], s3 })
  // Objects have the time of the day, so the simulated time ends about now.
  const endMs = Math.floor(Date.now() / MINUTE) * MINUTE
  let nowMs = endMs - (warmUp + ticks + cold) * MINUTE
  const beganMs = Math.floor(nowMs / (10 * MINUTE)) * 10 * MINUTE - 90 * MINUTE
  const agents = new MadeAgents(bucket, series)
  await agents.putBlocks(beganMs - 2 * HOUR, beganMs)
  await agents.putHistory(beganMs, nowMs)
  await putRuleFile(bucket, 'made.yaml', madeRules())

  async function tick(instance: Instance): Promise<TickDone> {
    await agents.putPacks(nowMs, nowMs + MINUTE)
    nowMs += MINUTE
    const done = await instance.tick(nowMs)
    const { outcome, failedRules, left, problems } = done.report
    if (outcome !== 'done' || failedRules > 0 || left > 0) {
      throw new Error(`${outcome}, ${failedRules} failed, ${left} left: ${problems.join(', ')}`)
    }
    return done
  }

  const living = await startInstance(s3)
  const first = await tick(living)
  for (let i = 1; i < warmUp; i++) await tick(living)
  const warm: TickDone[] = []
  for (let i = 0; i < ticks; i++) warm.push(await tick(living))
  living.end()
  const begun: TickDone[] = []
  for (let i = 0; i < cold; i++) {
    const instance = await startInstance(s3)
    begun.push(await tick(instance))
    instance.end()
  }

  console.log(
    `${agents.seriesCount} series of three agents, 100 rules in 5 groups, ${warm.at(-1)!.report.samples} samples a tick; node ${process.version}`,
  )
  const heads = [
    'GET',
    'LIST',
    'PUT',
    'DEL',
    'trips',
    'MB in',
    'MB out',
    'cpu ms',
    'ms',
    'RSS MB',
    '$/month',
  ]
  console.log(''.padEnd(26), ...heads.map((head) => head.padStart(8)))
  show('the very first', [first])
  show('of one that lives', warm)
  show('of one that has begun', begun)
  console.log(
    `ms: processor time, and ${ROUND_TRIP_MS} ms for each of the trips; $: at ${memory} MB, arm64, if all ticks were so, $${PRICES.s3PutOrList * 1e6} a million PUTs`,
  )

  if (options.prometheus === undefined) return
  const peer = await prometheusRules(options.prometheus, directory, series)
  const ours = mean(warm, ({ cpuMs }) => cpuMs)
  console.log(
    `prometheus: ${peer.cpuMs.toFixed(0)} cpu ms for an evaluation of all rules (${peer.iterations} of them), ${peer.peakMB.toFixed(0)} MB; a tick of thaw takes ${(ours / peer.cpuMs).toFixed(2)} times that`,
  )
}

function show(name: string, all: readonly TickDone[]): void {
  const ms = mean(all, ({ cpuMs, counts }) => cpuMs + counts.roundTrips * ROUND_TRIP_MS)
  const of = (count: (one: TickDone['counts']) => number): number =>
    mean(all, ({ counts }) => count(counts))
  const [gets, lists, puts] = [
    of((one) => one.gets + one.heads),
    of((one) => one.lists),
    of((one) => one.puts),
  ]
  const functionGbSeconds = (memory / 1024) * (ms / 1000)
  const usd = usdOf({ gets, lists, puts, functions: 1, functionGbSeconds })
  const cells = [
    gets.toFixed(1),
    lists.toFixed(1),
    puts.toFixed(1),
    of((one) => one.deletes).toFixed(1),
    of((one) => one.roundTrips).toFixed(1),
    (of((one) => one.bytesRead) / 1e6).toFixed(2),
    (of((one) => one.bytesWritten) / 1e6).toFixed(2),
    mean(all, ({ cpuMs }) => cpuMs).toFixed(0),
    ms.toFixed(0),
    mean(all, ({ residentMB }) => residentMB).toFixed(0),
    (usd * TICKS_A_MONTH).toFixed(2),
  ]
  console.log(name.padEnd(26), ...cells.map((cell) => cell.padStart(8)))
}

function mean(all: readonly TickDone[], of: (one: TickDone) => number): number {
  return all.reduce((sum, one) => sum + of(one), 0) / all.length
}

interface Instance {
  tick(nowMs: number): Promise<TickDone>
  end(): void
}

async function startInstance(s3: unknown): Promise<Instance> {
  const file = fileURLToPath(new URL('instance.ts', import.meta.url))
  const env = { ...process.env, ...RUNTIME_ENVIRONMENT, BENCH_S3: JSON.stringify(s3) }
  const execArgv = options.node.split(' ').filter((flag) => flag !== '')
  const child: ChildProcess = fork(file, { env, execArgv })
  const ended = once(child, 'exit').then(() => {
    throw new Error('the instance ended')
  })
  // Nobody may wait for it when it is to end.
  ended.catch(() => undefined)
  const answer = async (): Promise<unknown> => {
    const [message] = (await Promise.race([once(child, 'message'), ended])) as [unknown]
    return message
  }
  await answer()
  return {
    async tick(nowMs) {
      child.send({ nowMs })
      return (await answer()) as TickDone
    },
    end: () => child.disconnect(),
  }
}
