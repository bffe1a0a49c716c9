/** Beside a real Prometheus that scrapes, deletes, is killed, and cuts blocks: the packs have what its API answers. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { prometheusClient } from '#agent/prometheus/prometheus-client.ts'
import { remoteRead } from '#agent/prometheus/remote-read.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { formatLabels, labelsFrom } from '#lib/model/labels.ts'
import { freePort } from '../../peer/server.ts'
import { findPrometheus, type PrometheusServer, startPrometheus } from '../../peer/prometheus.ts'
import { temporaryDir } from '../block-fixture.ts'
import { FakeClock, runFresh } from './fresh-agent.ts'
import { readFresh } from './read-packs.ts'

const SERIES = 300

const debian = await findPrometheus()
const second = { binary: 'missing' in debian ? undefined : debian.binary }
const third = { binary: process.env['THAW_PROMETHEUS_3'] }
const noSecond = 'missing' in debian ? debian.missing : ''
const noThird = 'THAW_PROMETHEUS_3 names no Prometheus 3.x'
const peers = [
  { name: '2.x', ...second, after: second.binary, reason: noSecond },
  { name: '3.x', ...third, after: third.binary, reason: noThird },
  { name: '2.x that becomes 3.x', ...second, after: third.binary, reason: noSecond || noThird },
]

describe.each(peers)('fresh blocks beside Prometheus $name', ({ binary, after, reason }) => {
  it('have what its API answers', { timeout: 120_000 }, async (context) => {
    if (binary === undefined || after === undefined) return context.skip(reason)
    const dataDir = await temporaryDir()
    const target = await startTarget()
    const port = await freePort()
    const start = async (program: string): Promise<PrometheusServer> =>
      startPrometheus({
        binary: program,
        dataDir,
        port,
        config: configFor((target.address() as AddressInfo).port),
        flags: ['--storage.tsdb.min-block-duration=2h', '--storage.tsdb.max-block-duration=2h'],
      })
    let server = await start(binary)
    const bucket = memoryBucket()
    const clock = new FakeClock(Date.now())
    try {
      // Real time passes in the pauses: a second each. Twice the agent starts again, once Prometheus is killed.
      for (let run = 0; run < 3; run++) {
        let pauses = 0
        await runFresh({
          tsdbPath: dataDir,
          bucket,
          clock,
          onPause: async () => {
            await sleep(1000)
            return ++pauses < 5
          },
        })
        if (run === 1) {
          process.kill(server.pid, 'SIGKILL')
          await server.ended
          server = await start(after)
        }
      }
      const until = Date.now() - 500
      await runFresh({ tsdbPath: dataDir, bucket, clock, onPause: () => false })
      const matrix = await samplesOf(server, until)
      expect(matrix.size).toBeGreaterThan(SERIES)
      const found = await readFresh(bucket)
      // A sample that came late is in both logs. An agent that has just started does not know yet that the first of a series is late, and
      // takes it from both, equal: once after each of the three starts at most. Queries merge them.
      expect(found.twice).toBeLessThanOrEqual(3)
      expect([...found.twiceOf].filter((series) => !series.startsWith('late{'))).toEqual([])
      const read = new Map<string, [number, unknown][]>()
      for (const [series, samples] of found.series) {
        const kept = [...samples]
          .filter(([t, value]) => t <= until && value !== 'stale')
          .sort(([a], [b]) => a - b)
        if (kept.length > 0) read.set(series, kept)
      }
      expect(read).toEqual(matrix)

      // The same where its files are out of reach.
      const remote = memoryBucket()
      const prometheus = prometheusClient({ url: server.url, timeoutMs: 5000 })
      await runFresh({
        tsdbPath: join(dataDir, 'nowhere'),
        freshSource: 'auto',
        bucket: remote,
        clock: new FakeClock(Date.now()),
        ask: (query, signal) => remoteRead(prometheus, query, signal),
        onPause: () => false,
      })
      prometheus.close()
      const asked = await readFresh(remote)
      for (const [series, samples] of matrix) {
        const all = asked.series.get(series)
        expect(samples.every(([t, value]) => all?.get(t) === value)).toBe(true)
      }
    } finally {
      await server.stop()
      target.close()
    }
  })
})

function configFor(targetPort: number): string {
  return `
global: {scrape_interval: 500ms, scrape_timeout: 500ms}
storage: {tsdb: {out_of_order_time_window: 30m}}
scrape_configs:
- job_name: made
  static_configs: [{targets: ['127.0.0.1:${targetPort}']}]
`
}

/** Has a sample of each scrape that comes late, by two minutes. */
async function startTarget(): Promise<Server> {
  let scrape = 0
  const server = createServer((_, response) => {
    scrape++
    const lines: string[] = []
    for (let i = 0; i < SERIES; i++) lines.push(`made_${i % 10}{n="${i}"} ${scrape * 1000 + i}`)
    const lateMs = Date.now() - (scrape % 2 === 0 ? 120_000 : 0)
    lines.push(`late{job="it"} ${scrape} ${lateMs}`, '')
    response.setHeader('Content-Type', 'text/plain; version=0.0.4')
    response.end(lines.join('\n'))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

type Metric = Readonly<Record<string, string>>

async function samplesOf(
  { url }: PrometheusServer,
  until: number,
): Promise<Map<string, [number, number][]>> {
  const query = `query=${encodeURIComponent('{__name__=~".+"}[1h]')}&time=${until / 1000}`
  const response = await fetch(`${url}/api/v1/query?${query}`)
  expect(response.status).toBe(200)
  const { data } = (await response.json()) as {
    data: { result: { metric: Metric; values: [number, string][] }[] }
  }
  return new Map(
    data.result.map(({ metric, values }) => [
      formatLabels(labelsFrom(metric)),
      values.map(([t, v]) => [Math.round(t * 1000), Number(v)]),
    ]),
  )
}
