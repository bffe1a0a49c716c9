/** The agent's StoreAPI in bad times: Prometheus gone and back, clients that ask for everything and vanish, Prometheus behind a password. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client, credentials } from '@grpc/grpc-js'
import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  onTestFinished,
  type TestContext,
} from 'vitest'
import { prometheusOptions } from '#agent/agent-options.ts'
import { prometheusClient } from '#agent/prometheus/prometheus-client.ts'
import type { PrometheusUnit } from '#agent/run-prometheus.ts'
import { healthMessages, healthService } from '#lib/grpc/health.ts'
import { infoRequest, infoResponse } from '#lib/grpc/info-messages.ts'
import { infoService, storeService } from '#lib/grpc/services.ts'
import { seriesRequest } from '#lib/grpc/store-messages.ts'
import { compareUtf8 } from '#lib/model/labels.ts'
import { servicesOver } from '#test/agent/store-api/client.ts'
import { firstRemoteWriteRequest } from '#test/data/remote-write-request.ts'
import { ask, open } from '#test/grpc/running-server.ts'
import {
  findPrometheus,
  type PrometheusServer,
  type PrometheusSettings,
  startPrometheus,
} from '#test/peer/prometheus.ts'
import { needPeer } from '#test/peer/skip-report.ts'
import {
  ACCEPTANCE_SERIES,
  EXTERNAL_LABELS,
  storeApiAcceptance,
} from '#test/store-api/acceptance.ts'
import { storeOver, type TestStore } from '#test/store-api/fixture.ts'
import { startAgent, startTarget } from './support/sidecar-world.ts'
import { seriesOf } from './support/store-requests.ts'

const found = await findPrometheus()
const PROMETHEUS_3 = process.env['THAW_PROMETHEUS_3']

interface World {
  readonly prometheus: PrometheusServer
  readonly agent: { readonly address: string; readonly httpUrl: string }
  readonly client: Client
  readonly restart: () => Promise<void>
}

interface WorldOptions extends Partial<Pick<PrometheusSettings, 'flags' | 'authorization'>> {
  readonly httpClientYaml?: string
}

async function startWorld(
  context: TestContext,
  { httpClientYaml, ...more }: WorldOptions = {},
): Promise<World> {
  const { binary } = needPeer(context, found)
  const dataDir = await mkdtemp(join(tmpdir(), 'thaw-agent-'))
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }))
  const target = await startTarget()
  onTestFinished(() => target.stop())
  const config = `global: {scrape_interval: 1s, external_labels: {cluster: eu}}
scrape_configs: [{job_name: j, honor_labels: true, static_configs: [{targets: ['${target.address}']}]}]
`
  const settings = { binary, dataDir, config, ...more }
  const prometheus = await startPrometheus(settings)
  let running = prometheus
  onTestFinished(() => running.stop())
  const agent = await startAgent([
    { url: prometheus.url, dataDir, ...(httpClientYaml && { httpClientYaml }) },
  ])
  onTestFinished(() => agent.stop())
  const client = new Client(agent.address, credentials.createInsecure())
  onTestFinished(() => client.close())
  return {
    prometheus,
    agent,
    client,
    async restart() {
      running = await startPrometheus({ ...settings, port: prometheus.port })
    },
  }
}

async function eventually(fact: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (await fact()) return
    await sleep(100)
  }
  throw new Error('it never came true')
}

async function health(client: Client): Promise<string> {
  const request = healthMessages.checkRequest.encode({ service: 'thanos.Store' })
  return healthMessages.checkResponse.decode(await ask(client, healthService.check, request)).status
}

const REQUESTS = [{ type: '=' as const, name: '__name__', value: 'requests_total' }]

async function hasSeries(client: Client): Promise<boolean> {
  return (await seriesOf(client, { matchers: REQUESTS }, Date.now())).length === 2
}

describe('a Prometheus that goes', () => {
  it('takes health and Info with it, and all comes back with it', async (context) => {
    const { prometheus, client, restart } = await startWorld(context)
    await eventually(
      async () => (await health(client)) === 'SERVING' && hasSeries(client).catch(() => false),
    )
    await prometheus.stop()
    await eventually(async () => (await health(client)) === 'NOT_SERVING')
    const info = ask(client, infoService.info, infoRequest.encode({}))
    await expect(info).rejects.toThrow('14 UNAVAILABLE: not ready')
    await expect(hasSeries(client)).rejects.toThrow(
      `14 UNAVAILABLE: no connection to ${prometheus.url}: connect ECONNREFUSED`,
    )
    await restart()
    await eventually(
      async () => (await health(client)) === 'SERVING' && hasSeries(client).catch(() => false),
    )
    const answer = infoResponse.decode(await ask(client, infoService.info, infoRequest.encode({})))
    expect(answer.labelSets).toEqual([['cluster', 'eu']])
  })
})

describe('clients that vanish', () => {
  it('leave nothing running, here and in Prometheus', async (context) => {
    const { prometheus, agent, client } = await startWorld(context)
    await eventually(() => hasSeries(client).catch(() => false))
    const request = seriesRequest.encode({
      maxTime: Date.now(),
      matchers: [{ type: '=~', name: '__name__', value: '.+' }],
    })
    for (let round = 0; round < 5; round++) {
      const streams = Array.from({ length: 20 }, () => open(client, storeService.series, request))
      for (const stream of streams) stream.on('error', () => {})
      // Some before Prometheus was asked, others while it answers.
      await sleep(round * 5)
      for (const stream of streams) stream.cancel()
    }
    const metric = async (url: string, pattern: RegExp): Promise<number> => {
      const text = await (await fetch(`${url}/metrics`)).text()
      return [...text.matchAll(pattern)].reduce((sum, [, value]) => sum + Number(value), 0)
    }
    const started = /^grpc_server_started_total\{.*grpc_method="Series"\} (\d+)$/gm
    const handled = /^grpc_server_handled_total\{.*grpc_method="Series".*\} (\d+)$/gm
    await eventually(
      async () =>
        (await metric(agent.httpUrl, started)) === (await metric(agent.httpUrl, handled)) &&
        (await metric(prometheus.url, /^prometheus_remote_read_handler_queries (\d+)$/gm)) === 0,
    )
    expect(await hasSeries(client)).toBe(true)
  })
})

describe('a Prometheus behind a password', () => {
  // Of "secret", with as few rounds as there can be.
  const HASH = '$2y$04$JXaP3OA6fTj0eW9BiBoXyOmqXvsA3Eg1nT/XHvGssR2e5NTCOOb0y'

  it('is asked with it, by the heartbeat and for series alike', async (context) => {
    const dir = await mkdtemp(join(tmpdir(), 'thaw-agent-'))
    onTestFinished(() => rm(dir, { recursive: true, force: true }))
    const web = join(dir, 'web.yml')
    await writeFile(web, `basic_auth_users: {me: ${HASH}}\n`)
    const password = join(dir, 'password')
    await writeFile(password, 'secret\n')
    const { client } = await startWorld(context, {
      flags: [`--web.config.file=${web}`],
      authorization: `Basic ${btoa('me:secret')}`,
      httpClientYaml: `basic_auth: {username: me, password_file: ${password}}`,
    })
    await eventually(() => hasSeries(client).catch(() => false))
    await writeFile(password, 'wrong\n')
    await expect(hasSeries(client)).rejects.toThrow('7 PERMISSION_DENIED')
    await eventually(async () => (await health(client)) === 'NOT_SERVING')
  })
})

describe('over Prometheus 3, the StoreAPI passes what every one must', () => {
  let store: TestStore
  const ends: (() => Promise<void>)[] = []

  beforeAll(async () => {
    if (PROMETHEUS_3 === undefined) return
    const units = await Promise.all(EXTERNAL_LABELS.map(written))
    store = storeOver(servicesOver(units))
  })

  afterAll(async () => {
    for (const end of ends.toReversed()) await end()
  })

  beforeEach((context) => {
    if (PROMETHEUS_3 === undefined) context.skip('THAW_PROMETHEUS_3 names no Prometheus 3.x')
  })

  storeApiAcceptance(() => store, { needsOwnMatcher: true })

  /** A Prometheus with these external labels, and the series of the cases. */
  async function written(external: Readonly<Record<string, string>>): Promise<PrometheusUnit> {
    const dataDir = await mkdtemp(join(tmpdir(), 'thaw-agent-'))
    ends.push(() => rm(dataDir, { recursive: true, force: true }))
    const config = `global: {external_labels: ${JSON.stringify(external)}}\n`
    const flags = ['--web.enable-remote-write-receiver', '--storage.tsdb.retention.time=100y']
    const { url, stop } = await startPrometheus({ binary: PROMETHEUS_3!, dataDir, config, flags })
    ends.push(stop)
    const series = ACCEPTANCE_SERIES.map(({ labels, timesMs }) => ({
      labels: Object.entries(labels).sort(([a], [b]) => compareUtf8(a, b)),
      samples: timesMs.map((t) => ({ t, v: t })),
    }))
    const answer = await fetch(`${url}/api/v1/write`, {
      method: 'POST',
      body: firstRemoteWriteRequest(series),
      headers: { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' },
    })
    expect(answer.status).toBe(204)
    return {
      options: prometheusOptions({ tsdbPath: dataDir, prometheusUrl: url }),
      prometheus: prometheusClient({ url, timeoutMs: 5000 }),
      state: { ready: true, externalLabels: external, minTimeMs: -Infinity },
    }
  }
})
