/** Reading series out of a Prometheus: both kinds of answers, and those that are neither. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { prometheusClient } from '#agent/prometheus/prometheus-client.ts'
import { type RemoteSeries, remoteRead } from '#agent/prometheus/remote-read.ts'
import type { SampleColumns } from '#lib/model/samples.ts'
import { ChunkedReadWriter } from '#lib/remote/read-chunks.ts'
import { decodeReadRequest, type RemoteReadRequest } from '#lib/remote/read-request.ts'
import { ReadResponseWriter } from '#lib/remote/read-samples.ts'
import { XOR } from '#lib/tsdb/chunk/chunk.ts'
import { columns, every } from '#test/store/sample-block.ts'

type Answer = (response: ServerResponse, request: RemoteReadRequest) => void

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part)
  return Buffer.concat(parts)
}

/** A Prometheus whose remote read answers so. */
async function prometheus(answer: Answer) {
  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => answer(response, decodeReadRequest(body)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  return prometheusClient({ url: `http://127.0.0.1:${port}`, timeoutMs: 5000 })
}

const STREAMED = {
  'content-type': 'application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse',
}
const SAMPLED = { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' }
const QUERY = {
  matchers: [{ type: '=~' as const, name: 'a', value: 'x|y' }],
  minTimeMs: -Infinity,
  maxTimeMs: 7,
}

async function readAll(
  answer: Answer,
  signal = new AbortController().signal,
): Promise<RemoteSeries[]> {
  const found: RemoteSeries[] = []
  for await (const series of remoteRead(await prometheus(answer), QUERY, signal)) found.push(series)
  return found
}

function chunksOf(series: readonly (readonly [string, SampleColumns])[], frameBytes?: number) {
  const writer = new ChunkedReadWriter(1e9, frameBytes)
  for (const [name, samples] of series) writer.add(0, ['__name__', name], samples)
  return writer.take()
}

const LONG = every(1000, 0, 1_000_000, (t) => Math.cos(t))

describe('remoteRead', () => {
  it('asks for chunks, then for samples, in times that the protocol can say', async () => {
    let asked: RemoteReadRequest | undefined
    await readAll((response, request) => {
      asked = request
      response.writeHead(200, STREAMED).end()
    })
    expect(asked).toMatchObject({
      acceptedTypes: [1, 0],
      queries: [{ startMs: Number.MIN_SAFE_INTEGER, endMs: 7, matchers: QUERY.matchers }],
    })
  })

  it('joins a series that comes in several frames', async () => {
    const body = chunksOf(
      [
        ['a', LONG],
        ['b', columns([[1, 2]])],
      ],
      100,
    )
    const found = await readAll((response) => response.writeHead(200, STREAMED).end(body))
    expect(found.map(({ labels }) => labels[1])).toEqual(['a', 'b'])
    expect(found[0]!.chunks.length).toBe(Math.ceil(1000 / 120))
    expect(found[0]!.chunks[0]!.minTimeMs).toBe(0)
    expect(found[0]!.chunks.at(-1)!.maxTimeMs).toBe(999_000)
  })

  it('makes chunks of at most 120 out of samples, and leaves out series without any', async () => {
    const writer = new ReadResponseWriter(1e9)
    writer.beginResult()
    writer.add(['__name__', 'a'], LONG)
    writer.add(['__name__', 'empty'], columns([]))
    writer.endResult()
    const body = writer.finish()
    const found = await readAll((response) => response.writeHead(200, SAMPLED).end(body))
    expect(found.map(({ labels }) => labels[1])).toEqual(['a'])
    const counts = found[0]!.chunks.map(({ data }) => (data[0]! << 8) | data[1]!)
    expect(Math.max(...counts)).toBeLessThanOrEqual(120)
    expect(counts.reduce((sum, count) => sum + count)).toBe(1000)
    expect(found[0]!.chunks.every(({ encoding }) => encoding === XOR)).toBe(true)
  })

  it('gives series before the answer is there whole, and lets it go when nobody wants more', async () => {
    const closed = Promise.withResolvers<void>()
    const client = await prometheus((response) => {
      response.on('close', closed.resolve)
      response.writeHead(200, STREAMED)
      response.write(
        chunksOf([
          ['a', LONG],
          ['b', LONG],
        ]),
      )
    })
    for await (const { labels } of remoteRead(client, QUERY, new AbortController().signal)) {
      expect(labels[1]).toBe('a')
      break
    }
    await closed.promise
  })

  it('does not read on while the caller waits', async () => {
    let written = 0
    const body = chunksOf(Array.from({ length: 40 }, (_, i) => [`m${i + 10}`, LONG] as const))
    const client = await prometheus((response) => {
      response.writeHead(200, STREAMED)
      const more = (): void => {
        while (written < 200e6) {
          written += body.length
          if (!response.write(body)) break
        }
      }
      response.on('drain', more)
      more()
    })
    for await (const _ of remoteRead(client, QUERY, new AbortController().signal)) {
      await new Promise((resolve) => setTimeout(resolve, 300))
      break
    }
    expect(written).toBeLessThan(50e6)
  })

  it.each([
    [400, 'exceeded sample limit (5)\n', 'invalid', /answered 400: exceeded sample limit \(5\)$/],
    [404, '404 page not found', 'not-found', /answered 404/],
    [401, '', 'unauthorized', /answered 401/],
    [500, 'boom', 'unavailable', /answered 500: boom$/],
  ])('has an error for status %i', async (status, text, kind, message) => {
    const read = readAll((response) => response.writeHead(status).end(text))
    await expect(read).rejects.toMatchObject({
      kind,
      message: expect.stringMatching(message) as string,
    })
  })

  it('refuses content of another type', async () => {
    const read = readAll((response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end(),
    )
    await expect(read).rejects.toThrow('answered with content of type "text/html"')
  })

  it('has an error for an answer that breaks off, between frames too', async () => {
    const body = chunksOf([
      ['a', LONG],
      ['b', LONG],
    ])
    const read = readAll((response) => {
      response.writeHead(200, STREAMED).write(body)
      setTimeout(() => response.destroy(), 20)
    })
    await expect(read).rejects.toMatchObject({ kind: 'unavailable' })
  })

  it('has an error for a frame that ends early', async () => {
    const body = chunksOf([['a', LONG]]).subarray(0, -1)
    const read = readAll((response) => response.writeHead(200, STREAMED).end(body))
    await expect(read).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringMatching(
        /^http:.*\/api\/v1\/read: the answer ends within a frame at byte \d+$/,
      ) as string,
    })
  })

  it('ends with its signal', async () => {
    const read = readAll(
      (response) => response.writeHead(200, STREAMED).flushHeaders(),
      AbortSignal.timeout(50),
    )
    await expect(read).rejects.toMatchObject({ kind: 'canceled' })
  })
})
