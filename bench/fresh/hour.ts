/**
 * How soon, and how surely, are samples in thaw's answers that a real Prometheus scrapes, while the agent is killed, Prometheus
 * restarts and the bucket is away? `bench/README.md` says what is measured. Options, with their defaults:
 *   --minutes=60 --interval=30s --scrape=5s --block=5m    how long, --fresh.interval, and Prometheus's block duration
 *   --kills=30 --restarts=5 --outage=10m --seed=1         what goes wrong, at times drawn from the seed
 *   --disk-full=0s --data=<directory>                     Prometheus's data, on a small file system of its own if it is to be full
 *   --prometheus=<binary>                                 a 3.x; default: `prometheus` of the PATH, any version
 *   --fillers=200 --churning=20 --queries=300             series of the target, and random queries at the end
 *   --agent-flags=<flags>                                 more flags of the agent
 *   --out=<directory>                                     logs, result.json, summary.txt, delay.svg; default: .cache/hour
 */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { durationMs } from '#agent/duration.ts'
import { isMissing } from '#test/peer/cache.ts'
import { findMinio } from '#test/peer/minio.ts'
import { findPrometheus } from '#test/peer/prometheus.ts'
import { delayChart } from './chart.ts'
import { runHour } from './hour-run.ts'
import { summarise, textOf } from './report.ts'

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    interval: { type: 'string', default: '30s' },
    scrape: { type: 'string', default: '5s' },
    block: { type: 'string', default: '5m' },
    kills: { type: 'string', default: '30' },
    restarts: { type: 'string', default: '5' },
    outage: { type: 'string', default: '10m' },
    seed: { type: 'string', default: '1' },
    'disk-full': { type: 'string', default: '0s' },
    data: { type: 'string' },
    prometheus: { type: 'string' },
    fillers: { type: 'string', default: '200' },
    churning: { type: 'string', default: '20' },
    queries: { type: 'string', default: '300' },
    'agent-flags': { type: 'string', default: '--shipper.interval=10s' },
    out: { type: 'string', default: '.cache/hour' },
  },
})

const minio = await findMinio()
const prometheus = await findPrometheus()
if (isMissing(minio)) throw new Error(`no MinIO: ${minio.missing}`)
if (isMissing(prometheus)) throw new Error(`no Prometheus: ${prometheus.missing}`)

const dir = resolve(options.out)
await rm(dir, { recursive: true, force: true })
await mkdir(dir, { recursive: true })
const stop = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort())
const result = await runHour({
  dir,
  dataDir: resolve(options.data ?? join(dir, 'prometheus')),
  minio,
  prometheus: options.prometheus ?? prometheus.binary,
  isPrometheus2: options.prometheus === undefined && prometheus.version.startsWith('2.'),
  nodeExporter: prometheus.nodeExporter,
  scrapeMs: ms(options.scrape),
  blockMs: ms(options.block),
  intervalMs: ms(options.interval),
  agentFlags: [
    `--fresh.interval=${options.interval}`,
    ...options['agent-flags'].split(' ').filter(Boolean),
  ],
  fillers: Number(options.fillers),
  churning: Number(options.churning),
  queries: Number(options.queries),
  seed: options.seed,
  runMs: Number(options.minutes) * 60_000,
  kills: Number(options.kills),
  restarts: Number(options.restarts),
  outageMs: ms(options.outage),
  diskFullMs: ms(options['disk-full']),
  now: Date.now,
  say: (text) => void process.stdout.write(text),
  signal: stop.signal,
})
const summary = summarise(result)
const { disturbed, usage, due, past, seams } = result
const details = { summary, disturbed, usage, due: due.first, past, seams: seams.checks }
await writeFile(join(dir, 'result.json'), `${JSON.stringify(details, null, 1)}\n`)
await writeFile(join(dir, 'delay.svg'), delayChart(result))
await writeFile(join(dir, 'summary.txt'), textOf(summary))
process.stdout.write(textOf(summary))
process.exitCode = summary.clean ? 0 : 1

function ms(text: string): number {
  const value = durationMs(text)
  if (value === undefined) throw new Error(`${text} is no duration`)
  return value
}
