/** A Prometheus of this process: its series by remote read and over its HTTP API, everything else as the test says. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { prometheusOptions } from '#agent/agent-options.ts'
import { prometheusClient } from '#agent/prometheus/prometheus-client.ts'
import type { PrometheusUnit } from '#agent/run-prometheus.ts'
import {
  compareLabels,
  type Labels,
  labelsFrom,
  labelsToRecord,
  mergeLabels,
} from '#lib/model/labels.ts'
import type { Matcher } from '#lib/model/matcher.ts'
import type { SampleColumns } from '#lib/model/samples.ts'
import { parseMetricSelector } from '#lib/promql/parse/parse.ts'
import { compileMatcher } from '#lib/regex/matcher.ts'
import { ChunkedReadWriter } from '#lib/remote/read-chunks.ts'
import { decodeReadRequest, type RemoteReadQuery } from '#lib/remote/read-request.ts'
import { columns } from '#test/store/sample-block.ts'

export interface FakeSeries {
  readonly labels: Labels
  readonly samples: SampleColumns
}

/** Series of one sample, from label sets written as records. */
export function seriesOf(...sets: readonly Readonly<Record<string, string>>[]): FakeSeries[] {
  return sets.map((set, i) => ({ labels: labelsFrom(set), samples: columns([[1000, i]]) }))
}

export interface Fake {
  readonly unit: PrometheusUnit
  /** Paths and parameters that were asked. */
  readonly requests: string[]
  readonly reads: RemoteReadQuery[]
  series: readonly FakeSeries[]
  /** By path: the `data` of the answer, or another handler. */
  readonly answers: Map<string, object | ((response: ServerResponse) => void)>
}

export async function fakePrometheus(
  external: Readonly<Record<string, string>>,
  series: readonly FakeSeries[] = [],
): Promise<Fake> {
  const fake: Omit<Fake, 'unit'> = { requests: [], reads: [], series, answers: new Map() }
  const server = createServer((request, response) => {
    void answer(fake, labelsFrom(external), request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  const prometheusUrl = `http://127.0.0.1:${port}`
  const unit: PrometheusUnit = {
    options: prometheusOptions({ tsdbPath: '/none', prometheusUrl }),
    prometheus: prometheusClient({ url: prometheusUrl, timeoutMs: 5000 }),
    state: { ready: true, externalLabels: external, minTimeMs: -Infinity },
  }
  return Object.assign(fake, { unit })
}

async function answer(
  fake: Omit<Fake, 'unit'>,
  external: Labels,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname, searchParams } = new URL(request.url!, 'http://x')
  fake.requests.push(decodeURIComponent(request.url!))
  const given = fake.answers.get(pathname)
  if (typeof given === 'function') {
    given(response)
    return
  }
  const selector = searchParams.get('match[]')
  const matchers = selector === null ? [] : parseMetricSelector(selector)
  const ms = (name: string): number | undefined => {
    const text = searchParams.get(name)
    return text === null ? undefined : Number(text) * 1000
  }
  const found = select(fake.series, matchers, ms('start'), ms('end'))
  const value = /^\/api\/v1\/label\/([^/]+)\/values$/.exec(pathname)?.[1]
  if (given !== undefined) json(response, given)
  else if (pathname === '/api/v1/read') await read(fake, external, request, response)
  else if (pathname === '/api/v1/series') json(response, found.map(labelsToRecord))
  else if (pathname === '/api/v1/labels') {
    json(response, [...new Set(found.flatMap((labels) => Object.keys(labelsToRecord(labels))))])
  } else if (value !== undefined) {
    const values = found.flatMap((labels) => labelsToRecord(labels)[value] ?? [])
    json(response, [...new Set(values)])
  } else response.writeHead(404).end('404 page not found\n')
}

function json(response: ServerResponse, data: object): void {
  response.end(JSON.stringify({ status: 'success', data }))
}

/** In the order of their labels, without the external ones, as Prometheus gives them; those with samples in the interval. */
function select(
  series: readonly FakeSeries[],
  matchers: readonly Matcher[],
  startMs = -Infinity,
  endMs = Infinity,
): Labels[] {
  const compiled = matchers.map(compileMatcher)
  return series
    .filter(({ labels, samples }) => {
      const record = labelsToRecord(labels)
      return (
        compiled.every(({ name, matches }) => matches(record[name] ?? '')) &&
        samples.timestamps.some((t) => t >= startMs && t <= endMs)
      )
    })
    .map(({ labels }) => labels)
    .sort(compareLabels)
}

async function read(
  fake: Omit<Fake, 'unit'>,
  external: Labels,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const parts: Buffer[] = []
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part)
  const [query] = decodeReadRequest(Buffer.concat(parts)).queries
  fake.reads.push(query!)
  const writer = new ChunkedReadWriter(1e9)
  for (const labels of select(fake.series, query!.matchers, query!.startMs, query!.endMs)) {
    const { timestamps, values } = fake.series.find((one) => one.labels === labels)!.samples
    const all = Array.from(timestamps, (t, i) => [t, values[i]!] as const)
    const asked = all.filter(([t]) => t >= query!.startMs && t <= query!.endMs)
    // A series keeps what it has itself.
    writer.add(0, mergeLabels(external, labels), columns(asked))
  }
  const type = 'application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse'
  response.writeHead(200, { 'content-type': type }).end(writer.take())
}
