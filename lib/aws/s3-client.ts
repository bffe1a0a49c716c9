/** The SDK's client for one configured bucket: endpoint, addressing, credentials, TLS and encryption. */
import { readFileSync } from 'node:fs'
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3'
import type { S3Config, S3HttpConfig } from '#lib/bucket/objstore-config.ts'
import { DomainError } from '#lib/model/errors.ts'

/** A store that does not answer is noticed before Lambda's own time is up. */
const CONNECT_TIMEOUT_MS = 5_000
const RESPONSE_TIMEOUT_MS = 60_000
const MAX_CONNECTIONS = 256

export interface S3Connection {
  readonly client: S3Client
  /** `s3://bucket`, with the endpoint when it is not AWS. */
  readonly store: string
  /** Without TLS. */
  readonly isPlain: boolean
}

export function connectS3(config: S3Config): S3Connection {
  const endpoint = parseEndpoint(config)
  const aws = endpoint === undefined ? undefined : awsEndpoint(endpoint)
  const custom = endpoint !== undefined && aws === undefined
  const settings: S3ClientConfig = {
    maxAttempts: 1, // retrying-bucket.ts does that, for all stores alike
    forcePathStyle: pathStyle(config, endpoint, custom),
    requestHandler: requestHandler(config.http),
  }
  if (custom) {
    settings.endpoint = endpoint.origin
    settings.region = config.region ?? 'us-east-1'
    // Stores other than S3 often know no checksum trailers.
    settings.requestChecksumCalculation = 'WHEN_REQUIRED'
    settings.responseChecksumValidation = 'WHEN_REQUIRED'
  } else {
    const region = config.region ?? aws?.region
    if (region !== undefined) settings.region = region
    else if (aws) settings.region = 'us-east-1'
    // `s3.amazonaws.com` says nothing about the region of the bucket: follow where S3 points to.
    settings.followRegionRedirects = true
    const dualstack = config.dualstack ?? aws?.dualstack
    if (dualstack !== undefined) settings.useDualstackEndpoint = dualstack
    if (config.insecure) settings.tls = false
  }
  if (config.accessKey !== undefined && config.secretKey !== undefined) {
    settings.credentials = {
      accessKeyId: config.accessKey,
      secretAccessKey: config.secretKey,
      ...(config.sessionToken === undefined ? {} : { sessionToken: config.sessionToken }),
    }
  }
  return {
    client: new S3Client(settings),
    store: custom ? `s3://${config.bucket} at ${endpoint.origin}` : `s3://${config.bucket}`,
    isPlain: custom ? endpoint.protocol === 'http:' : config.insecure === true,
  }
}

/** Thanos's endpoints have no scheme; a URL is understood too. */
function parseEndpoint({ endpoint, insecure }: S3Config): URL | undefined {
  if (endpoint === undefined) return undefined
  const text = /^https?:\/\//.test(endpoint)
    ? endpoint
    : `${insecure ? 'http' : 'https'}://${endpoint}`
  const url = URL.parse(text)
  if (
    !url ||
    (url.pathname !== '/' && url.pathname !== '') ||
    url.search !== '' ||
    url.username !== ''
  ) {
    const host = url?.host ? `: write ${url.host} alone` : ''
    throw new DomainError('invalid', `endpoint is not a host or host:port${host}`)
  }
  return url
}

/** For AWS's own hosts the SDK knows best how to build the URL. */
function awsEndpoint(
  url: URL,
): { region: string | undefined; dualstack: boolean | undefined } | undefined {
  const match =
    /^s3(?<dualstack>\.dualstack)?(?:[.-](?<region>[a-z]{2}(?:-[a-z]+)+-\d))?\.amazonaws\.com(?:\.cn)?$/.exec(
      url.hostname,
    )
  if (!match || url.port !== '') return undefined
  return {
    region: match.groups?.['region'],
    dualstack: match.groups?.['dualstack'] === undefined ? undefined : true,
  }
}

function pathStyle(config: S3Config, endpoint: URL | undefined, custom: boolean): boolean {
  switch (config.lookup ?? 'auto') {
    case 'path':
      return true
    case 'virtual-hosted':
      return false
    case 'auto':
      // As minio-go, which Thanos uses: most stores have no wildcard DNS name, these have.
      return custom && !/(\.aliyuncs\.com|\.googleapis\.com)$/.test(endpoint?.hostname ?? '')
  }
}

function requestHandler(
  http: S3HttpConfig | undefined,
): NonNullable<S3ClientConfig['requestHandler']> {
  const maxSockets = http?.maxConnections ?? MAX_CONNECTIONS
  const agent = { keepAlive: true, maxSockets }
  return {
    connectionTimeout: CONNECT_TIMEOUT_MS,
    requestTimeout: http?.responseTimeoutMs ?? RESPONSE_TIMEOUT_MS,
    throwOnRequestTimeout: true,
    httpAgent: new HttpAgent(agent),
    httpsAgent: new HttpsAgent({
      ...agent,
      rejectUnauthorized: !(http?.insecureSkipVerify ?? false),
      ...fileOption('ca', 'ca_file', http?.caFile),
      ...fileOption('cert', 'cert_file', http?.certFile),
      ...fileOption('key', 'key_file', http?.keyFile),
      ...(http?.serverName === undefined ? {} : { servername: http.serverName }),
    }),
  }
}

function fileOption(
  option: string,
  name: string,
  path: string | undefined,
): Record<string, Buffer> {
  return path === undefined
    ? {}
    : { [option]: readConfiguredFile(`http_config.tls_config.${name}`, path) }
}

export function readConfiguredFile(name: string, path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'error'
    throw new DomainError('invalid', `${name}: ${path} cannot be read (${code})`, { cause: error })
  }
}
