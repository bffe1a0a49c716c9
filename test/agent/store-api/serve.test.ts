/** The running agent's gRPC server: from the first heartbeat to its end. */
import type { ServerResponse } from 'node:http'
import { describe, expect, it, onTestFinished } from 'vitest'
import { agentOptions, prometheusOptions } from '#agent/agent-options.ts'
import { SILENT } from '#agent/logger.ts'
import { runAgent } from '#agent/run-agent.ts'
import type { GrpcSettings } from '#agent/flags/grpc-flags.ts'
import { NO_STORE_API } from '#agent/store-api/serve-store-api.ts'
import { decodeSeriesResponse } from '#lib/grpc/series-messages.ts'
import { storeService } from '#lib/grpc/services.ts'
import { seriesRequest } from '#lib/grpc/store-messages.ts'
import { ChunkedReadWriter } from '#lib/remote/read-chunks.ts'
import { connect, open } from '#test/grpc/running-server.ts'
import { every } from '#test/store/sample-block.ts'
import { temporaryDir } from '../block-fixture.ts'
import { type Fake, fakePrometheus } from './fake-prometheus.ts'

async function readyPrometheus(): Promise<Fake> {
  const fake = await fakePrometheus({ cluster: 'eu' })
  const text = (body: string) => (response: ServerResponse) => response.end(body)
  fake.answers.set('/-/ready', text('ok'))
  fake.answers.set('/metrics', text('prometheus_tsdb_lowest_timestamp_seconds 1\n'))
  fake.answers.set('/api/v1/labels', ['__name__'])
  fake.answers.set('/api/v1/status/buildinfo', { version: '3.14.0' })
  fake.answers.set('/api/v1/status/config', { yaml: 'global: {external_labels: {cluster: eu}}' })
  return fake
}

async function start(prometheusUrl: string, given: Partial<GrpcSettings>) {
  const stop = new AbortController()
  const grpc = Promise.withResolvers<string>()
  const http = Promise.withResolvers<string>()
  const tsdbPath = await temporaryDir()
  const ended = runAgent(
    agentOptions({
      prometheuses: [prometheusOptions({ prometheusUrl, tsdbPath, getConfigIntervalMs: 20 })],
      httpAddress: '127.0.0.1:0',
      storeApi: { ...NO_STORE_API, address: '127.0.0.1:0', ...given },
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
  onTestFinished(async () => {
    stop.abort()
    await ended
  })
  const ready = async (): Promise<boolean> => (await fetch(`${await http.promise}/-/ready`)).ok
  while (!(await ready())) await new Promise((resolve) => setTimeout(resolve, 10))
  const port = Number((await grpc.promise).split(':').at(-1))
  return { url: await http.promise, client: connect(port), stop, ended }
}

/** The second half of an answer waits until it may come. */
function halfAnswer(fake: Fake): () => void {
  const go = Promise.withResolvers<void>()
  const half = (name: string): Uint8Array => {
    const writer = new ChunkedReadWriter(1e9)
    const samples = every(1000, 0, 100_000, (t) => Math.sin(t))
    for (let i = 0; i < 100; i++) writer.add(0, ['__name__', `${name}${100 + i}`], samples)
    return writer.take()
  }
  fake.answers.set('/api/v1/read', (response: ServerResponse) => {
    const type = 'application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse'
    response.writeHead(200, { 'content-type': type }).write(half('a'))
    void go.promise.then(() => response.end(half('b')))
  })
  return go.resolve
}

const REQUEST = seriesRequest.encode({
  maxTime: 1_000_000,
  matchers: [{ type: '!=', name: '__name__', value: '' }],
})

describe('an agent that is told to end', () => {
  it('lets calls that run come to their end', async () => {
    const fake = await readyPrometheus()
    const go = halfAnswer(fake)
    const { client, stop, ended } = await start(fake.unit.prometheus.url, { gracePeriodMs: 10_000 })
    let count = 0
    for await (const frame of open(client, storeService.series, REQUEST)) {
      if (count === 0) {
        stop.abort()
        setTimeout(go, 50)
      }
      count += decodeSeriesResponse(frame as Uint8Array).series.length
    }
    expect(count).toBe(200)
    await ended
  })

  it('ends those that take longer than they may', async () => {
    const fake = await readyPrometheus()
    halfAnswer(fake)
    const { client, stop, ended } = await start(fake.unit.prometheus.url, { gracePeriodMs: 50 })
    const read = async (): Promise<void> => {
      for await (const frame of open(client, storeService.series, REQUEST)) {
        expect(frame).toBeInstanceOf(Uint8Array)
        stop.abort()
      }
    }
    await expect(read()).rejects.toThrow(/CANCELLED|UNAVAILABLE/)
    await ended
  })
})

it('counts calls and limits under the names of Go and Thanos', async () => {
  const fake = await readyPrometheus()
  halfAnswer(fake)()
  const limits = { series: 5, samples: 0 }
  const { url, client } = await start(fake.unit.prometheus.url, { gracePeriodMs: 50, limits })
  const read = async (): Promise<void> => {
    for await (const frame of open(client, storeService.series, REQUEST)) {
      expect(frame).toBeInstanceOf(Uint8Array)
    }
  }
  await expect(read()).rejects.toThrow('8 RESOURCE_EXHAUSTED')
  const text = await (await fetch(`${url}/metrics`)).text()
  expect(text).toContain('thanos_store_selects_dropped_total{reason="series"} 1\n')
  expect(text).toContain('thanos_store_selects_dropped_total{reason="chunks"} 0\n')
  const call = 'grpc_type="server_stream",grpc_service="thanos.Store",grpc_method="Series"'
  expect(text).toContain(`grpc_server_started_total{${call}} 1\n`)
  expect(text).toContain(`grpc_server_handled_total{${call},grpc_code="ResourceExhausted"} 1\n`)
  expect(text).toContain(`grpc_server_msg_received_total{${call}} 1\n`)
})
