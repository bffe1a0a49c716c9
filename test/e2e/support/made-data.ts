/** Three days of the made world as a data directory of Prometheus, written by promtool and kept in the cache. */
import { createHash } from 'node:crypto'
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cachedDirectory, command, type Missing } from '#test/peer/cache.ts'
import type { Prometheus } from '#test/peer/prometheus.ts'
import { madeTargets } from './made-targets.ts'
import { OpenMetricsWriter } from './open-metrics.ts'

/** What decides about the data: data made by an older text of them is not used. */
const MAKERS = ['made-data', 'made-metric', 'made-targets', 'noise', 'open-metrics']
const HOUR_MS = 3_600_000
const BLOCK_MS = 2 * HOUR_MS

/** 2026-03-01, a border of 2h blocks. */
export const MADE_START_MS = Date.UTC(2026, 2, 1)
export const MADE_END_MS = MADE_START_MS + 72 * HOUR_MS

export interface MadeData {
  readonly dir: string
  readonly seriesCount: number
  readonly sampleCount: number
  readonly blockIds: readonly string[]
}

/** Copies it to `dir`, which must not exist yet. */
export async function makeData(prometheus: Prometheus, dir: string): Promise<MadeData | Missing> {
  const name = `made-data-${prometheus.version}-${await fingerprint()}`
  const cached = await cachedDirectory(name, (making) => fill(prometheus.promtool, making))
  if (typeof cached !== 'string') return cached
  await cp(cached, dir, { recursive: true })
  const counts = JSON.parse(await readFile(join(dir, 'counts.json'), 'utf8')) as {
    seriesCount: number
    sampleCount: number
  }
  await rm(join(dir, 'counts.json'))
  return { dir, ...counts, blockIds: (await readdir(dir)).sort() }
}

async function fingerprint(): Promise<string> {
  const hash = createHash('sha256')
  for (const maker of MAKERS) {
    hash.update(await readFile(new URL(`${maker}.ts`, import.meta.url)))
  }
  return hash.digest('hex').slice(0, 12)
}

/** One file for each block, because promtool reads a whole file for each block that it makes of it. */
async function fill(promtool: string, dir: string): Promise<void> {
  const writer = new OpenMetricsWriter(madeTargets(), MADE_START_MS)
  const text = join(dir, 'window.txt')
  await mkdir(dir, { recursive: true })
  let sampleCount = 0
  for (let startMs = MADE_START_MS; startMs < MADE_END_MS; startMs += BLOCK_MS) {
    sampleCount += await writer.write(text, { startMs, endMs: startMs + BLOCK_MS })
    await command(promtool, ['tsdb', 'create-blocks-from', 'openmetrics', '--quiet', text, dir])
  }
  await rm(text)
  await writeFile(
    join(dir, 'counts.json'),
    JSON.stringify({ seriesCount: writer.seriesCount, sampleCount }),
  )
}
