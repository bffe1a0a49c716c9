/** --http.config: who is answered, over TLS or not, and what is refused at the start. */
import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { type AgentHttpServer, startAgentHttp } from '#agent/http-server.ts'
import { SILENT } from '#agent/logger.ts'
import { createAgentMetrics } from '#agent/metrics.ts'
import { readWebConfig } from '#agent/web-config/web-config.ts'
import { openWebGate } from '#agent/web-config/web-gate.ts'
import { temporaryDir } from '../block-fixture.ts'

const CERTIFICATES = 'test/data/grpc-tls'
/** Of `secret`. */
const HASH = '$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a'
const USERS = `basic_auth_users: {me: ${HASH}}\n`

const servers: AgentHttpServer[] = []

afterEach(async () => {
  while (servers.length > 0) await servers.pop()!.close()
})

async function configFile(yaml: string): Promise<string> {
  const dir = await temporaryDir()
  for (const name of ['server.pem', 'server.key', 'server-2.pem', 'server-2.key', 'ca.pem']) {
    await copyFile(join(CERTIFICATES, name), join(dir, name))
  }
  const file = join(dir, 'web.yml')
  await writeFile(file, yaml)
  return file
}

async function start(yaml: string): Promise<string> {
  const yes = (): boolean => true
  const server = await startAgentHttp({
    address: '127.0.0.1:0',
    gracePeriodMs: 0,
    webConfigFile: await configFile(yaml),
    logger: SILENT,
    metrics: createAgentMetrics({ isReady: yes, isHealthy: yes }),
    isReady: yes,
  })
  servers.push(server)
  return server.url
}

function basic(pair: string): { headers: Record<string, string> } {
  return { headers: { authorization: `Basic ${btoa(pair)}` } }
}

interface TlsAnswer {
  readonly status: number | undefined
  readonly certificate: string
}

async function askTls(url: string, client?: string): Promise<TlsAnswer> {
  const ca = await readFile(join(CERTIFICATES, 'ca.pem'))
  const own = client && {
    cert: await readFile(join(CERTIFICATES, `${client}.pem`)),
    key: await readFile(join(CERTIFICATES, `${client}.key`)),
  }
  return new Promise((resolve, reject) => {
    const options = { ca, ...own, checkServerIdentity: () => undefined, agent: false }
    request(`${url}/-/healthy`, options, (response) => {
      const { socket } = response as unknown as {
        socket: { getPeerCertificate(): { fingerprint256: string } }
      }
      const certificate = socket.getPeerCertificate().fingerprint256
      response.resume().on('end', () => resolve({ status: response.statusCode, certificate }))
    })
      .on('error', reject)
      .end()
  })
}

describe('basic authentication', () => {
  it('answers whom it knows, on every path', async () => {
    const url = await start(USERS)
    const status = async (pair?: string) =>
      (await fetch(`${url}/metrics`, pair === undefined ? {} : basic(pair))).status
    expect(await status('me:secret')).toBe(200)
    expect(await status('me:secret')).toBe(200)
    expect(await status('me:wrong')).toBe(401)
    expect(await status('you:secret')).toBe(401)
    expect(await status()).toBe(401)
    const refused = await fetch(`${url}/-/healthy`)
    expect(refused.status).toBe(401)
    expect(refused.headers.get('www-authenticate')).toBe('Basic')
  })

  it('follows its file', async () => {
    const file = await configFile(USERS)
    const errors: string[] = []
    const logger = { ...SILENT, error: (_: object, text: string) => void errors.push(text) }
    const gate = await openWebGate({ file, logger, onTls() {}, everyMs: 5 })
    const header = `Basic ${btoa('me:secret')}`
    expect(await gate.allows(header)).toBe(true)
    await writeFile(file, 'nonsense: 1\n')
    while (errors.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    expect(await gate.allows(header)).toBe(true)
    await writeFile(file, `basic_auth_users: {you: ${HASH}}\n`)
    for (let i = 0; i < 500 && (await gate.allows(header)); i++) {
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    expect(await gate.allows(header)).toBe(false)
    gate.close()
  })
})

describe('TLS', () => {
  const TLS = 'cert_file: server.pem, key_file: server.key'

  it('has the certificate that the file names, and its headers', async () => {
    const url = await start(`tls_server_config: {${TLS}}\n`)
    expect(url).toMatch(/^https:/)
    expect((await askTls(url)).status).toBe(200)
  })

  it('asks clients for a certificate of the authority', async () => {
    const url = await start(
      `tls_server_config: {${TLS}, client_ca_file: ca.pem, client_auth_type: RequireAndVerifyClientCert}\n`,
    )
    expect((await askTls(url, 'client')).status).toBe(200)
    await expect(askTls(url)).rejects.toThrow(/certificate required|ECONNRESET|socket/)
    await expect(askTls(url, 'stranger')).rejects.toThrow(/unknown ca|ECONNRESET|socket/)
  })

  it('takes a new certificate while it runs', async () => {
    const file = await configFile(`tls_server_config: {${TLS}}\n`)
    const seen: unknown[] = []
    const gate = await openWebGate({
      file,
      logger: SILENT,
      onTls: ({ context }) => void seen.push(context.cert),
      everyMs: 5,
    })
    await writeFile(file, 'tls_server_config: {cert_file: server-2.pem, key_file: server-2.key}\n')
    for (let i = 0; i < 500 && seen.length === 0; i++) {
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    gate.close()
    expect(seen).toEqual([await readFile(join(CERTIFICATES, 'server-2.pem'))])
  })
})

it('headers of the configuration are on every answer', async () => {
  const url = await start('http_server_config: {http2: true, headers: {X-Frame-Options: deny}}\n')
  expect((await fetch(`${url}/nothing`)).headers.get('x-frame-options')).toBe('deny')
})

describe('a configuration', () => {
  it('that is empty is none', async () => {
    expect(await readWebConfig(await configFile(''))).toEqual({
      tls: undefined,
      users: new Map(),
      headers: {},
    })
  })

  it.each([
    ['nonsense: 1', /unknown key nonsense/],
    ['[', /no a|bad yaml|not a yaml mapping/],
    ['basic_auth_users: {me: secret}', /the password of me is no bcrypt hash/],
    ['tls_server_config: {key_file: server.key}', /cert_file is missing/],
    ['tls_server_config: {cert_file: server.pem}', /key_file is missing/],
    ['tls_server_config: {cert_file: no.pem, key_file: server.key}', /cert_file: ENOENT/],
    ['tls_server_config: {cert_file: server.pem, key_file: server-2.key}', /are of no use/],
    [
      'tls_server_config: {cert_file: server.pem, key_file: server.key, min_version: TLS9}',
      /min_version is not one of/,
    ],
    [
      'tls_server_config: {cert_file: server.pem, key_file: server.key, client_auth_type: RequireAndVerifyClientCert}',
      /client_ca_file is missing/,
    ],
    [
      'tls_server_config: {cert_file: server.pem, key_file: server.key, cipher_suites: [X]}',
      /cipher_suites is not known/,
    ],
    ['rate_limit: {burst: 1}', /rate_limit is not known/],
  ])('%s is refused', async (yaml, message) => {
    await expect(readWebConfig(await configFile(yaml))).rejects.toThrow(message)
  })

  it('that is not there is refused', async () => {
    await expect(readWebConfig('/no/such')).rejects.toThrow(/--http\.config: ENOENT/)
  })
})
