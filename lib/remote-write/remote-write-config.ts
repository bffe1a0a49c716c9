/** Where samples are written to: Prometheus's `remote_write`, as Thanos's `--remote-write.config` has it. */
import { type ConfigMap, parseConfigMap } from '#lib/bucket/config-map.ts'
import { type HttpClientConfig, readHttpClient } from '#lib/http-client/config.ts'
import { type RelabelConfig, relabelConfigsOf } from '#lib/relabel/relabel-config.ts'
import type { WriteVersion } from '#lib/remote/write-request.ts'

export interface RemoteWriteConfig {
  /** Unlike those of others; the URL where none was given. */
  readonly name: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly http: HttpClientConfig
  /** Of one request. */
  readonly timeoutMs: number
  readonly relabel: readonly RelabelConfig[]
  readonly version: WriteVersion
  readonly sendHistograms: boolean
  readonly maxSamplesPerSend: number
  readonly minBackoffMs: number
  readonly maxBackoffMs: number
  readonly retryOn429: boolean
}

const WHAT = 'remote write configuration'
/** What every request says of itself. */
const RESERVED = new Set([
  'authorization',
  'host',
  'content-encoding',
  'content-length',
  'content-type',
  'x-prometheus-remote-write-version',
  'user-agent',
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'www-authenticate',
  'accept-encoding',
  'x-prometheus-remote-read-version',
])

/** '' is none. Throws `invalid` with the line and the key, `unsupported` for what is known and not there; no error holds a secret. */
export function parseRemoteWriteConfig(
  yaml: string,
  env: Readonly<Record<string, string | undefined>> = {},
): readonly RemoteWriteConfig[] {
  if (yaml.trim() === '') return []
  const root = parseConfigMap(yaml, WHAT, env)
  const names = new Set<string>()
  const configs = root.maps('remote_write').map((map) => {
    const config = readRemote(map)
    if (names.has(config.name)) throw map.error('name', 'or url is given twice: write a name')
    names.add(config.name)
    return config
  })
  root.finish()
  return configs
}

function readRemote(map: ConfigMap): RemoteWriteConfig {
  const url = map.string('url') ?? ''
  if (!/^https?:\/\/./.test(url) || !URL.canParse(url)) {
    throw map.error('url', 'is missing or no http:// or https:// URL')
  }
  if (new URL(url).username !== '') throw map.error('url', 'has a user: write basic_auth')
  for (const name of ['sigv4', 'azuread', 'google_iam']) {
    if (map.value(name) !== undefined) throw map.unsupported(name, 'is not supported')
  }
  // Rules have neither, nor is there more than one address to go round.
  map.ignore('send_exemplars', 'metadata_config', 'round_robin_dns', 'failed_request_logging')
  const queue = map.map('queue_config')
  // Each write is sent as a whole: nothing waits to be sent.
  const idle = ['capacity', 'max_shards', 'min_shards', 'batch_send_deadline', 'sample_age_limit']
  queue?.ignore(...idle)
  const maxSamplesPerSend = queue?.integer('max_samples_per_send') ?? 2000
  if (maxSamplesPerSend < 1) throw queue!.error('max_samples_per_send', 'is not positive')
  const version = versionOf(map)
  const rules = map.value('write_relabel_configs')
  return {
    name: map.string('name') || url,
    url,
    headers: readHeaders(map.map('headers')),
    http: readHttpClient(map),
    timeoutMs: map.durationMs('remote_timeout') ?? 30_000,
    relabel:
      rules === undefined
        ? []
        : relabelConfigsOf(rules, map.error('write_relabel_configs', '').message.trim()),
    version,
    sendHistograms: map.boolean('send_native_histograms') ?? false,
    maxSamplesPerSend,
    minBackoffMs: queue?.durationMs('min_backoff') || 30,
    maxBackoffMs: queue?.durationMs('max_backoff') || 5000,
    retryOn429: queue?.boolean('retry_on_http_429') ?? true,
  }
}

function versionOf(map: ConfigMap): WriteVersion {
  const message = map.string('protobuf_message') ?? 'prometheus.WriteRequest'
  if (message === 'prometheus.WriteRequest') return '1.0'
  if (message === 'io.prometheus.write.v2.Request') return '2.0'
  throw map.error(
    'protobuf_message',
    'is neither prometheus.WriteRequest nor io.prometheus.write.v2.Request',
  )
}

function readHeaders(map: ConfigMap | undefined): Record<string, string> {
  const reserved = map?.names().find((name) => RESERVED.has(name.toLowerCase()))
  if (reserved === undefined) return map?.strings() ?? {}
  throw map!.error(reserved, 'is set by what is sent, or by basic_auth, authorization and oauth2')
}
