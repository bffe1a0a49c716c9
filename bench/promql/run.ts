/**
 * How long do queries take in thaw, and in a real Prometheus over the very same blocks? Both answer over HTTP on this
 * machine, in turn. Options: --prometheus=<binary>, --rounds=<n>, --only=<part of a name>, --gzip, --cpu-prof=<directory>.
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
  const version = (await command(options.prometheus, ['--version'])).split('\n')[0]!
  const prometheus = await prometheusOver(directory)
  const thaw = await thawOver(directory)
  const queries = QUERIES.filter(({ name }) => name.includes(options.only))
  console.log(`${version}; node ${process.version}; medians of ${options.rounds} rounds, ms`)
  console.log('query'.padEnd(36), 'thaw'.padStart(8), 'prometheus'.padStart(11), ' ratio  answers')
  const ratios: number[] = []
  for (const query of queries) {
    const [ours, theirs, agree] = await measure(query, thaw.url, prometheus.url)
    ratios.push(ours / theirs)
    const columns = [ours.toFixed(1).padStart(8), theirs.toFixed(1).padStart(11)]
    console.log(query.name.padEnd(36), ...columns, (ours / theirs).toFixed(2).padStart(6), agree)
  }
  const mean = Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length)
  const above = ratios.filter((ratio) => ratio > 1).length
  console.log(`geometric mean ${mean.toFixed(3)}, ${above} of ${ratios.length} above 1.0`)
  const [ourPeak, theirPeak] = [await peakMegabytes(thaw.pid), await peakMegabytes(prometheus.pid)]
  console.log(`peak memory: thaw ${ourPeak} MB, Prometheus ${theirPeak} MB`)
} finally {
  for (const end of ends.toReversed()) await end()
}

async function measure(
  query: BenchQuery,
  thaw: string,
  prometheus: string,
): Promise<[number, number, string]> {
  const path = `/api/v1/${requestPath(query)}`
  const answer = async (url: string): Promise<ApiAnswer> => {
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
  const ours: number[] = []
  const theirs: number[] = []
  for (let round = -WARM_UP; round < Number(options.rounds); round++) {
    const [a, b] = [await timed(thaw + path), await timed(prometheus + path)]
    if (round < 0) continue
    ours.push(a)
    theirs.push(b)
  }
  return [median(ours), median(theirs), agree]
}

async function timed(url: string): Promise<number> {
  const start = performance.now()
  await ask(url, options.gzip)
  return performance.now() - start
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

function median(times: number[]): number {
  return times.sort((a, b) => a - b)[times.length >> 1]!
}

/** Over hard links of the blocks, with no compaction to disturb it. */
async function prometheusOver(blocks: string): Promise<{ url: string; pid: number }> {
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

async function thawOver(blocks: string): Promise<{ url: string; pid: number }> {
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
