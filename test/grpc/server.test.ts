// The server with clients of @grpc/grpc-js: what goes wrong, how much waits, who has a turn, and what is left when a client has gone.
import { once } from 'node:events'
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { serverStream, unary, type GrpcCall } from '#lib/grpc/calls.ts'
import { startGrpcServer } from '#lib/grpc/server.ts'
import { storeService } from '#lib/grpc/services.ts'
import { labelNamesRequest, labelNamesResponse, seriesRequest } from '#lib/grpc/store-messages.ts'
import { DomainError, LimitError } from '#lib/model/errors.ts'
import {
  all,
  ask,
  connect,
  COUNT,
  ECHO,
  echoService,
  open,
  RecordingObserver,
  startServer,
} from './running-server.ts'

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)

describe('calls', () => {
  it('answers with bytes, one or many, and counts them', async () => {
    const observer = new RecordingObserver()
    const service = echoService(
      (request) => Promise.resolve(Uint8Array.of(...request, 9)),
      async (request, _, sink) => {
        for (const value of request) await sink.write(bytes(value))
      },
    )
    const { port } = await startServer([service], { observer })
    observer.events.length = 0
    const client = connect(port)
    expect([...(await ask(client, ECHO, bytes(1, 2)))]).toEqual([1, 2, 9])
    const frames = await all(client, COUNT, bytes(4, 5))
    expect(frames.map((frame) => [...frame])).toEqual([[4], [5]])
    await vi.waitFor(() => expect(observer.events).toHaveLength(9))
    expect(observer.events).toEqual([
      'started Once',
      'received Once',
      'sent Once',
      'handled Once OK',
      'started Count',
      'received Count',
      'sent Count',
      'sent Count',
      'handled Count OK',
    ])
  })

  it('tells its observer all methods at the start', async () => {
    const observer = new RecordingObserver()
    await startServer([echoService((request) => Promise.resolve(request))], { observer })
    expect(observer.events).toEqual([
      'serves unary test.Echo/Once',
      'serves server_stream test.Echo/Count',
      'serves unary grpc.health.v1.Health/Check',
      'serves server_stream grpc.health.v1.Health/Watch',
      'serves bidi_stream grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
      'serves bidi_stream grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo',
    ])
  })

  it.each([
    [new DomainError('invalid', 'no matchers'), '3 INVALID_ARGUMENT: no matchers'],
    [new LimitError('too many', 1, 2), '8 RESOURCE_EXHAUSTED: too many'],
    [new DomainError('unavailable', 'bucket'), '14 UNAVAILABLE: bucket'],
    [new TypeError('secret'), '13 INTERNAL: internal error'],
  ])('says %s', async (error, expected) => {
    const observer = new RecordingObserver()
    const fail = async (): Promise<never> => {
      throw error
    }
    const { port } = await startServer([echoService(fail, fail)], { observer })
    const client = connect(port)
    await expect(ask(client, ECHO, bytes())).rejects.toThrow(expected)
    await expect(all(client, COUNT, bytes())).rejects.toThrow(expected)
    expect(observer.failures).toEqual(error instanceof DomainError ? [] : [error, error])
  })

  it('sends what was written before the error', async () => {
    const service = echoService(
      () => Promise.reject(new DomainError('invalid', 'unused')),
      async (_, __, sink) => {
        await sink.write(bytes(1))
        throw new DomainError('limit', 'no more')
      },
    )
    const { port } = await startServer([service])
    const stream = open(connect(port), COUNT, bytes())
    const seen: number[][] = []
    await expect(async () => {
      for await (const frame of stream) seen.push([...(frame as Uint8Array)])
    }).rejects.toThrow('8 RESOURCE_EXHAUSTED: no more')
    expect(seen).toEqual([[1]])
  })

  it('refuses bytes that are no message as a bad request', async () => {
    const names = unary(storeService.labelNames, labelNamesRequest, labelNamesResponse, () =>
      Promise.resolve({ names: ['a'] }),
    )
    const series = serverStream(storeService.series, seriesRequest, () => Promise.resolve())
    const { port } = await startServer([{ name: 'thanos.Store', methods: [names, series] }])
    const client = connect(port)
    const { labelNames } = storeService
    const response = await ask(client, labelNames, bytes())
    expect(labelNamesResponse.decode(response).names).toEqual(['a'])
    await expect(ask(client, labelNames, bytes(0x32, 9))).rejects.toThrow(
      '3 INVALID_ARGUMENT: LabelNamesRequest: 9 bytes wanted, 0 left at byte 2',
    )
    await expect(all(client, storeService.series, bytes(0xff))).rejects.toThrow(
      '3 INVALID_ARGUMENT: SeriesRequest: ',
    )
  })

  it('refuses a request that is too large', async () => {
    const service = echoService((request) => Promise.resolve(request))
    const { port } = await startServer([service], { maxRequestBytes: 1000 })
    const client = connect(port)
    expect(await ask(client, ECHO, new Uint8Array(1000))).toHaveLength(1000)
    await expect(ask(client, ECHO, new Uint8Array(1001))).rejects.toThrow('8 RESOURCE_EXHAUSTED')
  })
})

/** A client without a library, which takes no more than its window and may vanish. */
async function rawCall(port: number): Promise<ClientHttp2Session> {
  const session = connectHttp2(`http://127.0.0.1:${port}`)
  session.on('error', () => undefined)
  await once(session, 'connect')
  const request = session.request({
    ':method': 'POST',
    ':path': COUNT.path,
    'content-type': 'application/grpc',
    te: 'trailers',
  })
  request.on('error', () => undefined)
  request.end(bytes(0, 0, 0, 0, 0))
  onTestFinished(() => session.destroy())
  return session
}

describe('a client that does not read', () => {
  it('stops the stream that it does not take, and no other', async () => {
    let written = 0
    const service = echoService(
      (request) => Promise.resolve(request),
      async (_, __, sink) => {
        for (;;) {
          await sink.write(new Uint8Array(100_000))
          written += 100_000
        }
      },
    )
    const { port } = await startServer([service])
    await rawCall(port)
    await vi.waitFor(() => expect(written).toBeGreaterThan(0))
    for (let turn = 0; turn < 20; turn++) await sleep(10)
    // One frame on its way, and then half a megabyte.
    expect(written).toBeLessThanOrEqual(700_000)
    expect(await ask(connect(port), ECHO, bytes(1))).toHaveLength(1)
  })
})

describe('a client that has gone', () => {
  async function runningCall(): Promise<{ call: GrpcCall; port: number; ended: () => unknown }> {
    let call: GrpcCall | undefined
    let ended: unknown
    const service = echoService(
      (request) => Promise.resolve(request),
      async (_, given, sink) => {
        call = given
        try {
          for (;;) await sink.write(new Uint8Array(50_000))
        } catch (error) {
          ended = error
          throw error
        }
      },
    )
    const { port } = await startServer([service])
    const session = await rawCall(port)
    await vi.waitFor(() => expect(call).toBeDefined())
    session.destroy()
    return { call: call!, port, ended: () => ended }
  }

  it('ends the work for it', async () => {
    const { call, port, ended } = await runningCall()
    await vi.waitFor(() => expect(ended()).toBeDefined())
    expect(ended()).toEqual(new DomainError('canceled', 'the client has gone'))
    expect(call.signal.aborted).toBe(true)
    expect(await ask(connect(port), ECHO, bytes(1))).toHaveLength(1)
  })

  it('is heard of by its deadline too', async () => {
    let signal: AbortSignal | undefined
    const observer = new RecordingObserver()
    const service = echoService((_, call) => {
      ;({ signal } = call)
      return new Promise((__, reject) => {
        call.signal.addEventListener('abort', () => reject(call.signal.reason as Error))
      })
    })
    const { port } = await startServer([service], { observer })
    await expect(ask(connect(port), ECHO, bytes(), 50)).rejects.toThrow('4 DEADLINE_EXCEEDED')
    await vi.waitFor(() => expect(signal?.aborted).toBe(true))
    await vi.waitFor(() => expect(observer.events).toContain('handled Once Canceled'))
    expect(observer.failures).toEqual([])
  })
})

describe('fair share', () => {
  it('gives each stream its turn, also when all clients take everything at once', async () => {
    const order: number[] = []
    const service = echoService(
      (request) => Promise.resolve(request),
      async ([name], _, sink) => {
        for (let i = 0; i < 20; i++) {
          order.push(name!)
          await sink.write(new Uint8Array(64 * 1024))
        }
      },
    )
    const { port } = await startServer([service])
    const names = [0, 1, 2, 3, 4]
    await Promise.all(names.map((name) => all(connect(port), COUNT, bytes(name))))
    const firstToEnd = Math.min(...names.map((name) => order.lastIndexOf(name)))
    const behind = names.map((name) => order.slice(0, firstToEnd).filter((n) => n === name).length)
    expect(Math.min(...behind)).toBeGreaterThan(10)
  })
})

describe('an address', () => {
  it('that is taken is an error', async () => {
    const { port } = await startServer([])
    await expect(startGrpcServer({ address: `127.0.0.1:${port}` }, [])).rejects.toThrow(
      `gRPC on 127.0.0.1:${port}: `,
    )
  })

  it('without a host is every one', async () => {
    const { port } = await startServer([echoService((request) => Promise.resolve(request))], {
      address: ':0',
    })
    expect(await ask(connect(port), ECHO, bytes(1))).toHaveLength(1)
  })
})

describe('stopping', () => {
  it('lets calls end, and takes no others', async () => {
    let finish: (() => void) | undefined
    const service = echoService(async (request) => {
      await new Promise<void>((resolve) => {
        finish = resolve
      })
      return request
    })
    const server = await startServer([service])
    const running = ask(connect(server.port), ECHO, bytes(1))
    await vi.waitFor(() => expect(finish).toBeDefined())
    const stopped = server.stop(10_000)
    await expect(ask(connect(server.port), ECHO, bytes(2))).rejects.toThrow('14 UNAVAILABLE')
    finish!()
    expect(await running).toHaveLength(1)
    await stopped
  })

  it('ends what does not end by itself after the grace period', async () => {
    const observer = new RecordingObserver()
    const service = echoService(() => new Promise(() => undefined))
    const server = await startServer([service], { observer })
    const running = ask(connect(server.port), ECHO, bytes(1)).catch((error: Error) => error.message)
    await vi.waitFor(() => expect(observer.events).toContain('received Once'))
    await server.stop(50)
    expect(await running).toMatch(/UNAVAILABLE|CANCELLED/)
  })
})

it('lets a connection go when it is old, between calls', async () => {
  const service = echoService((request) => Promise.resolve(request))
  const { port } = await startServer([service], { maxConnectionAgeMs: 50 })
  const session = connectHttp2(`http://127.0.0.1:${port}`)
  session.on('error', () => undefined)
  await once(session, 'goaway')
  session.destroy()
  expect(await ask(connect(port), ECHO, bytes(1))).toHaveLength(1)
})

it('answers pings however often they come', async () => {
  const { port } = await startServer([])
  const session = connectHttp2(`http://127.0.0.1:${port}`)
  await once(session, 'connect')
  for (let i = 0; i < 50; i++) {
    await new Promise<void>((resolve, reject) => {
      session.ping((error) => (error ? reject(error) : resolve()))
    })
  }
  expect(session.closed).toBe(false)
  session.destroy()
})
