/**
 * How fast is a block downsampled, and with how much memory, beside Thanos? Both on one processor, on the same block of ten days, to five minutes and then
 * to hours. `node bench/compact/downsample.ts --thanos=/opt/thanos [--series=400] [--rounds=3] [--cpu-prof=<folder>]`
 */
import { execFileSync, spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { scanBlocks } from '#lib/blocks/scan.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { blockMetas } from '#test/peer/thanos.ts'
import { objstoreYaml } from '#test/peer/thanos-tools.ts'
import { freePort } from '#test/peer/server.ts'
import { bundledWorker } from './bundled-worker.ts'
import { madeGroup, STEP_MS } from './made-group.ts'

const { values: flags } = parseArgs({
  options: {
    thanos: { type: 'string' },
    series: { type: 'string', default: '400' },
    rounds: { type: 'string', default: '3' },
    'cpu-prof': { type: 'string' },
  },
})

const HOURS = 240
const RESOLUTIONS = [300_000, 3_600_000] as const
/** Processor time is told in ticks. */
const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))
const worker = bundledWorker('thaw-downsample.ts')

interface Figures {
  readonly cpuMs: number
  readonly peakKb: number
}

const seriesCount = Number(flags.series)
const made = await madeGroup({ seriesCount, blockHours: HOURS, blocks: 1, replicas: 1 })
const samples = (seriesCount * HOURS * 3_600_000) / STEP_MS

/** A bucket of its own with the block. */
function copied(): string {
  const root = mkdtempSync(join(tmpdir(), 'thaw-downsample-'))
  cpSync(made, root, { recursive: true })
  return root
}

function runThaw(root: string): Figures[] {
  return RESOLUTIONS.map((resolutionMs) => {
    const profile = flags['cpu-prof'] ? ['--cpu-prof', `--cpu-prof-dir=${flags['cpu-prof']}`] : []
    const args = ['-c', '0', process.execPath, ...profile, worker.file, root, String(resolutionMs)]
    const env = { ...process.env, ...worker.env }
    return JSON.parse(execFileSync('taskset', args, { encoding: 'utf8', env })) as Figures
  })
}

async function runThanos(binary: string, root: string, workDir: string): Promise<Figures[]> {
  const args = ['-c', '0', binary, 'tools', 'bucket', 'downsample', '--log.level=error']
  args.push(`--objstore.config=${objstoreYaml(root)}`, `--data-dir=${workDir}`)
  args.push(`--http-address=127.0.0.1:${await freePort()}`)
  const child = spawn('taskset', args, {
    env: { ...process.env, GOMAXPROCS: '1' },
    stdio: 'inherit',
  })
  const figures: Figures[] = []
  let before = 0
  try {
    for (const resolutionMs of RESOLUTIONS) {
      while (!(await isMade(root, resolutionMs))) {
        if (child.exitCode !== null) throw new Error('Thanos has ended')
        await sleep(20)
      }
      const { cpuMs, peakKb } = usageOf(child.pid!)
      figures.push({ cpuMs: cpuMs - before, peakKb })
      before = cpuMs
    }
  } finally {
    child.kill()
  }
  return figures
}

async function isMade(root: string, resolutionMs: number): Promise<boolean> {
  const metas = await blockMetas(root)
  return metas.some(({ thanos }) => thanos.downsample.resolution === resolutionMs)
}

function usageOf(pid: number): Figures {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  const ticks = Number(fields[11]) + Number(fields[12])
  const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]!
  return { cpuMs: (ticks * 1000) / TICKS_PER_SECOND, peakKb: Number(peak) }
}

async function inputBytes(root: string, resolutionMs: number): Promise<number> {
  const { blocks } = await scanBlocks(fileBucket(root), new Map())
  const { indexSize, segmentSizes } = blocks.find(
    (block) =>
      block.resolutionMs === resolutionMs && block.maxTimeMs - block.minTimeMs >= HOURS * 3_600_000,
  )!
  return segmentSizes.reduce((sum, size) => sum + size, indexSize)
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}

const rounds: { readonly thaw: Figures[]; readonly thanos: Figures[] | undefined }[] = []
let bytes: number[] = []
for (let round = 0; round < Number(flags.rounds); round++) {
  const root = copied()
  const thaw = runThaw(root)
  bytes = [await inputBytes(root, 0), await inputBytes(root, 300_000)]
  rmSync(root, { recursive: true })
  const theirs = copied()
  const workDir = mkdtempSync(join(tmpdir(), 'thaw-downsample-'))
  const thanos = flags.thanos ? await runThanos(flags.thanos, theirs, workDir) : undefined
  for (const folder of [theirs, workDir]) rmSync(folder, { recursive: true, force: true })
  rounds.push({ thaw, thanos })
}
console.log('| from → to | input | | cpu s | MB/s | million raw samples/s | peak MB |')
console.log('|---|--:|---|--:|--:|--:|--:|')
for (const [i, name] of ['raw → 5m', '5m → 1h'].entries()) {
  for (const who of ['thaw', 'thanos'] as const) {
    const all = rounds.flatMap((round) => round[who]?.[i] ?? [])
    if (all.length === 0) continue
    const seconds = median(all.map(({ cpuMs }) => cpuMs)) / 1000
    const row = [
      name,
      `${(bytes[i]! / 1e6).toFixed(1)} MB`,
      who,
      seconds.toFixed(2),
      (bytes[i]! / 1e6 / seconds).toFixed(1),
      (samples / 1e6 / seconds).toFixed(2),
      (Math.max(...all.map(({ peakKb }) => peakKb)) / 1000).toFixed(0),
    ]
    console.log(`| ${row.join(' | ')} |`)
  }
}
rmSync(worker.directory, { recursive: true })
