/**
 * How long do queries take in thaw, and in a real Prometheus over the very same blocks? Both answer over HTTP on this
 * machine, in turn. Processor time stands beside: on a busy machine it is the number that does not jump. Options: --prometheus=<binary>, --rounds=<n>, --only=<part of a name>, --gzip, --cpu-prof=<directory>.
 */
import { spawn } from 'node:child_process'
import { cp, link, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { Agent, get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { ApiAnswer } from '#test/e2e/support/ask.ts'
import { compareAnswers } from '#test/e2e/support/compare.ts'
import { command } from '#test/peer/cache.ts'
import { startPrometheus } from '#test/peer/prometheus.ts'
import { benchBlocks } from './make-blocks.ts'
import { QUERIES, requestPath, type BenchQuery } from './queries.ts'

const { values: options } = parseArgs({
  options: {
    prometheus: { type: 'string', default: 'prometheus' },
    rounds: { type: 'string', default: '7' },
    only: { type: 'string', default: '' },
    gzip: { type: 'boolean', default: false },
    'cpu-prof': { type: 'string' },
  },
})
const WARM_UP = 3

const directory = await benchBlocks()
const dataDir = await mkdtemp(join(tmpdir(), 'thaw-bench-'))
const agent = new Agent({ keepAlive: true })
const ends: (() => unknown)[] = [
  () => rm(dataDir, { recursive: true, force: true }),
  () => agent.destroy(),
]
try {
  const version = await prometheusVersion()
  const prometheus = await prometheusOver(directory)
  const thaw = await thawOver(directory)
  const queries = QUERIES.filter(({ name }) => name.includes(options.only))
  console.log(`${version}; node ${process.version}; medians of ${options.rounds} rounds, ms`)
  const heads = ['thaw', 'prometheus', 'ratio', 'cpu thaw', 'prometheus', 'ratio']
  console.log('query'.padEnd(36), ...heads.map((head) => head.padStart(10)), ' answers')
  const ratios: number[] = []
  const cpuRatios: number[] = []
  for (const query of queries) {
    const { ours, theirs, agree } = await measure(query, thaw, prometheus)
    ratios.push(ours.wall / theirs.wall)
    cpuRatios.push(ours.cpu / theirs.cpu)
    const columns = [
      ours.wall.toFixed(1),
      theirs.wall.toFixed(1),
      (ours.wall / theirs.wall).toFixed(2),
      ours.cpu.toFixed(1),
      theirs.cpu.toFixed(1),
      (ours.cpu / theirs.cpu).toFixed(2),
    ]
    console.log(query.name.padEnd(36), ...columns.map((column) => column.padStart(10)), '', agree)
  }
  const above = ratios.filter((ratio) => ratio > 1).length
  console.log(
    `geometric mean ${geometricMean(ratios).toFixed(3)}, ${above} of ${ratios.length} above 1.0; ` +
      `of processor time ${geometricMean(cpuRatios).toFixed(3)}`,
  )
  const [ourPeak, theirPeak] = [await peakMegabytes(thaw.pid), await peakMegabytes(prometheus.pid)]
  console.log(`peak memory: thaw ${ourPeak} MB, Prometheus ${theirPeak} MB`)
} finally {
  for (const end of ends.toReversed()) await end()
}

/** What it says itself; a binary built by hand says nothing. */
async function prometheusVersion(): Promise<string> {
  const text = await command(options.prometheus, ['--version'])
  return /version \d\S*/.exec(text)?.[0] ?? options.prometheus
}

interface Served {
  readonly url: string
  readonly pid: number
}

interface Times {
  wall: number
  cpu: number
}

async function measure(
  query: BenchQuery,
  thaw: Served,
  prometheus: Served,
): Promise<{ ours: Times; theirs: Times; agree: string }> {
  const path = `/api/v1/${requestPath(query)}`
  const answer = async ({ url }: Served): Promise<ApiAnswer> => {
    const { status, body } = await ask(url + path, false)
    return { ...(JSON.parse(body.toString()) as ApiAnswer), httpStatus: status }
  }
  const comparison = compareAnswers(await answer(thaw), await answer(prometheus))
  const agree =
    comparison.type === 'different'
      ? `DIFFERENT ${comparison.detail.slice(0, 100)}`
      : comparison.type === 'close'
        ? `within ${comparison.worst.toExponential(0)}`
        : `equal (${comparison.values})`
  const ours: Times[] = []
  const theirs: Times[] = []
  for (let round = -WARM_UP; round < Number(options.rounds); round++) {
    const [a, b] = [await timed(thaw, path), await timed(prometheus, path)]
    if (round < 0) continue
    ours.push(a)
    theirs.push(b)
  }
  return { ours: medians(ours), theirs: medians(theirs), agree }
}

async function timed({ url, pid }: Served, path: string): Promise<Times> {
  const cpu = await processorMs(pid)
  const start = performance.now()
  await ask(url + path, options.gzip)
  const wall = performance.now() - start
  return { wall, cpu: (await processorMs(pid)) - cpu }
}

/** What all threads of the process have used. */
async function processorMs(pid: number): Promise<number> {
  let nanoseconds = 0
  for (const thread of await readdir(`/proc/${pid}/task`)) {
    const text = await readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').catch(() => '0')
    nanoseconds += Number(text.split(' ')[0])
  }
  return nanoseconds / 1e6
}

function ask(url: string, gzip: boolean): Promise<{ status: number; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const headers = { 'accept-encoding': gzip ? 'gzip' : 'identity' }
    get(url, { agent, headers }, (response) => {
      const pieces: Buffer[] = []
      response.on('data', (piece: Buffer) => pieces.push(piece))
      response.on('end', () =>
        resolve({ status: response.statusCode!, body: Buffer.concat(pieces) }),
      )
      response.on('error', reject)
    }).on('error', reject)
  })
}

function medians(times: readonly Times[]): Times {
  const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]!
  return { wall: median(times.map(({ wall }) => wall)), cpu: median(times.map(({ cpu }) => cpu)) }
}

function geometricMean(ratios: readonly number[]): number {
  return Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length)
}

/** Over hard links of the blocks, with no compaction to disturb it. */
async function prometheusOver(blocks: string): Promise<Served> {
  for (const id of await readdir(blocks)) {
    if (!id.startsWith('01BENCH')) continue
    await mkdir(join(dataDir, id, 'chunks'), { recursive: true })
    for (const segment of await readdir(join(blocks, id, 'chunks'))) {
      await link(join(blocks, id, 'chunks', segment), join(dataDir, id, 'chunks', segment)).catch(
        () => cp(join(blocks, id, 'chunks', segment), join(dataDir, id, 'chunks', segment)),
      )
    }
    for (const file of ['index', 'meta.json'])
      await cp(join(blocks, id, file), join(dataDir, id, file))
  }
  const settings = {
    binary: options.prometheus,
    dataDir,
    config: 'scrape_configs: []\n',
    flags: [
      '--storage.tsdb.min-block-duration=2h',
      '--storage.tsdb.max-block-duration=2h',
      '--storage.tsdb.retention.time=10y',
    ],
  }
  // The first start makes the directory a data directory; only the second one answers from it.
  await (await startPrometheus(settings)).stop()
  const server = await startPrometheus(settings)
  ends.push(() => server.stop())
  return {
    url: server.url,
    pid: await processWith(`--web.listen-address=127.0.0.1:${server.port}`),
  }
}

async function thawOver(blocks: string): Promise<Served> {
  const script = fileURLToPath(new URL('thaw-server.ts', import.meta.url))
  const profile = options['cpu-prof']
  const flags = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]
  const child = spawn(process.execPath, [...flags, script, blocks], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const exited = new Promise((resolve) => child.once('exit', resolve))
  ends.push(() => {
    child.stdin.end()
    return exited
  })
  for await (const line of createInterface(child.stdout)) return { url: line, pid: child.pid! }
  throw new Error('thaw ended before it listened')
}

/** Prometheus runs below a shell that watches it, which has the same arguments. */
async function processWith(argument: string): Promise<number> {
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue
    const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    const args = text.split('\0')
    if (args.includes(argument) && !args[0]!.endsWith('sh')) return Number(pid)
  }
  throw new Error(`no process with ${argument}`)
}

async function peakMegabytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)![1]) / 1024)
}
