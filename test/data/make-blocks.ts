/** Makes the golden blocks and logs: feeds made-up series to a real Prometheus and keeps its block and its answers, or its write-ahead log. */
import { spawn, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  END_MS,
  floatSeries,
  histogramSeries,
  type MadeSeries,
  openMetrics,
  otlpRequest,
  startedSeries,
} from './made-series.ts'
import { firstRemoteWriteRequest, remoteWriteRequest } from './remote-write-request.ts'

const USAGE = `node test/data/make-blocks.ts promtool <promtool> <folder>
node test/data/make-blocks.ts prometheus <prometheus> <folder> [features]
node test/data/make-blocks.ts wal <prometheus> <folder> <features> [flags]`

/** The long float series are compared with what went in; their answers would only be long. */
const ANSWERED = '{__name__=~".+",__name__!~"constant|counter_total|gauge|uneven"}[3h]'

const [how, program, folder, features = '', ...more] = process.argv.slice(2)
if (!how || !program || !folder) {
  console.error(USAGE)
  process.exit(2)
}
const work = mkdtempSync(join(tmpdir(), 'thaw-golden-'))
if (how === 'promtool') fromPromtool(program, folder)
else await fromPrometheus(program, folder, features, how === 'wal')
rmSync(work, { recursive: true })

function fromPromtool(promtool: string, into: string): void {
  const input = join(work, 'input.om')
  writeFileSync(input, openMetrics(floatSeries()))
  const made = spawnSync(promtool, ['tsdb', 'create-blocks-from', 'openmetrics', input, join(work, 'db')])
  if (made.status !== 0) throw new Error(`${made.stderr}`)
  keep(join(work, 'db'), into)
}

/** Blocks of a snapshot, in their places, and an empty folder before. */
function keep(from: string, into: string): void {
  rmSync(into, { recursive: true, force: true })
  mkdirSync(into, { recursive: true })
  for (const name of readdirSync(from)) {
    if (/^[0-9A-Z]{26}$/.test(name)) cpSync(join(from, name), join(into, name), { recursive: true })
  }
}

async function fromPrometheus(prometheus: string, into: string, enable: string, wal: boolean): Promise<void> {
  const config = join(work, 'prometheus.yml')
  const xor2 = enable.includes('xor2')
  writeFileSync(config, xor2 ? 'storage: {tsdb: {chunk_encoding: {floats: xor2}}}\n' : '{}\n')
  const port = 20_000 + (process.pid % 20_000)
  const flags = [
    `--config.file=${config}`,
    `--storage.tsdb.path=${join(work, 'db')}`,
    '--storage.tsdb.retention.time=100y',
    `--web.listen-address=127.0.0.1:${port}`,
    '--web.enable-admin-api',
    '--web.enable-remote-write-receiver',
    '--log.level=warn',
    ...(enable.includes('st-storage') ? ['--web.enable-otlp-receiver'] : []),
    ...(enable ? [`--enable-feature=${enable}`] : []),
    ...more,
  ]
  const server = spawn(prometheus, flags, { stdio: ['ignore', 'inherit', 'inherit'] })
  const url = `http://127.0.0.1:${port}`
  try {
    await ready(`${url}/-/ready`)
    // Prometheus 2 must be told to take native histograms, and has no custom buckets.
    const old = wal && enable.includes('native-histograms')
    const histograms = histogramSeries().filter(({ labels }) => !old || labels[0]![1] !== 'custom_buckets')
    const series: MadeSeries[] = [...floatSeries(), ...histograms]
    await write(url, series, enable.includes('st-storage'), old)
    if (wal) return
    const query = `query=${encodeURIComponent(ANSWERED)}&time=${END_MS / 1000}`
    const answer = await fetch(`${url}/api/v1/query?${query}`)
    if (!answer.ok) throw new Error(await answer.text())
    const body = await answer.text()
    const snapshot = await fetch(`${url}/api/v1/admin/tsdb/snapshot`, { method: 'POST' })
    const { data } = (await snapshot.json()) as { data: { name: string } }
    keep(join(work, 'db/snapshots', data.name), into)
    writeFileSync(join(into, 'answer.json'), `${body}\n`)
  } finally {
    server.kill('SIGTERM')
    await new Promise((resolve) => server.once('exit', resolve))
    if (wal) {
      rmSync(into, { recursive: true, force: true })
      cpSync(join(work, 'db/wal'), into, { recursive: true })
    }
  }
}

async function ready(url: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const answer = await fetch(url).catch(() => undefined)
    if (answer?.ok) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`${url} does not become ready`)
}

/** In order of time, a request per step and protocol, as senders would. */
async function write(url: string, series: readonly MadeSeries[], started: boolean, old: boolean): Promise<void> {
  const times = new Set(series.flatMap(({ samples }) => samples.map(({ t }) => t)))
  const startedTimes = new Set([...startedSeries().values()].flatMap((all) => all.map(({ t }) => t)))
  for (const time of [...times.union(startedTimes)].sort((a, b) => a - b)) {
    const now = series
      .map((one) => ({ ...one, samples: one.samples.filter(({ t }) => t === time) }))
      .filter(({ samples }) => samples.length > 0)
    if (now.length > 0 && old) {
      await post(`${url}/api/v1/write`, firstRemoteWriteRequest(now), {
        'Content-Type': 'application/x-protobuf',
        'Content-Encoding': 'snappy',
        'X-Prometheus-Remote-Write-Version': '0.1.0',
      })
    } else if (now.length > 0) {
      await post(`${url}/api/v1/write`, remoteWriteRequest(now), {
        'Content-Type': 'application/x-protobuf;proto=io.prometheus.write.v2.Request',
        'Content-Encoding': 'snappy',
        'X-Prometheus-Remote-Write-Version': '2.0.0',
      })
    }
    if (started && startedTimes.has(time)) {
      await post(`${url}/api/v1/otlp/v1/metrics`, JSON.stringify(otlpRequest(time)), {
        'Content-Type': 'application/json',
      })
    }
  }
}

async function post(
  url: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string>,
): Promise<void> {
  const answer = await fetch(url, { method: 'POST', headers, body })
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`)
}
