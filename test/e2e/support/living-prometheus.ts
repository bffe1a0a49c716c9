/** A Prometheus with three days of data, which goes on scraping: what the main job begins with. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isMissing } from '#test/peer/cache.ts'
import { type Prometheus, type PrometheusServer, startPrometheus } from '#test/peer/prometheus.ts'
import { freePort } from '#test/peer/server.ts'
import { makeData } from './made-data.ts'

export interface LivingPrometheus extends Pick<PrometheusServer, 'url' | 'stop'> {
  readonly dataDir: string
  /** That it has finished. */
  readonly blocks: number
}

/** `cluster` is a label of the made targets too: answers are the same with it. `replica` goes by deduplication. */
const EXTERNAL_LABELS = '{cluster: made, replica: a}'

export async function startLivingPrometheus(prometheus: Prometheus): Promise<LivingPrometheus> {
  const directory = await mkdtemp(join(tmpdir(), 'thaw-prometheus-'))
  const remove = (): Promise<void> => rm(directory, { recursive: true, force: true })
  try {
    const dataDir = join(directory, 'data')
    const data = await makeData(prometheus, dataDir)
    if (isMissing(data)) throw new Error(data.missing)
    const port = await freePort()
    const server = await startPrometheus({
      binary: prometheus.binary,
      dataDir,
      port,
      config: `global: {scrape_interval: 5s, external_labels: ${EXTERNAL_LABELS}}\nscrape_configs:\n  - job_name: live\n    static_configs: [{targets: ['127.0.0.1:${port}']}]\n`,
      flags: [
        '--storage.tsdb.min-block-duration=2h',
        '--storage.tsdb.max-block-duration=2h',
        '--storage.tsdb.retention.time=10y',
      ],
    })
    return {
      url: server.url,
      dataDir,
      blocks: data.blockIds.length,
      async stop() {
        await server.stop()
        await remove()
      },
    }
  } catch (error) {
    await remove()
    throw error
  }
}
