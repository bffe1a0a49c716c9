/** A Prometheus over the made data. */
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import type { Feature } from '#lib/promql/options.ts'
import { startPrometheus, type PrometheusServer } from '#test/peer/prometheus.ts'
import { putData } from './data.ts'

export interface OracleSettings {
  readonly binary: string
  /** Written anew. */
  readonly dataDir: string
  readonly features: readonly Feature[]
}

/** As text, to be repeated by hand. */
export function oracleFlags(features: readonly Feature[]): string[] {
  return [
    '--storage.tsdb.min-block-duration=2h',
    '--storage.tsdb.max-block-duration=2h',
    '--storage.tsdb.retention.time=100y',
    `--enable-feature=${features.join(',')}`,
  ]
}

export async function startOracle({
  binary,
  dataDir,
  features,
}: OracleSettings): Promise<PrometheusServer> {
  await rm(dataDir, { recursive: true, force: true })
  await mkdir(join(dataDir, 'wal'), { recursive: true })
  await putData(fileBucket(dataDir))
  const flags = oracleFlags(features)
  const settings = { binary, dataDir, config: 'scrape_configs: []\n', flags }
  // The first start makes the directory a data directory; only the second reads all of its blocks.
  await (await startPrometheus(settings)).stop()
  return await startPrometheus(settings)
}
