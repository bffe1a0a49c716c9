/**
 * Data directories as if two clusters with two replicas of Prometheus each had run for days. Every value follows from
 * its series and its time, so a later run only adds what is missing and goes on where the last one ended.
 */
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as yieldToOthers } from 'node:timers/promises'
import { DomainError } from '#lib/model/errors.ts'
import { type BlockMeta, META_FILE, parseBlockMeta } from '#lib/tsdb/block/meta.ts'
import { SampleFiller } from './fill.ts'
import { CLUSTERS, seriesWithin } from './metrics.ts'
import { type Replica, UNFINISHED, writeSampleBlock } from './sample-block.ts'
import { missingWindows } from './windows.ts'
import type { Span } from './events.ts'

export interface SampleDataOptions {
  /** Gets a directory for each Prometheus. */
  readonly dir: string
  /** Samples run on to the end of the two hours this lies in, so that a demo stays alive until then. */
  readonly nowMs: number
  /** Age of the oldest samples; up to two days more, since old blocks are two days long. */
  readonly days: number
  readonly scrapeIntervalMs?: number | undefined
  readonly onProgress?: ((progress: SampleDataProgress) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/** Told after each block. */
export interface SampleDataProgress {
  readonly done: number
  readonly total: number
  /** `eu-west-prometheus-0`. */
  readonly replica: string
  readonly block: string
}

export interface SamplePrometheus {
  readonly name: string
  readonly dataDir: string
  readonly externalLabels: { readonly cluster: string; readonly replica: string }
}

/** Counts are of all blocks that are there now, but for `blocksWritten`. */
export interface SampleDataset {
  readonly prometheuses: readonly SamplePrometheus[]
  /** Series of the newest window, of all replicas. */
  readonly seriesCount: number
  readonly sampleCount: number
  readonly blocksWritten: number
  readonly bytes: number
}

const REPLICAS_PER_CLUSTER = 2
export const DEFAULT_SCRAPE_INTERVAL_MS = 60_000

export async function generateSampleData(options: SampleDataOptions): Promise<SampleDataset> {
  const { dir, nowMs, days, onProgress, signal } = options
  const intervalMs = options.scrapeIntervalMs ?? DEFAULT_SCRAPE_INTERVAL_MS
  if (!Number.isInteger(intervalMs) || intervalMs < 1000) {
    throw new DomainError('invalid', `scrape interval of ${intervalMs} ms, the least is 1000`)
  }
  if (!(days > 0 && days <= 1000)) throw new DomainError('invalid', `${days} days of sample data`)

  const jobs: { replica: Replica; dataDir: string; window: Span }[] = []
  const prometheuses: SamplePrometheus[] = []
  let sampleCount = 0
  let bytes = 0
  for (const replica of replicas()) {
    const dataDir = join(dir, replica.name)
    await prepareDataDir(dataDir)
    const present = await presentBlocks(dataDir)
    for (const block of present) {
      sampleCount += block.meta.stats.numSamples
      bytes += block.bytes
    }
    const spans = present.map(({ meta }) => ({ startMs: meta.minTime, endMs: meta.maxTime }))
    for (const window of missingWindows(nowMs, days, spans)) jobs.push({ replica, dataDir, window })
    const { cluster } = replica
    const externalLabels = { cluster, replica: `prometheus-${replica.replica}` }
    prometheuses.push({ name: replica.name, dataDir, externalLabels })
  }

  const filler = new SampleFiller()
  for (const [done, { replica, dataDir, window }] of jobs.entries()) {
    await yieldToOthers()
    if (signal?.aborted) throw new DomainError('canceled', 'canceled', { cause: signal.reason })
    const block = await writeSampleBlock({ dataDir, replica, window, intervalMs, filler })
    sampleCount += block.meta.stats.numSamples
    bytes += block.bytes
    onProgress?.({
      done: done + 1,
      total: jobs.length,
      replica: replica.name,
      block: block.meta.ulid,
    })
  }
  let seriesCount = 0
  for (const cluster of CLUSTERS) {
    const series = seriesWithin(cluster, nowMs, nowMs + 1, intervalMs)
    seriesCount += series.length * REPLICAS_PER_CLUSTER
  }
  return { prometheuses, seriesCount, sampleCount, blocksWritten: jobs.length, bytes }
}

function replicas(): Replica[] {
  return CLUSTERS.flatMap((cluster) =>
    Array.from({ length: REPLICAS_PER_CLUSTER }, (_, replica) => ({
      cluster,
      replica,
      name: `${cluster}-prometheus-${replica}`,
    })),
  )
}

/** As Prometheus leaves it when it stops; without what a killed run left behind. */
async function prepareDataDir(dataDir: string): Promise<void> {
  await mkdir(join(dataDir, 'wal'), { recursive: true })
  await mkdir(join(dataDir, 'chunks_head'), { recursive: true })
  for (const name of await readdir(dataDir)) {
    if (name.endsWith(UNFINISHED)) await rm(join(dataDir, name), { recursive: true, force: true })
  }
}

async function presentBlocks(
  dataDir: string,
): Promise<{ readonly meta: BlockMeta; readonly bytes: number }[]> {
  const blocks: { meta: BlockMeta; bytes: number }[] = []
  for (const name of await readdir(dataDir)) {
    if (!/^[0-9A-HJKMNP-TV-Z]{26}$/.test(name)) continue
    const block = join(dataDir, name)
    const text = await readFile(join(block, META_FILE)).catch(() => undefined)
    if (text === undefined) {
      // Somebody deleted half of it. It is made again.
      await rm(block, { recursive: true, force: true })
      continue
    }
    const meta = parseBlockMeta(text)
    let bytes = 0
    for (const entry of await readdir(block, { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size
    }
    blocks.push({ meta, bytes })
  }
  return blocks
}
