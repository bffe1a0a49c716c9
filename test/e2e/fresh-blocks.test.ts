/** A Prometheus that ships nothing: what an agent asks of it by remote read becomes a block, which promtool and another Prometheus read. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { prometheusClient } from '#agent/prometheus/prometheus-client.ts'
import { remoteRead } from '#agent/prometheus/remote-read.ts'
import { scanBlocks } from '#lib/blocks/scan.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { DEFAULT_COMPACT_SETTINGS } from '#lib/compact/plan/settings.ts'
import { runHere } from '#lib/compact/run-here.ts'
import { FakeClock, runFresh } from '#test/agent/fresh/fresh-agent.ts'
import { keysOf } from '#test/agent/test-buckets.ts'
import { command } from '#test/peer/cache.ts'
import { findPrometheus, type PrometheusServer, startPrometheus } from '#test/peer/prometheus.ts'
import { freePort } from '#test/peer/server.ts'
import { needPeer } from '#test/peer/skip-report.ts'
import { testId } from '#test/store/sample-block.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
/** Reads the block in place of the older one, if there is one. */
const PROMETHEUS_3 = process.env['THAW_PROMETHEUS_3']

const found = await findPrometheus()

describe('fresh blocks of a Prometheus that ships nothing', () => {
  it('become a block that another one reads', { timeout: 120_000 }, async (context) => {
    const { binary, promtool } = needPeer(context, found)
    const dir = await mkdtemp(join(tmpdir(), 'thaw-fresh-blocks-'))
    const port = await freePort()
    const config = `
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs: [{job_name: itself, static_configs: [{targets: ['127.0.0.1:${port}']}]}]
`
    const asked = await startPrometheus({ binary, dataDir: join(dir, 'asked'), config, port })
    const clock = new FakeClock(Date.now())
    const bucket = memoryBucket({ now: clock.now })
    const client = prometheusClient({ url: asked.url, timeoutMs: 5000 })
    let other: PrometheusServer | undefined
    try {
      while ((await samplesOf(asked, Date.now())).size < 300) await sleep(200)
      let pauses = 0
      let untilMs = 0
      await runFresh({
        tsdbPath: join(dir, 'nowhere'),
        freshSource: 'remote-read',
        bucket,
        clock,
        ask: (query, signal) => remoteRead(client, query, signal),
        async onPause() {
          await sleep(2000)
          // The last round comes after this.
          if (++pauses === 3) untilMs = Date.now() - 1000
          return pauses < 3
        },
      })
      const expected = await samplesOf(asked, untilMs)
      expect(expected.size).toBeGreaterThan(300)
      expect((await keysOf(bucket)).length).toBeGreaterThan(2)
      clock.ms = Date.now() + 5 * HOUR
      await compact(bucket, clock)
      clock.ms += 6 * MINUTE
      await compact(bucket, clock)
      const keys = await keysOf(bucket)
      expect(keys.filter((key) => key.startsWith('thaw/fresh/'))).toEqual([])

      const { blocks } = await scanBlocks(bucket, new Map())
      expect(blocks.map(({ source }) => source)).toContain('thaw')
      const dataDir = join(dir, 'other')
      for (const { id } of blocks) await download(bucket, id, dataDir)
      for (const { id, sampleCount } of blocks) {
        expect(sampleCount).toBeGreaterThan(0)
        expect(await command(promtool, ['tsdb', 'analyze', dataDir, id])).toContain(id)
      }
      other = await startPrometheus({
        binary: PROMETHEUS_3 ?? binary,
        dataDir,
        config: 'global: {}',
      })
      expect(await samplesOf(other, untilMs)).toEqual(expected)
    } finally {
      client.close()
      await asked.stop()
      await other?.stop()
      await rm(dir, { recursive: true, force: true })
    }
  })
})

let made = 0

async function compact(bucket: Bucket, clock: FakeClock): Promise<void> {
  await runHere({
    bucket,
    settings: DEFAULT_COMPACT_SETTINGS,
    now: clock.now,
    newUlid: () => testId(++made),
    owner: 'worker',
    concurrency: 1,
  })
}

async function download(bucket: Bucket, id: string, dataDir: string): Promise<void> {
  for await (const { objects } of bucket.list(`${id}/`)) {
    for (const { key } of objects) {
      await mkdir(dirname(join(dataDir, key)), { recursive: true })
      await writeFile(join(dataDir, key), (await bucket.get(key)).body)
    }
  }
}

type Metric = Readonly<Record<string, string>>

/** As they are stored: by labels, pairs of seconds and text. */
async function samplesOf(
  { url }: PrometheusServer,
  untilMs: number,
): Promise<Map<string, unknown>> {
  const query = encodeURIComponent('{__name__=~".+"}[1h]')
  const response = await fetch(`${url}/api/v1/query?query=${query}&time=${untilMs / 1000}`)
  const { data } = (await response.json()) as {
    data: { result: { metric: Metric; values: unknown }[] }
  }
  const name = (metric: Metric): string =>
    JSON.stringify(Object.entries(metric).toSorted(([a], [b]) => (a < b ? -1 : 1)))
  return new Map(data.result.map(({ metric, values }) => [name(metric), values]))
}
