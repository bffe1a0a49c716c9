/** Which StoreAPI endpoints are to be asked: flags, and a file with Thanos's `--endpoint.sd-config` schema. */
import { parse } from 'yaml'
import { DomainError } from '#lib/model/errors.ts'
import { type ClientTls, NO_TLS } from '#lib/grpc/client-tls.ts'
import { TLS_VERSIONS } from '#lib/grpc/tls.ts'

export interface EndpointSetting {
  /** host:port, or with a `dns+`, `dnssrv+`, `dnssrvnoa+` or `dnsdualstack+` in front. */
  readonly address: string
  /** Asked also while it does not answer Info. */
  readonly strict: boolean
  /** All addresses of it have the same: one of them is asked each time. */
  readonly group: boolean
  readonly tls: ClientTls
}

interface TlsConfig {
  readonly enabled?: boolean
  readonly insecure_skip_verify?: boolean
  readonly cert_file?: string
  readonly key_file?: string
  readonly ca_file?: string
  readonly min_version?: string
}

interface ClientConfig {
  readonly tls_config?: TlsConfig
  readonly server_name?: string
  readonly compression?: string
}

export interface ParsedConfig {
  readonly endpoints: readonly EndpointSetting[]
  /** For endpoints of flags, of DNS and of files. */
  readonly defaultTls: ClientTls
}

/** `base` is what flags say of TLS. Throws `invalid` with the place in the document. */
export function parseEndpointConfig(yaml: string, base: ClientTls = NO_TLS): ParsedConfig {
  const root = tableOf(parseYaml(yaml), 'the document', ['default_client_config', 'endpoints'])
  const common = clientOf(root['default_client_config'], 'default_client_config')
  const defaultTls = saysTls(common) ? tlsOf(common, NO_TLS, 'default_client_config') : base
  const listed = root['endpoints'] ?? []
  if (!Array.isArray(listed)) throw bad('endpoints', 'want a list')
  const endpoints = listed.map((item: unknown, i): EndpointSetting => {
    const where = `endpoints[${i}]`
    const table = tableOf(item, where, [
      'address',
      'strict',
      'group',
      'service_config',
      'client_config',
    ])
    const address = stringOf(table['address'], `${where}.address`)
    if (address === '') throw bad(`${where}.address`, 'want host:port')
    const strict = booleanOf(table['strict'], `${where}.strict`)
    const group = booleanOf(table['group'], `${where}.group`)
    if (stringOf(table['service_config'], `${where}.service_config`) !== '') {
      throw bad(
        `${where}.service_config`,
        'is not supported: groups are asked in turn, three tries a call',
      )
    }
    const client = clientOf(table['client_config'], `${where}.client_config`)
    const tls = saysTls(client) ? tlsOf(client, defaultTls, `${where}.client_config`) : defaultTls
    return checkSetting({ address, strict, group, tls })
  })
  return { endpoints, defaultTls }
}

/** Throws `invalid` for what can't be asked. */
export function checkSetting<T extends Pick<EndpointSetting, 'address' | 'strict'>>(setting: T): T {
  const { address, strict } = setting
  if (strict && isDynamic(address)) {
    throw new DomainError(
      'invalid',
      `endpoint ${address} is found by DNS, which a strict endpoint may not be: write host:port`,
    )
  }
  const plain = /^(?:dns(?:srv|srvnoa|dualstack)?\+)?[^\s/+]+$/.test(address)
  const needsPort = !/^dnssrv(noa)?\+/.test(address)
  if (!plain || (needsPort && !/:\d{1,5}$/.test(address))) {
    throw new DomainError(
      'invalid',
      `endpoint ${JSON.stringify(address)} is no host:port, nor one with dns+, dnssrv+, dnssrvnoa+ or dnsdualstack+ in front`,
    )
  }
  return setting
}

export function isDynamic(address: string): boolean {
  return /^dns(?:srv|srvnoa|dualstack)?\+/.test(address)
}

/** Something that decides on TLS is there. */
function saysTls({ tls_config: tls = {}, server_name: name = '' }: ClientConfig): boolean {
  return name !== '' || Object.keys(tls).length > 0
}

/** Thanos's rule: `enabled` settles all, without it a certificate means TLS, and what is not said comes from `fallback`. */
function tlsOf(
  { tls_config: said = {}, server_name: serverName = '' }: ClientConfig,
  fallback: ClientTls,
  where: string,
): ClientTls {
  if (said.enabled === false) return NO_TLS
  const base = said.enabled === undefined ? fallback : NO_TLS
  const { cert_file: cert, key_file: key, ca_file: ca, insecure_skip_verify: skip } = said
  const isMeant = [cert, key, ca, skip].some((one) => one !== undefined)
  const minVersion = said.min_version ?? base.minVersion
  const version = TLS_VERSIONS.find((known) => known === minVersion)
  if (version === undefined) {
    throw bad(`${where}.tls_config.min_version`, `want one of ${TLS_VERSIONS.join(', ')}`)
  }
  return {
    enabled: said.enabled ?? (isMeant || base.enabled),
    skipVerify: skip ?? base.skipVerify,
    cert: cert ?? base.cert,
    key: key ?? base.key,
    ca: ca ?? base.ca,
    minVersion: version,
    serverName,
  }
}

function clientOf(value: unknown, where: string): ClientConfig {
  const table = tableOf(value ?? {}, where, ['tls_config', 'server_name', 'compression'])
  const compression = stringOf(table['compression'], `${where}.compression`)
  if (!['', 'none', 'snappy'].includes(compression)) {
    throw bad(`${where}.compression`, "must be 'none' or 'snappy'")
  }
  const tlsAt = `${where}.tls_config`
  const names = [
    'enabled',
    'insecure_skip_verify',
    'cert_file',
    'key_file',
    'ca_file',
    'min_version',
  ]
  const tls = tableOf(table['tls_config'] ?? {}, tlsAt, names)
  const given = Object.entries(tls).flatMap(([name, one]): [string, unknown][] => {
    if (one === undefined || one === null) return []
    const isFlag = name === 'enabled' || name === 'insecure_skip_verify'
    return [[name, (isFlag ? booleanOf : stringOf)(one, `${tlsAt}.${name}`)]]
  })
  return {
    tls_config: Object.fromEntries(given) as TlsConfig,
    server_name: stringOf(table['server_name'], `${where}.server_name`),
  }
}

function parseYaml(text: string): unknown {
  try {
    return parse(text) ?? {}
  } catch (error) {
    throw bad('YAML', (error as Error).message.split('\n')[0]!)
  }
}

function tableOf(value: unknown, where: string, names: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw bad(where, 'want a mapping')
  }
  const unknown = Object.keys(value).find((name) => !names.includes(name))
  if (unknown !== undefined) throw bad(where, `${unknown} is not known, want ${names.join(', ')}`)
  return value as Record<string, unknown>
}

function stringOf(value: unknown, where: string): string {
  if (value === undefined || value === null) return ''
  // YAML reads 1.3 as a number.
  if (typeof value === 'number') return String(value)
  if (typeof value !== 'string') throw bad(where, 'want text')
  return value
}

function booleanOf(value: unknown, where: string): boolean {
  if (value === undefined || value === null) return false
  if (typeof value !== 'boolean') throw bad(where, 'want true or false')
  return value
}

function bad(where: string, reason: string): DomainError {
  return new DomainError('invalid', `endpoint configuration: ${where}: ${reason}`)
}
