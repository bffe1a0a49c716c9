/**
 * What does it cost to have the samples of one Prometheus in the bucket all the time? A real Prometheus scrapes so many series
 * every 15 s, the agent beside it puts what is new; processor time, memory, bytes and requests of some minutes in the middle.
 * Beside it, in the same run: Prometheus itself, and with --peer a `prometheus --agent` that scrapes the same and sends
 * it by remote write. Options, with their defaults:
 *   --series=10000,100000 --minutes=5 --warm-up=2m --interval=30s --scrape=15s
 *   --prometheus=<binary>     default: `prometheus` of the PATH
 *   --agent=<file>            what Node runs as the agent; default: agent/main.ts
 *   --node=<flags>            of Node, for the agent
 *   --peer, --json
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { durationMs } from '#agent/duration.ts'
import { isMissing } from '#test/peer/cache.ts'
import { findMinio } from '#test/peer/minio.ts'
import { measureCost, type CostRow } from './cost-run.ts'

const { values: options } = parseArgs({
  options: {
    series: { type: 'string', default: '10000,100000' },
    minutes: { type: 'string', default: '5' },
    'warm-up': { type: 'string', default: '2m' },
    interval: { type: 'string', default: '30s' },
    scrape: { type: 'string', default: '15s' },
    prometheus: { type: 'string', default: 'prometheus' },
    agent: { type: 'string' },
    node: { type: 'string', default: '' },
    peer: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})

const minio = await findMinio()
if (isMissing(minio)) throw new Error(`no MinIO: ${minio.missing}`)
const stop = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort())

for (const series of options.series.split(',').map(Number)) {
  const dir = await mkdtemp(join(tmpdir(), 'thaw-cost-'))
  try {
    const row = await measureCost({
      dir,
      minio,
      series,
      prometheus: options.prometheus,
      agent: options.agent,
      nodeFlags: options.node.split(' ').filter(Boolean),
      interval: options.interval,
      scrape: options.scrape,
      warmUpMs: durationMs(options['warm-up']) ?? 0,
      runMs: Number(options.minutes) * 60_000,
      peer: options.peer,
      signal: stop.signal,
    })
    console.log(options.json ? JSON.stringify(row) : textOf(row))
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

function textOf(row: CostRow): string {
  const { agent, prometheus, peer } = row
  const mb = (bytes: number): string => (bytes / 1e6).toFixed(2)
  const perMinute = Object.entries(row.operationsPerMinute)
    .map(([name, count]) => `${name} ${count.toFixed(1)}`)
    .join(', ')
  const lines = [
    `${row.series} series, ${row.samplesPerMinute.toFixed(0)} samples a minute`,
    `  agent       ${agent.cpuSecondsPerMinute.toFixed(2)} s of processor a minute, ${mb(agent.steadyBytes)} MB resident, at most ${mb(agent.peakBytes)} MB`,
    `  prometheus  ${prometheus.cpuSecondsPerMinute.toFixed(2)} s of processor a minute, ${mb(prometheus.steadyBytes)} MB resident, at most ${mb(prometheus.peakBytes)} MB`,
    `  to the bucket ${mb(row.bytesPerMinute)} MB a minute, ${row.bytesPerSample.toFixed(2)} bytes a sample; requests a minute: ${perMinute}`,
    `  requests are $${row.usdPerMonth.toFixed(2)} a month`,
    `  in the bucket ${row.freshObjects} packs of ${mb(row.freshBytes)} MB`,
  ]
  if (peer !== undefined) {
    lines.push(
      `  prometheus --agent  ${peer.cpuSecondsPerMinute.toFixed(2)} s of processor a minute, ${mb(peer.steadyBytes)} MB resident, ${mb(peer.bytesPerMinute)} MB a minute in ${peer.requestsPerMinute.toFixed(0)} requests`,
    )
  }
  return lines.join('\n')
}
