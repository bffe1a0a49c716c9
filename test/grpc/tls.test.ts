import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { credentials, type ChannelCredentials } from '@grpc/grpc-js'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { TlsFiles } from '#lib/grpc/tls.ts'
import {
  ask,
  connect,
  ECHO,
  echoService,
  RecordingObserver,
  startServer,
} from './running-server.ts'

const DATA = 'test/data/grpc-tls'
const service = echoService((request) => Promise.resolve(request))
const one = Uint8Array.of(1)

let files: TlsFiles

beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'thaw-tls-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem'), minVersion: '1.3' }
  await useCertificate('server')
})

async function useCertificate(name: string): Promise<void> {
  await copyFile(`${DATA}/${name}.pem`, files.cert)
  await copyFile(`${DATA}/${name}.key`, files.key)
}

async function clientCredentials(certificate?: string): Promise<ChannelCredentials> {
  const ca = await readFile(`${DATA}/ca.pem`)
  if (certificate === undefined) return credentials.createSsl(ca)
  const key = await readFile(`${DATA}/${certificate}.key`)
  return credentials.createSsl(ca, key, await readFile(`${DATA}/${certificate}.pem`))
}

/** Name in the certificate that the server shows. */
function shownName(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN))
      socket.destroy()
    })
    socket.on('error', reject)
  })
}

it('serves over TLS', async () => {
  const { port } = await startServer([service], { tls: files })
  expect(await ask(connect(port, await clientCredentials()), ECHO, one)).toHaveLength(1)
  await expect(ask(connect(port), ECHO, one)).rejects.toThrow('14 UNAVAILABLE')
})

it('refuses versions below the lowest', async () => {
  const { port } = await startServer([service], { tls: files })
  const old = { port, host: '127.0.0.1', rejectUnauthorized: false, maxVersion: 'TLSv1.2' } as const
  await expect(
    new Promise((resolve, reject) => {
      connectTls(old, () => resolve('connected')).on('error', reject)
    }),
  ).rejects.toThrow(/protocol version/)
  const { port: lower } = await startServer([service], { tls: { ...files, minVersion: '1.2' } })
  await new Promise<void>((resolve, reject) => {
    const socket = connectTls({ ...old, port: lower }, () => {
      socket.destroy()
      resolve()
    }).on('error', reject)
  })
})

describe('clients with certificates', () => {
  it('are let in when the authority signed them, and others are not', async () => {
    const tls = { ...files, clientCa: `${DATA}/ca.pem` }
    const { port } = await startServer([service], { tls })
    const client = connect(port, await clientCredentials('client'))
    expect(await ask(client, ECHO, one)).toHaveLength(1)
    for (const other of [undefined, 'stranger']) {
      const refused = connect(port, await clientCredentials(other))
      await expect(ask(refused, ECHO, one)).rejects.toThrow('14 UNAVAILABLE')
    }
  })
})

describe('files that change', () => {
  it('are used for new connections, and calls that run go on', async () => {
    const observer = new RecordingObserver()
    const { port } = await startServer([service], { tls: files, tlsRefreshMs: 20, observer })
    const client = connect(port, await clientCredentials())
    expect(await ask(client, ECHO, one)).toHaveLength(1)
    expect(await shownName(port)).toBe('server 1')
    await useCertificate('server-2')
    await vi.waitFor(async () => expect(await shownName(port)).toBe('server 2'))
    expect(observer.events).toContain('new credentials')
    expect(await ask(client, ECHO, one)).toHaveLength(1)
    expect(await ask(connect(port, await clientCredentials()), ECHO, one)).toHaveLength(1)
  })

  it('that do not fit change nothing and are told', async () => {
    const observer = new RecordingObserver()
    const { port } = await startServer([service], { tls: files, tlsRefreshMs: 20, observer })
    await writeFile(files.cert, 'half a certifica')
    await vi.waitFor(() =>
      expect(observer.events.join('\n')).toMatch(/credentials: .*server credentials: /),
    )
    expect(await shownName(port)).toBe('server 1')
  })
})

it.each([
  ['a file that is not there', { cert: '/nowhere.pem' }, 'server credentials: ENOENT'],
  ['a key of another certificate', { key: `${DATA}/client.key` }, 'server credentials: '],
  ['a CA that is not there', { clientCa: '/nowhere.pem' }, 'server credentials: ENOENT'],
])('refuses %s at the start', async (_, wrong, message) => {
  await expect(startServer([service], { tls: { ...files, ...wrong } })).rejects.toThrow(message)
})
