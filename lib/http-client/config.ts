/** The YAML of Thanos's `--prometheus.http-client`, with all that Prometheus's own HTTP client configuration has, as data. */
import { type ConfigMap, parseConfigMap } from '#lib/bucket/config-map.ts'
import { fileSecret, inlineSecret, type Secret } from './secret.ts'

export interface HttpClientConfig {
  readonly authorization: AuthorizationConfig | undefined
  readonly tls: TlsConfig
  readonly proxy: ProxyConfig
  readonly transport: TransportConfig
  readonly followRedirects: boolean
  readonly headers: readonly HeaderConfig[]
}

export type AuthorizationConfig =
  | { readonly type: 'basic'; readonly username: Secret; readonly password: Secret }
  /** `Bearer` and others. */
  | { readonly type: 'credentials'; readonly scheme: string; readonly credentials: Secret }
  | { readonly type: 'oauth2'; readonly oauth2: OAuth2Config }

/** Client credentials for a token. */
export interface OAuth2Config {
  readonly clientId: string
  readonly clientSecret: Secret
  readonly scopes: readonly string[]
  readonly tokenUrl: string
  readonly endpointParams: Readonly<Record<string, string>>
  readonly tls: TlsConfig
  readonly proxy: ProxyConfig
}

export interface TlsConfig {
  readonly ca: Secret | undefined
  readonly cert: Secret | undefined
  readonly key: Secret | undefined
  readonly serverName: string | undefined
  readonly insecureSkipVerify: boolean
  readonly minVersion: TlsVersion | undefined
  readonly maxVersion: TlsVersion | undefined
}

export type TlsVersion = 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'

export interface ProxyConfig {
  /** May hold `user:password@`. */
  readonly url: URL | undefined
  readonly fromEnvironment: boolean
  /** Hosts that are asked directly. */
  readonly noProxy: string
  readonly connectHeaders: Readonly<Record<string, readonly string[]>>
}

/** 0 is no bound. */
export interface TransportConfig {
  readonly maxIdleConnectionsPerHost: number
  readonly maxConnectionsPerHost: number
  readonly idleTimeoutMs: number
  readonly responseHeaderTimeoutMs: number
  readonly tlsHandshakeTimeoutMs: number
  readonly dialTimeoutMs: number
  readonly compression: boolean
}

export interface HeaderConfig {
  readonly name: string
  readonly values: readonly Secret[]
}

/** An empty text is the default. No error repeats a value, and a key that nobody knows is an error. */
export function parseHttpClientConfig(
  yaml: string,
  env: Readonly<Record<string, string | undefined>> = {},
): HttpClientConfig {
  const root =
    yaml.trim() === '' ? emptyMap() : parseConfigMap(yaml, 'HTTP client configuration', env)
  const config = readHttpClient(root)
  root.finish()
  return config
}

/** Of keys that stand in a mapping, whose other keys are the caller's. */
export function readHttpClient(root: ConfigMap): HttpClientConfig {
  root.ignore('enable_http2')
  return {
    authorization: readAuthorization(root),
    tls: readTls(root.map('tls_config')),
    proxy: readProxy(root),
    transport: readTransport(root.map('transport_config')),
    followRedirects: root.boolean('follow_redirects') ?? true,
    headers: readHeaders(root.map('http_headers')),
  }
}

const WAYS = ['basic_auth', 'authorization', 'oauth2', 'bearer_token', 'bearer_token_file']

function readAuthorization(root: ConfigMap): AuthorizationConfig | undefined {
  const bearer = secretOf(root, 'bearer_token', 'bearer_token_file')
  const basic = root.map('basic_auth')
  const other = root.map('authorization')
  const oauth2 = root.map('oauth2')
  const given = [basic, other, oauth2, bearer].filter((way) => way !== undefined)
  if (given.length > 1) {
    throw root.error(WAYS.slice(0, 4).join(', '), 'exclude each other')
  }
  if (bearer !== undefined) return { type: 'credentials', scheme: 'Bearer', credentials: bearer }
  if (basic !== undefined) {
    return {
      type: 'basic',
      username: secretOf(basic, 'username', 'username_file') ?? inlineSecret(''),
      password: secretOf(basic, 'password', 'password_file') ?? inlineSecret(''),
    }
  }
  if (oauth2 !== undefined) return { type: 'oauth2', oauth2: readOAuth2(oauth2) }
  if (other === undefined) return undefined
  const scheme = other.string('type')?.trim() || 'Bearer'
  if (scheme.toLowerCase() === 'basic') {
    throw other.error('type', 'cannot be "basic", write basic_auth instead')
  }
  const credentials = secretOf(other, 'credentials', 'credentials_file')
  if (credentials === undefined) throw other.error('credentials', 'is missing')
  return { type: 'credentials', scheme, credentials }
}

function readOAuth2(map: ConfigMap): OAuth2Config {
  const clientId = map.string('client_id') ?? ''
  if (clientId === '') throw map.error('client_id', 'is missing')
  const tokenUrl = map.string('token_url') ?? ''
  if (!URL.canParse(tokenUrl)) throw map.error('token_url', 'is missing or no URL')
  const clientSecret = secretOf(map, 'client_secret', 'client_secret_file')
  if (clientSecret === undefined) throw map.error('client_secret', 'is missing')
  return {
    clientId,
    clientSecret,
    scopes: map.list('scopes') ?? [],
    tokenUrl,
    endpointParams: map.map('endpoint_params')?.strings() ?? {},
    tls: readTls(map.map('tls_config')),
    proxy: readProxy(map),
  }
}

/** One of the two, or none. */
function secretOf(map: ConfigMap, name: string, fileName: string): Secret | undefined {
  const text = map.string(name)
  const file = map.string(fileName)
  if (text && file) throw map.error(fileName, `and ${name} exclude each other`)
  if (file) return fileSecret(file)
  return text ? inlineSecret(text) : undefined
}

const VERSIONS: Readonly<Record<string, TlsVersion>> = {
  TLS10: 'TLSv1',
  TLS11: 'TLSv1.1',
  TLS12: 'TLSv1.2',
  TLS13: 'TLSv1.3',
}

function readTls(given: ConfigMap | undefined): TlsConfig {
  const map = given ?? emptyMap()
  const cert = secretOf(map, 'cert', 'cert_file')
  const key = secretOf(map, 'key', 'key_file')
  if (cert !== undefined && key === undefined) throw map.error('key_file', 'is missing')
  if (key !== undefined && cert === undefined) throw map.error('cert_file', 'is missing')
  const version = (name: string): TlsVersion | undefined => {
    const text = map.string(name)
    if (!text) return undefined
    const known = VERSIONS[text]
    if (known === undefined) throw map.error(name, 'is not one of TLS10, TLS11, TLS12, TLS13')
    return known
  }
  return {
    ca: secretOf(map, 'ca', 'ca_file'),
    cert,
    key,
    serverName: map.string('server_name') || undefined,
    insecureSkipVerify: map.boolean('insecure_skip_verify') ?? false,
    minVersion: version('min_version'),
    maxVersion: version('max_version'),
  }
}

function readProxy(map: ConfigMap): ProxyConfig {
  const text = map.string('proxy_url')
  const fromEnvironment = map.boolean('proxy_from_environment') ?? false
  const noProxy = map.string('no_proxy') ?? ''
  const connectHeaders = map.map('proxy_connect_header')
  if (text && fromEnvironment) {
    throw map.error('proxy_from_environment', 'and proxy_url exclude each other')
  }
  if (noProxy !== '' && !text) throw map.error('no_proxy', 'needs proxy_url')
  if (text && !URL.canParse(text)) throw map.error('proxy_url', 'is no URL')
  const url = text ? new URL(text) : undefined
  if (url !== undefined && !/^https?:$/.test(url.protocol)) {
    throw map.unsupported('proxy_url', 'is neither http:// nor https://')
  }
  return {
    url,
    fromEnvironment,
    noProxy,
    connectHeaders: Object.fromEntries(
      (connectHeaders?.names() ?? []).map((name) => [name, connectHeaders!.list(name) ?? []]),
    ),
  }
}

function readTransport(given: ConfigMap | undefined): TransportConfig {
  const map = given ?? emptyMap()
  map.ignore('max_idle_conns', 'expect_continue_timeout')
  /** Thanos writes nanoseconds. */
  const time = (name: string, standard: number): number => {
    const nanoseconds = /^\d+$/.test(map.string(name) ?? '')
    if (nanoseconds) return map.integer(name)! / 1e6
    return map.durationMs(name) ?? standard
  }
  return {
    maxIdleConnectionsPerHost: map.integer('max_idle_conns_per_host') ?? 2,
    maxConnectionsPerHost: map.integer('max_conns_per_host') ?? 0,
    idleTimeoutMs: time('idle_conn_timeout', 90_000),
    responseHeaderTimeoutMs: time('response_header_timeout', 0),
    tlsHandshakeTimeoutMs: time('tls_handshake_timeout', 10_000),
    dialTimeoutMs: time('dialer_timeout', 5000),
    compression: !(map.boolean('disable_compression') ?? false),
  }
}

function readHeaders(map: ConfigMap | undefined): HeaderConfig[] {
  return (map?.names() ?? []).map((name) => {
    const header = map!.map(name) ?? emptyMap()
    const values = [...(header.list('values') ?? []), ...(header.list('secrets') ?? [])]
    const files = header.list('files') ?? []
    return { name, values: [...values.map(inlineSecret), ...files.map(fileSecret)] }
  })
}

function emptyMap(): ConfigMap {
  return parseConfigMap('{}', 'HTTP client configuration', {})
}
