/** One size of the cost bench: the programs, a while to warm up, and what they took in the minutes after it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { openBucket } from '#lib/aws/open-bucket.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { FRESH_PREFIX } from '#lib/fresh/fresh-key.ts'
import { usdOf } from '#lib/cost/prices.ts'
import { type Minio, startMinio } from '#test/peer/minio.ts'
import { startPrometheus } from '#test/peer/prometheus.ts'
import { createBucket } from '#test/peer/s3-server.ts'
import { answers, freePort, startServer } from '#test/peer/server.ts'
import { startOutageProxy } from './outage-proxy.ts'
import { startWriteSink } from './write-sink.ts'
import { type ProcessUsage, usageOf } from './usage.ts'
import { objstoreYaml } from './world.ts'

export interface CostOptions {
  readonly dir: string
  readonly minio: Minio
  readonly series: number
  readonly prometheus: string
  readonly agent: string | undefined
  readonly nodeFlags: readonly string[]
  readonly interval: string
  readonly scrape: string
  readonly warmUpMs: number
  readonly runMs: number
  readonly peer: boolean
  readonly signal: AbortSignal
}

export interface ProcessCost {
  readonly cpuSecondsPerMinute: number
  /** Mean of what was resident each second. */
  readonly steadyBytes: number
  /** Since it began. */
  readonly peakBytes: number
}

export interface CostRow {
  readonly series: number
  readonly samplesPerMinute: number
  readonly agent: ProcessCost
  readonly prometheus: ProcessCost
  /** On the wire, with headers. */
  readonly bytesPerMinute: number
  readonly bytesPerSample: number
  readonly operationsPerMinute: Readonly<Record<string, number>>
  /** Of requests; bytes into S3 cost nothing. */
  readonly usdPerMonth: number
  readonly freshObjects: number
  readonly freshBytes: number
  readonly peer: (ProcessCost & PeerTraffic) | undefined
}

interface PeerTraffic {
  readonly bytesPerMinute: number
  readonly requestsPerMinute: number
}

const PER_TARGET = 10_000
const MINUTES_PER_MONTH = 30 * 24 * 60

export async function measureCost(options: CostOptions): Promise<CostRow> {
  const { dir, series, signal } = options
  const ends: (() => Promise<unknown> | void)[] = []
  try {
    const targets = await startLoad(series)
    ends.push(targets.stop)
    const minio = await startMinio(options.minio)
    ends.push(minio.stop)
    const s3 = await createBucket(minio, 'cost')
    const proxy = await startOutageProxy(minio.endpoint)
    ends.push(proxy.close)
    const config = prometheusConfig(options, targets.port, targets.count)
    const prometheus = await startPrometheus({
      binary: options.prometheus,
      dataDir: join(dir, 'prometheus'),
      config,
      flags: ['--storage.tsdb.min-block-duration=2h', '--storage.tsdb.max-block-duration=2h'],
    })
    ends.push(prometheus.stop)
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const main = options.agent ?? fileURLToPath(new URL('../../agent/main.ts', import.meta.url))
    const agent = await startServer({
      file: process.execPath,
      args: [
        ...options.nodeFlags,
        main,
        `--prometheus.url=${prometheus.url}`,
        `--tsdb.path=${join(dir, 'prometheus')}`,
        `--objstore.config=${objstoreYaml({ ...s3, endpoint: proxy.endpoint })}`,
        `--fresh.interval=${options.interval}`,
        `--http-address=127.0.0.1:${port}`,
        '--grpc-address=127.0.0.1:0',
      ],
      ready: () => answers(`${url}/-/healthy`),
    })
    ends.push(agent.stop)
    const sink = options.peer ? await startWriteSink() : undefined
    const peer = sink && (await startPeer(options, config, sink.url))
    if (sink && peer) ends.push(peer.stop, sink.close)

    await pause(options.warmUpMs, signal)
    const read = async () => ({
      operations: await operationsOf(url),
      samples: await counterOf(prometheus.url, 'prometheus_tsdb_head_samples_appended_total'),
      bytes: proxy.bytesUp,
      sink: { bytes: sink?.bytes ?? 0, requests: sink?.requests ?? 0 },
      atMs: performance.now(),
    })
    const before = await read()
    const watched = [agent.pid, prometheus.pid, ...(peer ? [peer.pid] : [])]
    const costs = await watch(watched, options.runMs, signal)
    const after = await read()
    const minutes = (after.atMs - before.atMs) / 60_000
    const samples = after.samples - before.samples
    const bytes = after.bytes - before.bytes
    const operationsPerMinute = Object.fromEntries(
      Object.entries(after.operations).map(([name, count]) => [
        name,
        (count - (before.operations[name] ?? 0)) / minutes,
      ]),
    )
    const bucket = await openBucket({ type: 'S3', s3, prefix: '', ignored: [] })
    return {
      series,
      samplesPerMinute: samples / minutes,
      agent: costs[0]!,
      prometheus: costs[1]!,
      bytesPerMinute: bytes / minutes,
      bytesPerSample: bytes / samples,
      operationsPerMinute,
      usdPerMonth: MINUTES_PER_MONTH * usdOfOperations(operationsPerMinute),
      ...(await freshOf(bucket)),
      peer: peer && {
        ...costs[2]!,
        bytesPerMinute: (after.sink.bytes - before.sink.bytes) / minutes,
        requestsPerMinute: (after.sink.requests - before.sink.requests) / minutes,
      },
    }
  } finally {
    for (const end of ends.toReversed()) await end()
  }
}

export async function startLoad(series: number) {
  const file = fileURLToPath(new URL('load-target.ts', import.meta.url))
  const args = [file, String(series), String(Math.min(series, PER_TARGET))]
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  for await (const line of createInterface(child.stdout)) {
    const [port = 0, count = 0] = line.split(' ').map(Number)
    const stop = (): Promise<unknown> => {
      child.stdin.end()
      return exited
    }
    return { port, count, stop }
  }
  throw new Error('the load ended before it listened')
}

function prometheusConfig({ scrape }: CostOptions, port: number, count: number): string {
  const jobs = Array.from(
    { length: count },
    (_, i) => `  - job_name: load-${i}
    metrics_path: /metrics/${i}
    static_configs: [{targets: ['127.0.0.1:${port}']}]
`,
  )
  return `global:
  scrape_interval: ${scrape}
  external_labels: {cluster: cost, replica: a}
scrape_configs:
${jobs.join('')}`
}

/** Prometheus in its agent mode, scraping the same. */
async function startPeer({ prometheus, dir }: CostOptions, config: string, sinkUrl: string) {
  const dataDir = join(dir, 'peer')
  const remote = `remote_write:\n  - url: ${sinkUrl}\n`
  return startPrometheus({
    binary: prometheus,
    dataDir,
    config: config + remote,
    agentMode: true,
  })
}

/** What each process takes from now on, for so long. */
async function watch(
  pids: readonly number[],
  runMs: number,
  signal: AbortSignal,
): Promise<ProcessCost[]> {
  const all = () => Promise.all(pids.map((pid) => usageOf(pid)))
  const begun = performance.now()
  const first = await all()
  const resident = pids.map(() => ({ sum: 0, count: 0 }))
  let last: readonly (ProcessUsage | undefined)[] = first
  while (performance.now() - begun < runMs) {
    await pause(1000, signal)
    last = await all()
    last.forEach((usage, i) => {
      if (usage === undefined) throw new Error(`process ${pids[i]} ended`)
      resident[i]!.sum += usage.residentKb * 1024
      resident[i]!.count++
    })
  }
  const minutes = (performance.now() - begun) / 60_000
  return pids.map((_, i) => ({
    cpuSecondsPerMinute: (last[i]!.cpuMs - first[i]!.cpuMs) / 1000 / minutes,
    steadyBytes: resident[i]!.sum / resident[i]!.count,
    peakBytes: last[i]!.peakKb * 1024,
  }))
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal })
}

/** Of the agent, by their names in Thanos's metric. */
async function operationsOf(url: string): Promise<Record<string, number>> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const lines = text.matchAll(
    /^thanos_objstore_bucket_operations_total\{.*operation="(\w+)".*\} (\S+)/gm,
  )
  return Object.fromEntries([...lines].map(([, name, value]) => [name, Number(value)]))
}

async function counterOf(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const values = text.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, 'gm'))
  return [...values].reduce((sum, [, value]) => sum + Number(value), 0)
}

function usdOfOperations(operations: Readonly<Record<string, number>>): number {
  const of = (...names: readonly string[]): number =>
    names.reduce((sum, name) => sum + (operations[name] ?? 0), 0)
  return usdOf({
    gets: of('get', 'get_range', 'attributes'),
    lists: of('iter'),
    puts: of('upload'),
    functions: 0,
    functionGbSeconds: 0,
  })
}

async function freshOf(bucket: Bucket): Promise<{ freshObjects: number; freshBytes: number }> {
  let freshObjects = 0
  let freshBytes = 0
  for await (const { objects } of bucket.list(FRESH_PREFIX)) {
    freshObjects += objects.length
    for (const { size } of objects) freshBytes += size
  }
  return { freshObjects, freshBytes }
}
