/** Exemplars and metadata on their whole way: an exporter, two replicas of a Prometheus, an agent, fresh blocks, and thaw's answers as Prometheus's. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import type { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { agentOptions, prometheusOptions } from '#agent/agent-options.ts'
import { flagValues } from '#agent/flags/command-flags.ts'
import { SILENT } from '#agent/logger.ts'
import { runAgent } from '#agent/run-agent.ts'
import { runStore } from '#cli/run-store.ts'
import { addStoreFlags, STORE_FLAGS } from '#cli/store-flags.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { compareLabels, labelsFrom } from '#lib/model/labels.ts'
import type { Missing } from '#test/peer/cache.ts'
import { findPrometheus, type PrometheusServer, startPrometheus } from '#test/peer/prometheus.ts'
import { describeSkipped } from '#test/peer/skip-report.ts'
import { startQuerier } from './support/sidecar-world.ts'
import { thawApp } from './support/thaw-app.ts'

const debian = await findPrometheus()
const thanos = process.env['THAW_THANOS']
const prometheus3 = process.env['THAW_PROMETHEUS_3']
const PEERS = [
  ['2.x', 'missing' in debian ? debian : { binary: debian.binary }],
  [
    '3.x',
    prometheus3 === undefined
      ? { missing: 'THAW_PROMETHEUS_3 names no Prometheus 3.x' }
      : { binary: prometheus3 },
  ],
] as const

const FLAGS = [
  '--enable-feature=exemplar-storage',
  '--storage.tsdb.min-block-duration=2h',
  '--storage.tsdb.max-block-duration=2h',
]

type Record = Readonly<{ [name: string]: string }>

interface Series {
  readonly seriesLabels: Record
  readonly exemplars: readonly {
    readonly labels: Record
    readonly value: string
    readonly timestamp: number
  }[]
}

for (const [name, peer] of PEERS) {
  if ('missing' in peer) {
    describeSkipped(`exemplars of Prometheus ${name}`, peer as Missing)
    continue
  }
  describe(`exemplars of Prometheus ${name}`, () => {
    const dir = mkdtempSync(join(tmpdir(), 'thaw-exemplars-'))
    const stopping = new AbortController()
    const servers: PrometheusServer[] = []
    const bucket = memoryBucket()
    let exporter: Server
    let agent: Promise<void>
    let app: Hono

    beforeAll(async () => {
      exporter = await startExporter()
      const { port } = exporter.address() as AddressInfo
      for (const replica of ['a', 'b']) {
        const dataDir = join(dir, replica)
        const config = `global: {scrape_interval: 1s, external_labels: {cluster: eu, replica: ${replica}}}
scrape_configs: [{job_name: made, static_configs: [{targets: ["127.0.0.1:${port}"]}]}]
`
        servers.push(await startPrometheus({ binary: peer.binary, dataDir, config, flags: FLAGS }))
      }
      const prometheuses = servers.map(({ url }, i) =>
        prometheusOptions({
          name: String(i),
          prometheusUrl: url,
          tsdbPath: join(dir, 'ab'[i]!),
          freshIntervalMs: 1000,
        }),
      )
      const parts = { bucket, logger: SILENT, now: Date.now, signal: stopping.signal }
      agent = runAgent(agentOptions({ prometheuses, httpAddress: '' }), parts)
      agent.catch(() => {})
      app = thawApp(bucket, { replicaLabels: ['replica'] })
    }, 60_000)

    afterAll(async () => {
      stopping.abort()
      await agent
      for (const server of servers) await server.stop()
      exporter.close()
      rmSync(dir, { recursive: true })
    })

    const thaw = async <T>(path: string): Promise<T> => {
      const response = await app.request(`/api/v1/${path}`)
      expect(response.status).toBe(200)
      return ((await response.json()) as { data: T }).data
    }
    const exemplars = (ask: (path: string) => Promise<Series[]>, query: string, endMs: number) =>
      ask(`query_exemplars?query=${encodeURIComponent(query)}&start=0&end=${endMs / 1000}`)

    it.each([
      'sum(rate(requests_total[5m]))',
      'histogram_quantile(0.9, rate(wait_seconds_bucket[1m])) > 0 or requests_total{path="/b"}',
      '{cluster="eu",__name__=~"requests.*",path!="/b"}',
      'requests_total{cluster="us"}',
    ])(
      'are those of each replica, and of both together: %s',
      { timeout: 60_000 },
      async (query) => {
        // Prometheus does not know its external labels.
        const inside = query.replace('cluster="eu",', '')
        const asked = query.includes('"us"') ? 'nothing' : inside
        const wanted = async (endMs: number): Promise<Series[]> => {
          const all = await Promise.all(
            servers.map(async ({ url }, i) => {
              const ask = async (path: string): Promise<Series[]> => {
                const response = await fetch(`${url}/api/v1/${path}`)
                return ((await response.json()) as { data: Series[] }).data
              }
              const found = await exemplars(ask, asked, endMs)
              return found.map((series) => ({
                ...series,
                seriesLabels: { ...series.seriesLabels, cluster: 'eu', replica: 'ab'[i]! },
              }))
            }),
          )
          return sorted(all.flat())
        }
        const isNone = asked === 'nothing'
        await expect
          .poll(async () => (await wanted(Date.now() - 3000)).length, { timeout: 30_000 })
          .toSatisfy((count: number) => isNone || count >= 2)
        // What was observed since may still be scraped.
        const endMs = Date.now() - 3000
        const apart = await wanted(endMs)
        await expect
          .poll(() => exemplars((path) => thaw(`${path}&dedup=false`), query, endMs), {
            timeout: 15_000,
          })
          .toEqual(apart)
        expect(await exemplars(thaw, query, endMs)).toEqual(merged(apart))
      },
    )

    it('are what a querier of Thanos has of `thaw store`', { timeout: 60_000 }, async (context) => {
      if (thanos === undefined) return context.skip('THAW_THANOS names no Thanos')
      const store = await startStore(bucket)
      const querier = await startQuerier(thanos, [store.address])
      const ask = async <T>(path: string): Promise<T> => {
        const response = await fetch(`${querier.url}/api/v1/${path}`)
        return ((await response.json()) as { data: T }).data
      }
      const endMs = Date.now() - 3000
      for (const query of [
        'requests_total',
        '{__name__=~".+",path!="/a"} or wait_seconds_bucket',
      ]) {
        const found = await exemplars(thaw, query, endMs)
        expect(found.length).toBeGreaterThan(1)
        expect(await exemplars(ask, query, endMs)).toEqual(found)
      }
      expect(await ask('metadata')).toEqual(await thaw('metadata'))
      await querier.stop()
      await store.stop()
    })

    it('come with the metadata of their metrics', { timeout: 60_000 }, async () => {
      const response = await fetch(`${servers[0]!.url}/api/v1/metadata`)
      const { data } = (await response.json()) as { data: { [metric: string]: unknown } }
      expect(Object.keys(data).length).toBe(FAMILIES.length)
      await expect.poll(() => thaw('metadata'), { timeout: 15_000 }).toEqual(data)
      expect(await thaw('metadata?metric=wait_seconds')).toEqual({
        wait_seconds: [{ type: 'histogram', unit: 'seconds', help: 'Waiting, "in" <line>.' }],
      })
    })
  })
}

/** `thaw store` with the flags that it has untold. */
async function startStore(
  bucket: Bucket,
): Promise<{ readonly address: string; readonly stop: () => Promise<void> }> {
  const command = addStoreFlags(new Command())
  command.parse(['--grpc-address=127.0.0.1:0', '--http-address='], { from: 'user' })
  const stopping = new AbortController()
  const listening = Promise.withResolvers<string>()
  const stopped = runStore(
    { flags: flagValues(STORE_FLAGS, command.opts()), selectorYaml: '' },
    {
      bucket,
      logger: SILENT,
      now: Date.now,
      signal: stopping.signal,
      onListening: ({ grpc }) => listening.resolve(grpc),
    },
  )
  stopped.catch(listening.reject)
  return {
    address: await listening.promise,
    async stop() {
      stopping.abort()
      await stopped
    },
  }
}

function sorted(all: readonly Series[]): Series[] {
  return all.toSorted((a, b) =>
    compareLabels(labelsFrom(a.seriesLabels), labelsFrom(b.seriesLabels)),
  )
}

/** Series without their replica, the same exemplar of both once. */
function merged(apart: readonly Series[]): Series[] {
  const series = new Map<string, Series>()
  for (const { seriesLabels, exemplars } of apart) {
    const { replica: _, ...labels } = seriesLabels
    const key = JSON.stringify(labels)
    const known = series.get(key)?.exemplars ?? []
    const unique = new Map([...known, ...exemplars].map((one) => [JSON.stringify(one), one]))
    const byTime = [...unique.values()].sort((a, b) => a.timestamp - b.timestamp)
    series.set(key, { seriesLabels: labels, exemplars: byTime })
  }
  return sorted([...series.values()])
}

const FAMILIES = ['queue', 'requests', 'wait_seconds']

/** Something new is observed every 700 ms; a scrape sees what was last. */
async function startExporter(): Promise<Server> {
  const server = createServer((_, response) => {
    const count = Math.floor(Date.now() / 700)
    const seconds = (count * 700) / 1000
    const exemplar = (value: number): string =>
      `# {trace_id="t${count}",user="ü<>"} ${value} ${seconds.toFixed(3)}`
    const lines = [
      '# HELP requests Requests.',
      '# TYPE requests counter',
      `requests_total{path="/a"} ${count} ${exemplar(1)}`,
      `requests_total{path="/b"} ${count} ${count % 2 === 0 ? exemplar(2.5) : ''}`.trim(),
      '# HELP wait_seconds Waiting, \\"in\\" <line>.',
      '# TYPE wait_seconds histogram',
      '# UNIT wait_seconds seconds',
      `wait_seconds_bucket{le="0.5"} ${count} ${exemplar((count % 5) / 10)}`,
      `wait_seconds_bucket{le="+Inf"} ${count} ${exemplar(12345.75)}`,
      `wait_seconds_count ${count}`,
      `wait_seconds_sum ${count}`,
      '# HELP queue Length.',
      '# TYPE queue gauge',
      'queue 1',
      '# EOF',
      '',
    ]
    response.setHeader('content-type', 'application/openmetrics-text; version=1.0.0; charset=utf-8')
    response.end(lines.join('\n'))
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return server
}
