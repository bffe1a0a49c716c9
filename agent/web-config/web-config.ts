/** The file of --http.config, as Prometheus's servers have it: TLS, basic authentication, headers. */
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { createSecureContext } from 'node:tls'
import type { SecureContextOptions, SecureVersion } from 'node:tls'
import { type ConfigMap, parseConfigMap } from '#lib/bucket/config-map.ts'
import { DomainError } from '#lib/model/errors.ts'
import { isBcryptHash } from './bcrypt.ts'

export interface WebConfig {
  /** Undefined for plain HTTP. */
  readonly tls: WebTls | undefined
  /** Names and bcrypt hashes; none for everybody. */
  readonly users: ReadonlyMap<string, string>
  readonly headers: Readonly<Record<string, string>>
}

export interface WebTls {
  readonly context: SecureContextOptions
  readonly requestCert: boolean
  readonly rejectUnauthorized: boolean
}

/** Paths in it are relative to it. Throws `invalid` or `unsupported` with what must be changed. */
export async function readWebConfig(file: string): Promise<WebConfig> {
  const flag = '--http.config'
  const text = await readOr(file, flag)
  if (text.toString().trim() === '') return { tls: undefined, users: new Map(), headers: {} }
  const root = parseConfigMap(text.toString(), flag, {})
  if (root.map('rate_limit') !== undefined) throw root.unsupported('rate_limit', 'is not known')
  const users = new Map(Object.entries(root.map('basic_auth_users')?.strings() ?? {}))
  for (const [name, hash] of users) {
    if (!isBcryptHash(hash)) {
      throw new DomainError('invalid', `${flag}: the password of ${name} is no bcrypt hash`)
    }
  }
  const http = root.map('http_server_config')
  // A matter between client and server: HTTP/1.1 does for both.
  http?.ignore('http2')
  const headers = http?.map('headers')?.strings() ?? {}
  const tlsMap = root.map('tls_server_config')
  const tls = tlsMap && (await readTls(tlsMap, dirname(file)))
  root.finish()
  return { tls, users, headers }
}

const VERSIONS: Readonly<Record<string, SecureVersion>> = {
  TLS10: 'TLSv1',
  TLS11: 'TLSv1.1',
  TLS12: 'TLSv1.2',
  TLS13: 'TLSv1.3',
}

/** What is asked of clients. */
const CLIENT_AUTH: Readonly<Record<string, Omit<WebTls, 'context'>>> = {
  NoClientCert: { requestCert: false, rejectUnauthorized: false },
  RequestClientCert: { requestCert: true, rejectUnauthorized: false },
  RequireAndVerifyClientCert: { requestCert: true, rejectUnauthorized: true },
}

async function readTls(map: ConfigMap, directory: string): Promise<WebTls> {
  for (const name of ['cipher_suites', 'curve_preferences', 'client_allowed_sans']) {
    if ((map.list(name) ?? []).length > 0) throw map.unsupported(name, 'is not known')
  }
  map.ignore('prefer_server_cipher_suites')
  const version = (name: string, standard: SecureVersion): SecureVersion => {
    const text = map.string(name) || undefined
    const known = text === undefined ? standard : VERSIONS[text]
    if (known === undefined) throw map.error(name, 'is not one of TLS10, TLS11, TLS12, TLS13')
    return known
  }
  const content = async (name: string): Promise<Buffer | undefined> => {
    const inline = map.string(name)
    const file = map.string(`${name}_file`)
    if (inline && file) throw map.error(name, `and ${name}_file exclude each other`)
    if (inline) return Buffer.from(inline)
    return file ? readOr(resolve(directory, file), `--http.config: ${name}_file`) : undefined
  }
  const [cert, key, ca] = [await content('cert'), await content('key'), await content('client_ca')]
  if (cert === undefined) throw map.error('cert_file', 'is missing')
  if (key === undefined) throw map.error('key_file', 'is missing')
  const type = map.string('client_auth_type') || 'NoClientCert'
  const clients = CLIENT_AUTH[type]
  if (clients === undefined) {
    throw map.unsupported(
      'client_auth_type',
      `is not one of ${Object.keys(CLIENT_AUTH).join(', ')}`,
    )
  }
  if (clients.rejectUnauthorized && ca === undefined) {
    throw map.error('client_ca_file', `is missing, which ${type} needs`)
  }
  const context: SecureContextOptions = {
    cert,
    key,
    ...(ca && { ca }),
    minVersion: version('min_version', 'TLSv1.2'),
    maxVersion: version('max_version', 'TLSv1.3'),
  }
  try {
    createSecureContext(context)
  } catch (cause) {
    throw map.error('cert_file', `and its key are of no use: ${(cause as Error).message}`)
  }
  return { context, ...clients }
}

async function readOr(file: string, what: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (cause) {
    throw new DomainError('invalid', `${what}: ${(cause as Error).message}`, { cause })
  }
}
