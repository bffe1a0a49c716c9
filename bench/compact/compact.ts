/**
 * How fast is a group of blocks made one, and with how much memory, beside `thanos compact`?
 * `THAW_THANOS=thanos node bench/compact/compact.ts [--series=10000,50000] [--hours=2] [--blocks=4] [--replicas=1] [--rounds=3]`
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { usageOf } from '../fresh/usage.ts'
import { bundledWorker } from './bundled-worker.ts'
import { madeGroup } from './made-group.ts'

const { values } = parseArgs({
  options: {
    series: { type: 'string', default: '10000,50000' },
    hours: { type: 'string', default: '2' },
    blocks: { type: 'string', default: '4' },
    /** More than one: all of it is overlap, taken by penalty. */
    replicas: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '3' },
  },
})
const thanos = process.env['THAW_THANOS']
const penalty = Number(values.replicas) > 1
const worker = bundledWorker('thaw-compact.ts')

interface Run {
  readonly wallMs: number
  readonly cpuMs: number
  readonly peakMb: number
}

interface OurRun extends Run {
  readonly bytesRead: number
  readonly bytesWritten: number
  readonly gets: number
  readonly puts: number
  readonly samples: number
}

if (!thanos) console.warn('THAW_THANOS names no Thanos: thaw alone')
for (const series of values.series.split(',').map(Number)) {
  await measure(series)
}
await rm(worker.directory, { recursive: true })

async function measure(seriesCount: number): Promise<void> {
  const shape = {
    seriesCount,
    blockHours: Number(values.hours),
    blocks: Number(values.blocks),
    replicas: Number(values.replicas),
  }
  const group = await madeGroup(shape)
  const ours: OurRun[] = []
  const theirs: Run[] = []
  for (let round = 0; round < Number(values.rounds); round++) {
    ours.push(await inCopy(group, runOurs))
    if (thanos) theirs.push(await inCopy(group, (copy) => runThanos(thanos, copy)))
  }
  const { bytesRead, bytesWritten, gets, puts, samples } = ours[0]!
  const row = (name: string, runs: readonly Run[]): void => {
    const cpuS = median(runs.map(({ cpuMs }) => cpuMs)) / 1000
    const wallS = median(runs.map(({ wallMs }) => wallMs)) / 1000
    const peakMb = Math.max(...runs.map((run) => run.peakMb))
    const rates = [bytesRead / cpuS / 1e6, samples / cpuS / 1e6]
    console.log(
      `${name.padEnd(7)} ${cpuS.toFixed(2)} s cpu, ${wallS.toFixed(2)} s wall, ${rates[0]!.toFixed(0)} MB/s, ${rates[1]!.toFixed(1)} M samples/s, peak ${peakMb.toFixed(0)} MB`,
    )
  }
  console.log(
    `${seriesCount} series, ${shape.blocks * shape.replicas} blocks of ${shape.blockHours} h, ${(bytesRead / 1e9).toFixed(2)} GB, ${(samples / 1e6).toFixed(0)} M samples written`,
  )
  row('thaw', ours)
  if (theirs.length > 0) {
    row('Thanos', theirs)
    const ratio = theirs.map(({ cpuMs }, i) => cpuMs / ours[i]!.cpuMs)
    console.log(`ratio   ${median(ratio).toFixed(2)} (of processor time, above 1 thaw is faster)`)
  }
  const perGb = (gets + puts) / (bytesRead / 1e9)
  console.log(
    `        ${(bytesWritten / bytesRead).toFixed(2)} bytes written per byte read, ${perGb.toFixed(0)} requests per GB (a stream is one)\n`,
  )
}

async function inCopy<T>(group: string, run: (copy: string) => Promise<T>): Promise<T> {
  const copy = join(tmpdir(), `thaw-bench-compact-${process.pid}`)
  try {
    await link(group, copy)
    return await run(copy)
  } finally {
    await rm(copy, { recursive: true, force: true })
  }
}

/** Hard links: neither writes into files that are there. */
async function link(from: string, to: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    spawn('cp', ['-rl', from, to]).once('close', (code) => {
      if (code === 0) resolve()
      else reject(new Error(`cp ended with ${code}`))
    })
  })
}

async function runOurs(copy: string): Promise<OurRun> {
  const args = penalty ? [worker.file, copy, 'penalty'] : [worker.file, copy]
  const { run, text } = await onOneCore(process.execPath, args)
  const said = JSON.parse(text) as Omit<OurRun, 'peakMb'> & { peakKb: number }
  // The process says its own processor time, to the end of its work.
  return { ...said, ...run, cpuMs: said.cpuMs, peakMb: said.peakKb / 1024 }
}

async function runThanos(binary: string, copy: string): Promise<Run> {
  const data = `${copy}-thanos`
  await mkdir(data)
  try {
    const config = join(data, 'bucket.yml')
    await writeFile(config, JSON.stringify({ type: 'FILESYSTEM', config: { directory: copy } }))
    const { run } = await onOneCore(binary, [
      'compact',
      `--objstore.config-file=${config}`,
      `--data-dir=${join(data, 'work')}`,
      '--consistency-delay=0s',
      '--downsampling.disable',
      '--log.level=warn',
      '--http-address=127.0.0.1:0',
      ...(penalty ? ['--deduplication.func=penalty', '--deduplication.replica-label=replica'] : []),
    ])
    return run
  } finally {
    await rm(data, { recursive: true, force: true })
  }
}

async function onOneCore(
  binary: string,
  args: readonly string[],
): Promise<{ run: Run; text: string }> {
  const startMs = performance.now()
  const child = spawn('taskset', ['-c', '0', binary, ...args], {
    env: { ...process.env, ...worker.env, GOMAXPROCS: '1', NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.on('data', (bytes: Buffer) => (text += bytes.toString()))
  const usage = watch(child)
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  const { cpuMs, peakKb } = await usage
  if (code !== 0) throw new Error(`${binary} ended with ${code}`)
  return { run: { wallMs: performance.now() - startMs, cpuMs, peakMb: peakKb / 1024 }, text }
}

/** What the process had taken when it was last seen. */
async function watch(child: ChildProcess): Promise<{ cpuMs: number; peakKb: number }> {
  let last = { cpuMs: 0, peakKb: 0 }
  while (child.exitCode === null && child.signalCode === null) {
    const usage = await usageOf(child.pid)
    if (usage) last = { cpuMs: usage.cpuMs, peakKb: Math.max(usage.peakKb, last.peakKb) }
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return last
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)]!
}
