/** Follows the log of a real Prometheus while it scrapes; then both have the same samples, exemplars and deletions. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { formatLabels, labelsFrom, labelsToRecord } from '#lib/model/labels.ts'
import { listWal } from '#lib/tsdb/wal/folder.ts'
import { findPrometheus, type PrometheusServer, startPrometheus } from '../../peer/prometheus.ts'
import { ReadWal } from './read-wal.ts'

const SERIES = 1500

const flags = ['--enable-feature=exemplar-storage']

const debian = await findPrometheus()
const prometheus3 = process.env['THAW_PROMETHEUS_3']
const reason3 = 'THAW_PROMETHEUS_3 names no Prometheus 3.x'

interface Peer {
  readonly name: string
  readonly binary: string | undefined
  readonly reason: string
  readonly flags: readonly string[]
}

const peers: Peer[] = [
  {
    name: '2.x',
    binary: 'missing' in debian ? undefined : debian.binary,
    reason: 'missing' in debian ? debian.missing : '',
    flags,
  },
  {
    name: '3.x with zstd',
    binary: prometheus3,
    reason: reason3,
    flags: [...flags, '--storage.tsdb.wal-compression-type=zstd'],
  },
  {
    name: '3.x without compression',
    binary: prometheus3,
    reason: reason3,
    flags: [...flags, '--no-storage.tsdb.wal-compression'],
  },
]

describe.each(peers)('the log of Prometheus $name', (peer) => {
  it('has what its API answers', { timeout: 120_000 }, async (context) => {
    const { binary, reason } = peer
    if (binary === undefined) return context.skip(reason)
    const folder = mkdtempSync(join(tmpdir(), 'thaw-wal-'))
    const target = await startTarget()
    const config = `
global: {scrape_interval: 500ms, scrape_timeout: 500ms}
scrape_configs:
- job_name: made
  static_configs: [{targets: ['127.0.0.1:${(target.address() as AddressInfo).port}']}]
`
    const server = await startPrometheus({
      binary,
      dataDir: folder,
      config,
      flags: ['--web.enable-admin-api', ...peer.flags],
    })
    try {
      const follower = new Follower(join(folder, 'wal'))
      // Targets are found after some seconds.
      for (let i = 0; i < 400 && follower.reads < 8; i++) {
        follower.read()
        await sleep(50)
      }
      const until = Date.now() - 1000
      const matrix = await samplesOf(server, until)
      const exemplars = await exemplarsOf(server, until)
      await deleteSeries(server, 'made_7')
      await sleep(1000)
      follower.read()
      const { wal } = follower
      expect(follower.reads).toBeGreaterThanOrEqual(8)
      expect(wal.unknown).toBe(0)

      const read = new Map<string, [number, number][]>()
      for (const [series, samples] of wal.samples) {
        const kept = samples.filter(({ t, stale }) => t <= until && !stale)
        if (kept.length > 0)
          read.set(
            series,
            kept.map(({ t, v }) => [t, v]),
          )
      }
      expect(matrix.size).toBeGreaterThan(SERIES)
      expect([...matrix.values()].reduce((sum, all) => sum + all.length, 0)).toBeGreaterThan(
        SERIES * 3,
      )
      expect(read).toEqual(matrix)

      const readExemplars = [...wal.exemplars].flatMap(([series, all]) =>
        all
          .filter(({ t }) => t <= until)
          .map(({ t, v, labels }) => [series, t, v, labelsToRecord(labels)]),
      )
      expect(exemplars.length).toBeGreaterThan(2)
      expect(readExemplars).toEqual(exemplars)

      const deleted = wal.tombstones.filter(({ minTime, maxTime }) => minTime <= maxTime)
      expect(deleted.map(({ series }) => series)).toEqual(
        [...matrix.keys()].filter((series) => series.startsWith('made_7{')),
      )
    } finally {
      await server.stop()
      target.close()
      rmSync(folder, { recursive: true })
    }
  })
})

/** Reads what segments have grown by, in their order. */
class Follower {
  readonly wal = new ReadWal()
  /** That found something. */
  reads = 0
  readonly #folder: string
  readonly #offsets = new Map<string, number>()

  constructor(folder: string) {
    this.#folder = folder
  }

  read(): void {
    const { segments } = listWal(readdirSync(this.#folder))
    for (const name of segments) {
      const offset = this.#offsets.get(name) ?? 0
      const bytes = new Uint8Array(readFileSync(join(this.#folder, name))).subarray(offset)
      const next = this.wal.read(bytes, offset)
      if (next > offset) this.reads++
      this.#offsets.set(name, next)
    }
  }
}

async function startTarget(): Promise<Server> {
  let scrape = 0
  const server = createServer((_, response) => {
    scrape++
    const lines: string[] = []
    for (let i = 0; i < SERIES; i++) {
      lines.push(`# TYPE made_${i} gauge`, `# HELP made_${i} Made \\"up\\", ${i}.`)
      lines.push(`made_${i}{zone="ü",number="${i}"} ${(scrape * 1000 + i) / 8}`)
    }
    lines.push('# TYPE wait_seconds histogram')
    const exemplar = `# {trace_id="t${scrape}"} ${scrape / 16}`
    lines.push(`wait_seconds_bucket{le="+Inf"} ${scrape} ${exemplar}`)
    lines.push(`wait_seconds_count ${scrape}`, `wait_seconds_sum ${scrape / 4}`, '# EOF', '')
    response.setHeader('Content-Type', 'application/openmetrics-text; version=1.0.0; charset=utf-8')
    response.end(lines.join('\n'))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

type Metric = Readonly<Record<string, string>>

async function ask<T>(server: PrometheusServer, path: string, query: string): Promise<T> {
  const response = await fetch(`${server.url}/api/v1/${path}?${query}`)
  expect(response.status).toBe(200)
  return ((await response.json()) as { data: T }).data
}

async function samplesOf(
  server: PrometheusServer,
  until: number,
): Promise<Map<string, [number, number][]>> {
  const query = `query=${encodeURIComponent('{__name__=~".+"}[1h]')}&time=${until / 1000}`
  const { result } = await ask<{
    result: { metric: Metric; values: [number, string][] }[]
  }>(server, 'query', query)
  return new Map(
    result.map(({ metric, values }) => [
      formatLabels(labelsFrom(metric)),
      values.map(([t, v]) => [Math.round(t * 1000), Number(v)]),
    ]),
  )
}

async function exemplarsOf(server: PrometheusServer, until: number): Promise<unknown[]> {
  const query = `query=wait_seconds_bucket&start=${until / 1000 - 600}&end=${until / 1000}`
  const found = await ask<
    {
      seriesLabels: Metric
      exemplars: { labels: Metric; value: string; timestamp: number }[]
    }[]
  >(server, 'query_exemplars', query)
  return found.flatMap(({ seriesLabels, exemplars }) =>
    exemplars.map(({ labels, value, timestamp }) => [
      formatLabels(labelsFrom(seriesLabels)),
      Math.round(timestamp * 1000),
      Number(value),
      labels,
    ]),
  )
}

async function deleteSeries({ url }: PrometheusServer, name: string): Promise<void> {
  const path = `${url}/api/v1/admin/tsdb/delete_series?match[]=${name}`
  expect((await fetch(path, { method: 'POST' })).status).toBe(204)
}
