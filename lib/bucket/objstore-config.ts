/** Thanos's object storage YAML (`type`, `config`, `prefix`) as plain data. */
import { DomainError } from '#lib/model/errors.ts'
import { type ConfigMap, parseConfigMap } from './config-map.ts'

/** Durations are milliseconds. `ignored` names keys that are fine in Thanos and have no effect here, for a log line. */
export type ObjstoreConfig =
  | {
      readonly type: 'FILESYSTEM'
      readonly directory: string
      readonly prefix: string
      readonly ignored: readonly string[]
    }
  | {
      readonly type: 'S3'
      readonly s3: S3Config
      readonly prefix: string
      readonly ignored: readonly string[]
    }

export interface S3Config {
  readonly bucket: string
  /** `host`, `host:port` or a whole URL. Without it the endpoint is AWS's for the region. */
  readonly endpoint?: string | undefined
  readonly region?: string | undefined
  /** Without keys the credential chain of the SDK is asked. */
  readonly accessKey?: string | undefined
  readonly secretKey?: string | undefined
  readonly sessionToken?: string | undefined
  /** Plain HTTP. */
  readonly insecure?: boolean | undefined
  readonly lookup?: 'auto' | 'virtual-hosted' | 'path' | undefined
  readonly dualstack?: boolean | undefined
  readonly sse?: SseConfig | undefined
  /** Headers and user metadata of every object written, e.g. `X-Amz-Storage-Class`. */
  readonly putUserMetadata?: Readonly<Record<string, string>> | undefined
  readonly partSize?: number | undefined
  readonly maxRetries?: number | undefined
  readonly http?: S3HttpConfig | undefined
}

export type SseConfig =
  | { readonly type: 'SSE-S3' }
  | {
      readonly type: 'SSE-KMS'
      readonly kmsKeyId: string
      readonly kmsEncryptionContext: Readonly<Record<string, string>>
    }
  /** The file holds the 32 raw bytes of the key. */
  | { readonly type: 'SSE-C'; readonly encryptionKeyFile: string }

export interface S3HttpConfig {
  /** Until the first byte of an answer. */
  readonly responseTimeoutMs?: number | undefined
  readonly maxConnections?: number | undefined
  readonly insecureSkipVerify?: boolean | undefined
  readonly caFile?: string | undefined
  readonly certFile?: string | undefined
  readonly keyFile?: string | undefined
  readonly serverName?: string | undefined
}

const OTHER_PROVIDERS = new Set(['GCS', 'AZURE', 'SWIFT', 'COS', 'ALIYUNOSS', 'BOS', 'OCI', 'OBS'])

const MIN_PART_SIZE = 5 * 1024 * 1024
const MAX_PART_SIZE = 5 * 1024 * 1024 * 1024

/**
 * Only the first document counts, `$(VAR)` in a value is replaced from `env`, and a key nobody knows is an
 * error: a misspelt `prefix` must not become another place in the bucket. No error repeats a value that may be secret.
 */
export function parseObjstoreConfig(
  yaml: string,
  env: Readonly<Record<string, string | undefined>>,
): ObjstoreConfig {
  const root = parseConfigMap(yaml, 'object storage configuration', env)
  const type = root.string('type')
  if (type === undefined || type === '') throw root.error('type', 'is missing (S3 or FILESYSTEM)')
  const prefix = root.string('prefix') ?? ''
  if (prefix.split('/').some((segment) => segment === '.' || segment === '..')) {
    throw root.error('prefix', 'has a segment . or ..')
  }
  const hedging = root.map('hedging_config')
  hedging?.ignore('enabled', 'up_to', 'quantile')
  const config = root.map('config')
  if (!config) throw root.error('config', 'is missing')

  switch (type.toUpperCase()) {
    case 'FILESYSTEM': {
      const directory = config.string('directory') ?? ''
      if (directory === '') throw config.error('directory', 'is missing')
      const ignored = root.finish()
      return { type: 'FILESYSTEM', directory, prefix, ignored }
    }
    case 'S3': {
      const s3 = parseS3(config)
      const ignored = root.finish()
      return { type: 'S3', s3, prefix, ignored }
    }
    default:
      if (OTHER_PROVIDERS.has(type.toUpperCase())) {
        throw new DomainError(
          'unsupported',
          root.error('type', `${type} is not S3 or FILESYSTEM`).message,
        )
      }
      throw root.error('type', `${JSON.stringify(type)} is not S3 or FILESYSTEM`)
  }
}

function parseS3(config: ConfigMap): S3Config {
  const bucket = config.string('bucket') ?? ''
  if (bucket === '') throw config.error('bucket', 'is missing')

  const accessKey = nonEmpty(config.string('access_key'))
  const secretKey = nonEmpty(config.string('secret_key'))
  const sessionToken = nonEmpty(config.string('session_token'))
  if (accessKey !== undefined && secretKey === undefined) {
    throw config.error('secret_key', 'is missing beside access_key')
  }
  if (secretKey !== undefined && accessKey === undefined) {
    throw config.error('access_key', 'is missing beside secret_key')
  }
  if (config.boolean('aws_sdk_auth') && accessKey !== undefined) {
    throw config.error('aws_sdk_auth', 'and access_key exclude each other')
  }

  if (config.boolean('signature_version2')) {
    throw config.unsupported(
      'signature_version2',
      'is not supported: requests are signed with version 4',
    )
  }
  if (config.boolean('disable_multipart')) {
    throw config.unsupported('disable_multipart', 'is not supported: blocks are written as streams')
  }
  if (config.string('list_objects_version') === 'v1') {
    throw config.unsupported('list_objects_version', 'v1 is not supported')
  }

  const lookup = nonEmpty(config.string('bucket_lookup_type')) ?? 'auto'
  if (lookup !== 'auto' && lookup !== 'virtual-hosted' && lookup !== 'path') {
    throw config.error(
      'bucket_lookup_type',
      `${JSON.stringify(lookup)} is not auto, virtual-hosted or path`,
    )
  }

  const partSize = config.integer('part_size')
  if (
    partSize !== undefined &&
    partSize !== 0 &&
    (partSize < MIN_PART_SIZE || partSize > MAX_PART_SIZE)
  ) {
    throw config.error('part_size', `${partSize} is not in ${MIN_PART_SIZE}..${MAX_PART_SIZE}`)
  }
  const maxRetries = config.integer('max_retries')
  if (maxRetries !== undefined && maxRetries < 0) {
    throw config.error('max_retries', `${maxRetries} is negative`)
  }

  const trace = config.map('trace')
  trace?.ignore('enable')
  // The checksum of a request is SigV4's own; where STS is, the SDK's chain reads from its environment.
  config.ignore('send_content_md5', 'sts_endpoint')

  return {
    bucket,
    endpoint: nonEmpty(config.string('endpoint')),
    region: nonEmpty(config.string('region')),
    accessKey,
    secretKey,
    sessionToken,
    insecure: config.boolean('insecure') ?? false,
    lookup,
    // Thanos's default is dual-stack for AWS; an unset key leaves the choice to the SDK.
    dualstack: negated(config.boolean('disable_dualstack')),
    sse: parseSse(config.map('sse_config')),
    putUserMetadata: config.map('put_user_metadata')?.strings(),
    partSize: partSize === 0 ? undefined : partSize,
    maxRetries: maxRetries === 0 ? undefined : maxRetries,
    http: parseHttp(config.map('http_config')),
  }
}

function parseSse(config: ConfigMap | undefined): SseConfig | undefined {
  if (!config) return undefined
  const type = config.string('type') ?? ''
  const kmsKeyId = config.string('kms_key_id') ?? ''
  const kmsEncryptionContext = config.map('kms_encryption_context')?.strings() ?? {}
  const encryptionKeyFile = config.string('encryption_key') ?? ''
  switch (type) {
    case '':
      return undefined
    case 'SSE-S3':
      return { type }
    case 'SSE-KMS':
      if (kmsKeyId === '') throw config.error('kms_key_id', 'is missing for SSE-KMS')
      return { type, kmsKeyId, kmsEncryptionContext }
    case 'SSE-C':
      if (encryptionKeyFile === '') throw config.error('encryption_key', 'is missing for SSE-C')
      return { type, encryptionKeyFile }
    default:
      throw config.error('type', `${JSON.stringify(type)} is not SSE-S3, SSE-KMS or SSE-C`)
  }
}

function parseHttp(config: ConfigMap | undefined): S3HttpConfig | undefined {
  if (!config) return undefined
  const tls = config.map('tls_config')
  config.ignore(
    'idle_conn_timeout',
    'tls_handshake_timeout',
    'expect_continue_timeout',
    'max_idle_conns',
    'max_idle_conns_per_host',
    'disable_compression',
  )
  const maxConnections = config.integer('max_conns_per_host')
  const certFile = nonEmpty(tls?.string('cert_file'))
  const keyFile = nonEmpty(tls?.string('key_file'))
  if (tls && (certFile === undefined) !== (keyFile === undefined)) {
    throw tls.error(certFile === undefined ? 'cert_file' : 'key_file', 'is missing beside its pair')
  }
  return {
    responseTimeoutMs: config.durationMs('response_header_timeout'),
    maxConnections: maxConnections === 0 ? undefined : maxConnections,
    insecureSkipVerify:
      (config.boolean('insecure_skip_verify') ?? false) ||
      (tls?.boolean('insecure_skip_verify') ?? false),
    caFile: nonEmpty(tls?.string('ca_file')),
    certFile,
    keyFile,
    serverName: nonEmpty(tls?.string('server_name')),
  }
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text
}

function negated(flag: boolean | undefined): boolean | undefined {
  return flag === undefined ? undefined : !flag
}
