import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { type GrpcClient, grpcClient, groupClient } from '#lib/grpc/client.ts'
import { type ClientTls, NO_TLS, readClientCredentials } from '#lib/grpc/client-tls.ts'
import type { GrpcServerOptions } from '#lib/grpc/server.ts'
import { DomainError } from '#lib/model/errors.ts'
import { COUNT, ECHO, echoService, startServer, type Stream, type Unary } from './running-server.ts'

const DATA = 'test/data/grpc-tls'
const body = Uint8Array.of(1, 2, 3)
const echo: Unary = async (request) => request

async function connected(
  { once = echo, count }: { once?: Unary; count?: Stream } = {},
  options: Partial<GrpcServerOptions> = {},
  tls: ClientTls = NO_TLS,
): Promise<GrpcClient & { stop: () => Promise<void> }> {
  const server = await startServer([echoService(once, count)], options)
  const { credentials: own } = await readClientCredentials(tls)
  const { serverName } = tls
  const client = grpcClient(`127.0.0.1:${server.port}`, {
    credentials: own,
    ...(serverName !== '' && { serverName }),
  })
  onTestFinished(() => client.close())
  return { ...client, stop: () => server.stop(0) }
}

describe('a call', () => {
  it('gives bytes and takes bytes, with metadata', async () => {
    const seen: string[] = []
    const client = await connected({
      async once(request, call) {
        seen.push(call.header('thanos-tenant'))
        return request
      },
    })
    const metadata = { 'thanos-tenant': 'team-a' }
    expect([...(await client.unary(ECHO, { body, timeoutMs: 0, metadata }))]).toEqual([1, 2, 3])
    expect(seen).toEqual(['team-a'])
  })

  it('that fails says why, and of what kind that is', async () => {
    const fail = (): Promise<never> => Promise.reject(new DomainError('limit', 'too much'))
    const client = await connected({ once: fail, count: fail })
    const expected = expect.objectContaining({ kind: 'limit', message: 'too much' }) as Error
    await expect(client.unary(ECHO, { body, timeoutMs: 0 })).rejects.toThrow(expected)
    await expect(Array.fromAsync(client.stream(COUNT, { body, timeoutMs: 0 }))).rejects.toThrow(
      expected,
    )
    await client.stop()
    await expect(client.unary(ECHO, { body, timeoutMs: 0 })).rejects.toThrow(
      expect.objectContaining({ kind: 'unavailable' }),
    )
  })

  it('that takes too long is ended', async () => {
    const wait = async (): Promise<never> => new Promise(() => undefined)
    const client = await connected({ once: wait, count: wait })
    const expected = expect.objectContaining({
      kind: 'timeout',
      message: 'no answer for 100 ms',
    }) as Error
    const request = { body, timeoutMs: 100 }
    await expect(client.unary(ECHO, request)).rejects.toThrow(expected)
    await expect(Array.fromAsync(client.stream(COUNT, request))).rejects.toThrow(expected)
  })

  it('gets messages no faster than it takes them', async () => {
    const frame = new Uint8Array(1_000_000)
    let written = 0
    let isOver = false
    const client = await connected({
      async count(_, call, sink) {
        call.signal.addEventListener('abort', () => (isOver = true))
        for (; written < 200; written++) await sink.write(frame.slice())
      },
    })
    for await (const message of client.stream(COUNT, { body, timeoutMs: 0 })) {
      expect(message).toHaveLength(1_000_000)
      expect(await settled(() => written)).toBeLessThan(30)
      break
    }
    await vi.waitFor(() => expect(isOver).toBe(true))
  })
})

/** Its value when it no longer changes. */
async function settled(value: () => number): Promise<number> {
  for (;;) {
    const before = value()
    await new Promise((resolve) => setTimeout(resolve, 200))
    if (value() === before) return before
  }
}

describe('a group', () => {
  it('asks in turn, and another where one is away', async () => {
    const asked: string[] = []
    const one = (name: string) => ({
      async once(request: Uint8Array): Promise<Uint8Array> {
        asked.push(name)
        return request
      },
      async count(_: Uint8Array, __: unknown, sink: Parameters<Stream>[2]): Promise<void> {
        asked.push(`${name} stream`)
        await sink.write(Uint8Array.of(1))
      },
    })
    const [a, b] = [await connected(one('a')), await connected(one('b'))]
    const group = groupClient([a, b])
    for (let i = 0; i < 4; i++) await group.unary(ECHO, { body, timeoutMs: 0 })
    expect(asked.splice(0)).toEqual(['a', 'b', 'a', 'b'])
    await a.stop()
    await group.unary(ECHO, { body, timeoutMs: 0 })
    expect(await Array.fromAsync(group.stream(COUNT, { body, timeoutMs: 0 }))).toHaveLength(1)
    expect(asked).toEqual(['b', 'b stream'])
    await b.stop()
    await expect(group.unary(ECHO, { body, timeoutMs: 0 })).rejects.toThrow(DomainError)
  })

  it('does not ask again what it can no longer take back, nor what was wrong', async () => {
    let calls = 0
    const half = await connected({
      async once() {
        calls++
        throw new DomainError('invalid', 'no')
      },
      async count(_, __, sink) {
        calls++
        await sink.write(Uint8Array.of(1))
        throw new DomainError('unavailable', 'gone')
      },
    })
    const group = groupClient([half, half, half])
    await expect(Array.fromAsync(group.stream(COUNT, { body, timeoutMs: 0 }))).rejects.toThrow(
      'gone',
    )
    await expect(group.unary(ECHO, { body, timeoutMs: 0 })).rejects.toThrow('no')
    expect(calls).toBe(2)
  })
})

describe('TLS', () => {
  const server = {
    cert: `${DATA}/server.pem`,
    key: `${DATA}/server.key`,
    minVersion: '1.3',
  } as const
  const known: ClientTls = { ...NO_TLS, enabled: true, ca: `${DATA}/ca.pem` }
  const asked = { body, timeoutMs: 5000 }

  it('knows a server by its authority', async () => {
    const client = await connected({}, { tls: server }, known)
    expect(await client.unary(ECHO, asked)).toHaveLength(3)
  })

  it.each<[string, ClientTls, RegExp]>([
    ['of another authority', { ...known, ca: `${DATA}/other-ca.pem` }, /certificate/],
    ['of an authority that this system does not know', { ...known, ca: '' }, /certificate/],
    ['with another name', { ...known, serverName: 'elsewhere.example' }, /does not match|altnames/],
    ['that speaks TLS, by one who does not', NO_TLS, /./],
  ])('refuses one %s', async (_, tls, reason) => {
    const client = await connected({}, { tls: server }, tls)
    await expect(client.unary(ECHO, asked)).rejects.toThrow(reason)
  })

  it('takes any with skip_verify, and another name that is wanted', async () => {
    const any = { ...known, ca: '', skipVerify: true }
    expect(await (await connected({}, { tls: server }, any)).unary(ECHO, asked)).toHaveLength(3)
    const named = { ...known, serverName: 'localhost' }
    expect(await (await connected({}, { tls: server }, named)).unary(ECHO, asked)).toHaveLength(3)
  })

  it('shows who it is', async () => {
    const tls = { ...server, clientCa: `${DATA}/ca.pem` }
    const own = { ...known, cert: `${DATA}/client.pem`, key: `${DATA}/client.key` }
    expect(await (await connected({}, { tls }, own)).unary(ECHO, asked)).toHaveLength(3)
    const stranger = { ...known, cert: `${DATA}/stranger.pem`, key: `${DATA}/stranger.key` }
    for (const refused of [known, stranger]) {
      await expect((await connected({}, { tls }, refused)).unary(ECHO, asked)).rejects.toThrow(
        DomainError,
      )
    }
  })

  it('says which files are no certificate, and when they change', async () => {
    await expect(readClientCredentials({ ...known, ca: 'no/such/file' })).rejects.toThrow(
      /^client certificate: ENOENT/,
    )
    await expect(readClientCredentials({ ...known, cert: `${DATA}/client.pem` })).rejects.toThrow(
      'belong together',
    )
    const mixed = { ...known, cert: `${DATA}/client.pem`, key: `${DATA}/stranger.key` }
    await expect(readClientCredentials(mixed)).rejects.toThrow(/^client certificate: /)
    const one = await readClientCredentials(known)
    expect((await readClientCredentials(known)).fingerprint).toBe(one.fingerprint)
    const other = await readClientCredentials({ ...known, ca: `${DATA}/other-ca.pem` })
    expect(other.fingerprint).not.toBe(one.fingerprint)
  })
})
