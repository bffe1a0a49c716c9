/** Two Prometheuses of one cluster, with real Thanos sidecars and with agents of this process beside them. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { agentOptions, prometheusOptions } from '#agent/agent-options.ts'
import { SILENT } from '#agent/logger.ts'
import { runAgent } from '#agent/run-agent.ts'
import type { GrpcSettings } from '#agent/flags/grpc-flags.ts'
import { NO_STORE_API } from '#agent/store-api/serve-store-api.ts'
import { END_MS, floatSeries, histogramSeries } from '#test/data/made-series.ts'
import { firstRemoteWriteRequest } from '#test/data/remote-write-request.ts'
import { type PrometheusServer, startPrometheus } from '#test/peer/prometheus.ts'
import { answers, freePort, startServer } from '#test/peer/server.ts'

export const REPLICAS = ['a', 'b'] as const
export type Replica = (typeof REPLICAS)[number]

type End = () => Promise<void>

/** Counters with exemplars, a classic histogram, and labels of every kind, some with the names of external ones. */
function exposition(nowMs: number): string {
  const n = Math.floor(nowMs / 1000) % 100_000
  const at = (nowMs / 1000).toFixed(3)
  return `# TYPE requests counter
# HELP requests What came in.
requests_total{code="200"} ${n} # {trace_id="t${n}"} 0.67 ${at}
requests_total{code="500"} ${Math.floor(n / 7)} # {trace_id="u${n}",user="ü"} 0.5 ${at}
# TYPE latency histogram
# UNIT latency_seconds seconds
latency_bucket{le="0.1"} ${n}
latency_bucket{le="1"} ${2 * n} # {trace_id="v${n}"} 0.54
latency_bucket{le="+Inf"} ${2 * n + 1}
latency_sum ${n}
latency_count ${2 * n + 1}
# TYPE app gauge
# HELP app "Quoted" \\\\ and a\\nnewline.
app 1
app{host="1"} 2
app{host="1",zone="x"} 3
app{host="2",zone="y"} 4
app{path="/ünïcode/😀"} 5
app{cluster="own",zone="z"} 6
app{cluster="other",zone="a"} 7
app{replica="own"} 8
# TYPE gone gauge
${n % 20 < 10 ? 'gone 1\n' : ''}# EOF
`
}

export async function startTarget(): Promise<{ readonly address: string; readonly stop: End }> {
  const type = 'application/openmetrics-text; version=1.0.0; charset=utf-8'
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': type }).end(exposition(Date.now()))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    address: `127.0.0.1:${port}`,
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const RULES = `groups:
- name: recorded
  rules:
  - {record: 'cluster:requests:rate', expr: 'sum(rate(requests_total[10s]))', labels: {team: one}}
- name: alerts
  limit: 50
  rules:
  - alert: Always
    expr: app > 2
    labels: {severity: page, cluster: own}
    annotations: {summary: 'at {{ $value }}', empty: ''}
  - {alert: Never, expr: app > 99, for: 1m, labels: {severity: ticket}}
  - {alert: Pending, expr: app == 1, for: 1h}
- name: empty
  rules: []
`

export interface WorldSettings {
  readonly binary: string
  /** 2.42 breaks off answers of remote read at the first of them. */
  readonly histograms: boolean
  /** Of what it scrapes. */
  readonly target: string
  /** Where its rules are; in its own directory by default. */
  readonly rulesFile?: string | undefined
}

/** Samples of the last two hours are written first, then it begins to scrape. */
export async function startWorldPrometheus(
  { binary, histograms, target, rulesFile }: WorldSettings,
  dataDir: string,
  replica: Replica,
): Promise<PrometheusServer> {
  const rules = rulesFile ?? join(dataDir, 'rules.yml')
  const external = `global: {scrape_interval: 1s, evaluation_interval: 1s, external_labels: {cluster: eu, replica: ${replica}, m: x}}\n`
  const server = await startPrometheus({
    binary,
    dataDir,
    config: external,
    flags: [
      '--storage.tsdb.min-block-duration=2h',
      '--storage.tsdb.max-block-duration=2h',
      '--enable-feature=exemplar-storage,native-histograms',
      '--web.enable-remote-write-receiver',
      '--web.enable-lifecycle',
      '--log.level=warn',
    ],
  })
  const shift = Math.floor((Date.now() - END_MS) / 15_000) * 15_000 - 120_000
  await writeMade(server.url, shift, histograms)
  await writeFile(rules, RULES)
  await writeFile(
    join(dataDir, 'prometheus.yml'),
    `${external}rule_files: [${rules}]
scrape_configs:
- job_name: target
  honor_labels: true
  static_configs: [{targets: ['${target}'], labels: {cluster: own}}]
- job_name: down
  static_configs: [{targets: ['127.0.0.1:1']}]
- job_name: dropped
  static_configs: [{targets: ['127.0.0.1:2']}]
  relabel_configs: [{action: drop, source_labels: [__address__], regex: .*}]
`,
  )
  const reloaded = await fetch(`${server.url}/-/reload`, { method: 'POST' })
  if (!reloaded.ok) throw new Error(await reloaded.text())
  return server
}

/** What the golden blocks are made of. */
async function writeMade(url: string, shift: number, histograms: boolean): Promise<void> {
  const series = [...floatSeries(), ...(histograms ? histogramSeries() : [])].map(
    ({ labels, samples }) => ({
      labels,
      samples: samples.map((sample) => ({ ...sample, t: sample.t + shift })),
    }),
  )
  const times = new Set(series.flatMap(({ samples }) => samples.map(({ t }) => t)))
  for (const time of [...times].sort((a, b) => a - b)) {
    const now = series
      .map((one) => ({ ...one, samples: one.samples.filter(({ t }) => t === time) }))
      .filter(({ samples }) => samples.length > 0)
    const answer = await fetch(`${url}/api/v1/write`, {
      method: 'POST',
      body: firstRemoteWriteRequest(now),
      headers: {
        'content-type': 'application/x-protobuf',
        'content-encoding': 'snappy',
        'x-prometheus-remote-write-version': '0.1.0',
      },
    })
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`)
  }
}

export interface Endpoint {
  /** Of its gRPC server. */
  readonly address: string
  readonly stop: End
}

export async function startSidecar(
  thanos: string,
  prometheusUrl: string,
  dataDir: string,
): Promise<Endpoint> {
  const address = `127.0.0.1:${await freePort()}`
  const http = `127.0.0.1:${await freePort()}`
  const server = await startServer({
    file: thanos,
    args: [
      'sidecar',
      `--prometheus.url=${prometheusUrl}`,
      `--tsdb.path=${dataDir}`,
      `--grpc-address=${address}`,
      `--http-address=${http}`,
      '--prometheus.get_config_interval=1s',
      '--log.level=error',
    ],
    ready: () => answers(`http://${http}/-/ready`),
  })
  return { address, stop: () => server.stop() }
}

export interface WorldAgent extends Endpoint {
  readonly httpUrl: string
}

/** One agent for all of these Prometheuses. */
export async function startAgent(
  prometheuses: readonly {
    readonly url: string
    readonly dataDir: string
    readonly httpClientYaml?: string
  }[],
  storeApi: Partial<GrpcSettings> = {},
): Promise<WorldAgent> {
  const stop = new AbortController()
  const grpc = Promise.withResolvers<string>()
  const http = Promise.withResolvers<string>()
  const ended = runAgent(
    agentOptions({
      prometheuses: prometheuses.map(({ url, dataDir, httpClientYaml = '' }, i) =>
        prometheusOptions({
          name: prometheuses.length === 1 ? '' : `p${i}`,
          prometheusUrl: url,
          tsdbPath: dataDir,
          httpClientYaml,
          getConfigIntervalMs: 200,
        }),
      ),
      httpAddress: '127.0.0.1:0',
      storeApi: { ...NO_STORE_API, address: '127.0.0.1:0', gracePeriodMs: 100, ...storeApi },
    }),
    {
      bucket: undefined,
      logger: SILENT,
      now: Date.now,
      signal: stop.signal,
      onListening: http.resolve,
      onStoreApi: grpc.resolve,
    },
  )
  ended.catch(grpc.reject)
  return {
    address: await grpc.promise,
    httpUrl: await http.promise,
    async stop() {
      stop.abort()
      await ended
    },
  }
}

/** Resolves when the querier knows all of the endpoints. Its URL. */
export async function startQuerier(
  thanos: string,
  endpoints: readonly string[],
): Promise<{ readonly url: string; readonly grpcAddress: string; readonly stop: End }> {
  const grpcAddress = `127.0.0.1:${await freePort()}`
  const http = `127.0.0.1:${await freePort()}`
  const url = `http://${http}`
  const server = await startServer({
    file: thanos,
    args: [
      'query',
      ...endpoints.map((endpoint) => `--endpoint=${endpoint}`),
      `--http-address=${http}`,
      `--grpc-address=${grpcAddress}`,
      '--query.replica-label=replica',
      '--endpoint.info-timeout=2s',
      '--log.level=error',
    ],
    ready: async () => (await answers(`${url}/-/ready`)) && (await hasAll(url, endpoints.length)),
  })
  return { url, grpcAddress, stop: () => server.stop() }
}

async function hasAll(url: string, count: number): Promise<boolean> {
  const { data } = (await (await fetch(`${url}/api/v1/stores`)).json()) as { data?: object }
  const stores = Object.values(data ?? {}).flat() as { readonly lastError: unknown }[]
  return stores.filter(({ lastError }) => lastError === null).length === count
}

/** Until it has what rules and scrapes make. */
export async function settled(url: string): Promise<void> {
  for (let attempt = 0; attempt < 120; attempt++) {
    const query = 'count(ALERTS) > 6 and on() count(cluster:requests:rate) and on() up == 0'
    const answer = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(query)}`)
    const { data } = (await answer.json()) as { data: { result: unknown[] } }
    if (data.result.length > 0) return
    await sleep(250)
  }
  throw new Error(`${url} has not settled`)
}
