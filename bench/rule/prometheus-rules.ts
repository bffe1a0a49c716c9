/** What a real Prometheus takes for one evaluation of the same rules over the same series: its processor time while it does nothing else. */
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { labelsFrom, mergeLabels, compareLabels } from '#lib/model/labels.ts'
import { BlockWriter } from '#lib/tsdb/block/block-writer.ts'
import { formatBlockMeta } from '#lib/tsdb/block/meta.ts'
import { startPrometheus } from '#test/peer/prometheus.ts'
import { usageOf } from '../fresh/usage.ts'
import { CLUSTERS, HOUR, madeSamples, madeSeries, MINUTE } from './made-bucket.ts'
import { madeRules } from './made-rules.ts'

const INTERVAL_S = 2
const WARM_UP_MS = 10_000
const MEASURED_MS = 30_000
const ULID = '01JPEER0000000000000000000'

export interface PrometheusRules {
  readonly cpuMs: number
  readonly peakMB: number
  readonly iterations: number
}

/** `directory` is empty, and the caller's. */
export async function prometheusRules(
  binary: string,
  directory: string,
  seriesCount: number,
): Promise<PrometheusRules> {
  const endMs = Math.floor(Date.now() / MINUTE) * MINUTE
  const startMs = endMs - 1.5 * HOUR
  const series = CLUSTERS.flatMap((cluster) =>
    madeSeries(seriesCount).map((one) => ({
      one,
      labels: mergeLabels(one.labels, labelsFrom({ cluster })),
    })),
  ).sort((a, b) => compareLabels(a.labels, b.labels))
  const files = new Map<string, Uint8Array[]>()
  const writer = new BlockWriter({
    write: (file, bytes) => void files.set(file, [...(files.get(file) ?? []), bytes]),
  })
  for (const { one, labels } of series) writer.addSeries(labels, madeSamples(one, startMs, endMs))
  const { meta } = writer.finish({ ulid: ULID, minTimeMs: startMs, maxTimeMs: endMs })
  for (const [file, pieces] of files) {
    const path = join(directory, ULID, file)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, Buffer.concat(pieces))
  }
  await writeFile(join(directory, ULID, 'meta.json'), formatBlockMeta(meta))
  await writeFile(join(directory, 'rules.yaml'), madeRules())
  const config = [
    'global:',
    `  evaluation_interval: ${INTERVAL_S}s`,
    '  rule_query_offset: 1m',
    'rule_files: [rules.yaml]',
    '',
  ].join('\n')
  const flags = ['--storage.tsdb.retention.time=10y']
  const settings = { binary, dataDir: directory, flags }
  // The first start makes the directory a data directory; only the second one answers from it.
  await (await startPrometheus({ ...settings, config: '' })).stop()
  const server = await startPrometheus({ ...settings, config })
  try {
    // Results are taken from the end of the block on; the last half minute of its windows has no samples then.
    await sleep(Math.max(0, endMs + MINUTE - Date.now()) + WARM_UP_MS)
    const before = { usage: (await usageOf(server.pid))!, count: await evaluations(server.url) }
    await sleep(MEASURED_MS)
    const after = { usage: (await usageOf(server.pid))!, count: await evaluations(server.url) }
    const iterations = (after.count - before.count) / 100
    return {
      cpuMs: (after.usage.cpuMs - before.usage.cpuMs) / iterations,
      peakMB: after.usage.peakKb / 1000,
      iterations,
    }
  } finally {
    await server.stop()
  }
}

/** Of single rules. Throws where any failed. */
async function evaluations(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const sum = (name: string): number =>
    [...text.matchAll(new RegExp(`^${name}\\{.*\\} (\\S+)$`, 'gm'))].reduce(
      (total, match) => total + Number(match[1]),
      0,
    )
  const failed = sum('prometheus_rule_evaluation_failures_total')
  if (failed > 0) throw new Error(`${failed} evaluations failed in Prometheus`)
  return sum('prometheus_rule_evaluations_total')
}
