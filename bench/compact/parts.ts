/**
 * Two weeks of many series made one block in parts: seconds, memory and requests of each step, what a real Prometheus answers from the block, and
 * what that means for a million series.
 */
import { execFile } from 'node:child_process'
import { link, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import type { BucketCounts } from '#lib/bucket/counting-bucket.ts'
import type { Cut } from '#lib/compact/parts/cut.ts'
import type { FinishOutcome } from '#lib/compact/parts/finish-parts.ts'
import { command } from '#test/peer/cache.ts'
import { startPrometheus } from '#test/peer/prometheus.ts'
import { askUrl } from '#test/e2e/support/ask.ts'
import { indexOfAMillion } from './parts-index.ts'
import { BLOCK_MS, BLOCKS, METRICS, START_MS, STEP_MS, twoWeeks } from './two-weeks.ts'

const { values: options } = parseArgs({
  options: {
    series: { type: 'string', default: '50000' },
    parts: { type: 'string', default: '6' },
    /** Of the common index, for which no chunks are needed. */
    'index-series': { type: 'string', default: '1000000' },
    /** Directory with `prometheus` and `promtool`. */
    prometheus: { type: 'string' },
  },
})

interface Step {
  readonly wallMs: number
  readonly cpuMs: number
  readonly peakKb: number
  readonly counts: BucketCounts
  readonly result: unknown
}

const ULID = '01KF0000000000000000000000'
const STEP = fileURLToPath(new URL('parts-step.ts', import.meta.url))

async function step(directory: string, ulid: string, ...args: readonly string[]): Promise<Step> {
  const { stdout } = await promisify(execFile)(process.execPath, [STEP, directory, ulid, ...args], {
    maxBuffer: 1 << 28,
  })
  return JSON.parse(stdout) as Step
}

function row(name: string, { wallMs, cpuMs, peakKb, counts }: Step): void {
  const { bytesRead, bytesWritten, gets, puts } = counts
  const cells = [
    name,
    (cpuMs / 1000).toFixed(1),
    (wallMs / 1000).toFixed(1),
    (peakKb / 1024).toFixed(0),
    (bytesRead / 1e6).toFixed(1),
    (bytesWritten / 1e6).toFixed(1),
    gets,
    puts,
    (bytesRead / 1e3 / cpuMs).toFixed(0),
  ]
  console.log(`| ${cells.join(' | ')} |`)
}

const seriesCount = Number(options.series)
const directory = await twoWeeks(seriesCount)
console.log(
  '| step | processor s | s | peak MB | MB read | MB written | GET | PUT | MB read a processor s |',
)
console.log('|---|--:|--:|--:|--:|--:|--:|--:|--:|')
const leftovers = [join(directory, ULID), join(directory, 'thaw')]
try {
  const cutStep = await step(directory, ULID, 'cut', options.parts)
  row('cut', cutStep)
  const { parts } = cutStep.result as Cut
  let partCpuMs = 0
  let partBytes = 0
  for (const part of parts.keys()) {
    const done = await step(directory, ULID, 'part', String(part))
    row(`part ${part + 1}`, done)
    partCpuMs += done.cpuMs
    partBytes += done.counts.bytesRead
  }
  const finish = await step(directory, ULID, 'finish')
  row('finish', finish)
  const { stats } = (finish.result as { meta: { stats: unknown } }).meta
  console.log(`\n${JSON.stringify(stats)}`)
  const scale = 1e6 / seriesCount
  const megabytes = (partBytes * scale) / 1e6
  console.log(
    `1,000,000 series: ${(megabytes / 1000).toFixed(0)} GB are read, ${((partCpuMs * scale) / 60_000).toFixed(0)} minutes of processor time: ` +
      `${Math.ceil((partCpuMs * scale) / 300_000)} parts of five minutes`,
  )
  if (options.prometheus !== undefined) {
    await askPrometheus(directory, options.prometheus, finish.result as FinishOutcome)
  }
} finally {
  for (const path of leftovers) await rm(path, { recursive: true, force: true })
}

const million = await indexOfAMillion(Number(options['index-series']))
try {
  row(`finish of ${options['index-series']} series`, await step(million, ULID, 'finish'))
} finally {
  await rm(million, { recursive: true, force: true })
}

async function askPrometheus(from: string, bin: string, outcome: FinishOutcome): Promise<void> {
  if (outcome.status !== 'done') throw new Error(`finish: ${outcome.status}`)
  const dataDir = await mkdtemp(join(from, '..', 'parts-prometheus-'))
  try {
    await mkdir(join(dataDir, 'wal'))
    await mkdir(join(dataDir, ULID, 'chunks'), { recursive: true })
    for (const entry of await readdir(join(from, ULID), { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name)
      if (entry.isFile()) await link(path, join(dataDir, relative(from, path)))
    }
    console.log(await command(join(bin, 'promtool'), ['tsdb', 'list', '-r', dataDir]))
    const server = await startPrometheus({
      binary: join(bin, 'prometheus'),
      dataDir,
      config: 'scrape_configs: []\n',
      flags: ['--storage.tsdb.retention.time=100y', '--storage.tsdb.max-block-duration=14d'],
    })
    try {
      const ask = askUrl(server.url, 600_000)
      const endMs = START_MS + BLOCKS * BLOCK_MS
      const perMetric = Math.ceil(seriesCount / METRICS)
      const samples = (BLOCKS * BLOCK_MS) / STEP_MS
      for (const [query, timeMs, expected] of [
        ['count({__name__=~".+"})', START_MS + 1000, seriesCount],
        ['count({__name__=~".+"})', endMs - STEP_MS, seriesCount],
        ['sum(count_over_time(made_metric_017_total[14d]))', endMs - 1, perMetric * samples],
        ['sum(count_over_time(made_metric_499_total[14d]))', endMs - 1, perMetric * samples],
      ] as const) {
        const { data } = await ask('query', { query, time: timeMs / 1000 })
        const got = (data as { result: { value: [number, string] }[] }).result[0]?.value[1]
        console.log(`${query}: ${got}${got === String(expected) ? '' : `, EXPECTED ${expected}`}`)
      }
      if (/level=(error|ERROR)|corrupt/.test(server.log())) console.log(server.log())
    } finally {
      await server.stop()
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
}
