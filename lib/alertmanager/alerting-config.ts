/** Which Alertmanagers get alerts, and how: Thanos's `--alertmanagers.url` and `--alertmanagers.config`, and what Prometheus's `alerting` has beyond that. */
import { type ConfigMap, parseConfigMap } from '#lib/bucket/config-map.ts'
import {
  type HttpClientConfig,
  parseHttpClientConfig,
  readHttpClient,
} from '#lib/http-client/config.ts'
import { inlineSecret } from '#lib/http-client/secret.ts'
import { DomainError } from '#lib/model/errors.ts'
import { type RelabelConfig, relabelConfigsOf } from '#lib/relabel/relabel-config.ts'

export interface AlertingConfig {
  readonly sets: readonly AlertmanagerSet[]
  /** For alerts to all sets. */
  readonly alertRelabel: readonly RelabelConfig[]
}

/** Alertmanagers that are asked in the same way. */
export interface AlertmanagerSet {
  readonly http: HttpClientConfig
  readonly groups: readonly TargetGroup[]
  /** Globs of files with target groups. */
  readonly files: readonly string[]
  readonly scheme: string
  readonly pathPrefix: string
  /** Of one request. */
  readonly timeoutMs: number
  /** Of the Alertmanagers themselves: `__scheme__`, `__address__`, `__alerts_path__`. */
  readonly relabel: readonly RelabelConfig[]
  readonly alertRelabel: readonly RelabelConfig[]
}

export interface TargetGroup {
  /** host:port, or with `dns+`, `dnssrv+`, `dnssrvnoa+` or `dnsdualstack+` in front. */
  readonly targets: readonly string[]
  readonly labels: Readonly<Record<string, string>>
}

const WHAT = 'alertmanagers configuration'
const TIMEOUT_MS = 10_000

/** '' is none. Throws `invalid` with the line and the key, `unsupported` for what is known and not there; no error holds a secret. */
export function parseAlertingConfig(
  yaml: string,
  env: Readonly<Record<string, string | undefined>> = {},
): AlertingConfig {
  if (yaml.trim() === '') return { sets: [], alertRelabel: [] }
  const root = parseConfigMap(yaml, WHAT, env)
  const config = {
    sets: root.maps('alertmanagers').map(readSet),
    alertRelabel: readRelabel(root, 'alert_relabel_configs'),
  }
  root.finish()
  return config
}

/** `http://user:password@host:port/prefix`, or `dns+http://…`. Throws `invalid`; the text holds no password. */
export function alertmanagerOfUrl(url: string, timeoutMs = TIMEOUT_MS): AlertmanagerSet {
  const [, dns = '', rest = url] =
    /^(dns\+|dnssrv\+|dnssrvnoa\+|dnsdualstack\+)?(.*)$/s.exec(url) ?? []
  if (!/^https?:\/\/[^/]/.test(rest) || !URL.canParse(rest)) {
    const shown = JSON.stringify(url.replace(/\/\/[^/]*@/, '//'))
    throw new DomainError(
      'invalid',
      `${shown} is no URL of an Alertmanager: write http://host:9093, or dns+, dnssrv+ or dnssrvnoa+ and that`,
    )
  }
  const { protocol, username, password, pathname } = new URL(rest)
  // What the URL parser makes of the host loses a port that is the scheme's own.
  const host = /^https?:\/\/(?:[^/?#]*@)?([^/?#]*)/.exec(rest)![1]!
  const hasUser = username !== '' || password !== ''
  return {
    http: {
      ...parseHttpClientConfig(''),
      authorization: hasUser
        ? {
            type: 'basic',
            username: inlineSecret(decodeURIComponent(username)),
            password: inlineSecret(decodeURIComponent(password)),
          }
        : undefined,
    },
    groups: [{ targets: [`${dns}${host}`], labels: {} }],
    files: [],
    scheme: protocol.slice(0, -1),
    pathPrefix: pathname,
    timeoutMs,
    relabel: [],
    alertRelabel: [],
  }
}

function readSet(map: ConfigMap): AlertmanagerSet {
  const version = map.string('api_version') ?? 'v2'
  if (version === 'v1') {
    throw map.unsupported('api_version', 'v1 is gone from Alertmanager since 0.27: write v2')
  }
  if (version !== 'v2') throw map.error('api_version', 'is not v2')
  if (map.value('sigv4') !== undefined) throw map.unsupported('sigv4', 'is not supported')
  const scheme = map.string('scheme') ?? 'http'
  if (scheme !== 'http' && scheme !== 'https')
    throw map.error('scheme', 'is neither http nor https')
  return {
    http: readHttpClient(map.map('http_config') ?? map),
    groups: readGroups(map),
    files: map.maps('file_sd_configs').flatMap((one) => {
      // They are read anew each time.
      one.ignore('refresh_interval')
      return one.list('files') ?? []
    }),
    scheme,
    pathPrefix: map.string('path_prefix') ?? '',
    timeoutMs: map.durationMs('timeout') ?? TIMEOUT_MS,
    relabel: readRelabel(map, 'relabel_configs'),
    alertRelabel: readRelabel(map, 'alert_relabel_configs'),
  }
}

/** A list of addresses, as Thanos has it, or of target groups, as Prometheus has it. */
function readGroups(map: ConfigMap): TargetGroup[] {
  const value = map.value('static_configs')
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) {
    return [{ targets: (map.list('static_configs') ?? []).map(checked), labels: {} }]
  }
  return map.maps('static_configs').map((group) => ({
    targets: (group.list('targets') ?? []).map(checked),
    labels: group.map('labels')?.strings() ?? {},
  }))

  function checked(address: string): string {
    if (isAddress(address)) return address
    const shown = JSON.stringify(address)
    throw map.error('static_configs', `has ${shown}, which is no host:port`)
  }
}

/** host:port, perhaps to be looked up; the scheme and the path are keys of their own. */
export function isAddress(text: string): boolean {
  return /^(dns(?:srv|srvnoa|dualstack)?\+)?[^\s/@?#+]+$/.test(text)
}

function readRelabel(map: ConfigMap, name: string): readonly RelabelConfig[] {
  const value = map.value(name)
  return value === undefined ? [] : relabelConfigsOf(value, map.error(name, '').message.trim())
}
