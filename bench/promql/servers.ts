/** The servers that the query bench asks: thaw, and its peers over the very same samples. */
import { spawn } from 'node:child_process'
import { cp, link, mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { RUNTIME_ENVIRONMENT } from '#infra/runtime-environment.ts'
import { command } from '#test/peer/cache.ts'
import { startPrometheus } from '#test/peer/prometheus.ts'
import { blockNames } from '#test/localstack/sample-data/sample-block-files.ts'
import type { RunnableThaw } from './bundled-thaw.ts'
import { DATA_NAME } from './make-blocks.ts'
import { startVictoriaMetrics } from './victoria-metrics.ts'

export interface Served {
  readonly name: string
  readonly url: string
  readonly pid: number
  /** Its answers are those of Prometheus; VictoriaMetrics has its own idea of `rate` and others. */
  readonly comparable: boolean
  readonly nativeHistograms: boolean
  readonly stop: () => Promise<unknown>
}

export interface ThawSettings {
  readonly blocks: string
  /** Worker threads besides the one that answers. */
  readonly workers: number
  readonly thaw: RunnableThaw
}

export async function thawOver({ blocks, workers, thaw }: ThawSettings): Promise<Served> {
  const args = [...thaw.command, blocks, String(workers), ...(thaw.worker ? [thaw.worker] : [])]
  const child = spawn(process.execPath, args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...RUNTIME_ENVIRONMENT },
  })
  const exited = new Promise((resolve) => child.once('exit', resolve))
  const stop = (): Promise<unknown> => {
    child.stdin.end()
    return exited
  }
  const name = workers === 0 ? 'thaw' : `thaw+${workers}`
  const known = { name, pid: child.pid!, comparable: true, nativeHistograms: true, stop }
  for await (const url of createInterface(child.stdout)) return { ...known, url }
  throw new Error('thaw ended before it listened')
}

/** Over hard links of the blocks, with no compaction to disturb it. */
export async function prometheusOver(
  blocks: string,
  binary: string,
  dataDir: string,
): Promise<Served> {
  for (const id of blockNames(blocks)) {
    const [from, to] = [join(blocks, id), join(dataDir, id)]
    await mkdir(join(to, 'chunks'), { recursive: true })
    for (const file of await readdir(join(from, 'chunks'))) {
      const segment = join('chunks', file)
      await link(join(from, segment), join(to, segment)).catch(() =>
        cp(join(from, segment), join(to, segment)),
      )
    }
    for (const file of ['index', 'meta.json']) await cp(join(from, file), join(to, file))
  }
  const flags = [
    '--storage.tsdb.min-block-duration=2h',
    '--storage.tsdb.max-block-duration=2h',
    '--storage.tsdb.retention.time=10y',
  ]
  const settings = { binary, dataDir, config: 'scrape_configs: []\n', flags }
  // The first start makes the directory a data directory; only the second one answers from it.
  await (await startPrometheus(settings)).stop()
  const { url, pid, stop } = await startPrometheus(settings)
  return { name: 'prometheus', url, pid, comparable: true, nativeHistograms: true, stop }
}

/** What it says itself; a binary built by hand says nothing. */
export async function prometheusVersion(binary: string): Promise<string> {
  const text = await command(binary, ['--version'])
  return /version \d\S*/.exec(text)?.[0] ?? binary
}

export async function victoriaMetricsOver(
  blocks: string,
  binary: string,
  dataDir: string,
): Promise<Served> {
  const settings = { binary, blocks, name: DATA_NAME, dataDir }
  const { url, pid, stop } = await startVictoriaMetrics(settings)
  return { name: 'victoria', url, pid, comparable: false, nativeHistograms: false, stop }
}
