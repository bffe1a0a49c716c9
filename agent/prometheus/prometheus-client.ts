/** What the agent asks its Prometheus, all through one HTTP client. */
import { parse as parseYaml } from 'yaml'
import { DomainError, type ErrorKind } from '#lib/model/errors.ts'
import type { PrometheusOptions } from '../agent-options.ts'
import { basicAuthorization } from '#lib/http-client/proxy.ts'
import { parseHttpClientConfig } from '#lib/http-client/config.ts'
import {
  type HttpAnswer,
  type HttpClient,
  type HttpRequest,
  readText,
} from '#lib/http-client/answer.ts'
import { httpClient } from '#lib/http-client/http-client.ts'
import type { Env } from '../objstore.ts'
import { VERSION } from '../version.ts'

export interface PrometheusClient {
  readonly url: string
  /** Undefined when this Prometheus has no such endpoint (404). */
  flags(signal?: AbortSignal): Promise<Readonly<Record<string, string>> | undefined>
  externalLabels(signal?: AbortSignal): Promise<Readonly<Record<string, string>>>
  version(signal?: AbortSignal): Promise<string>
  /** False while the WAL is replayed (503). One without the endpoint counts as ready. */
  ready(signal?: AbortSignal): Promise<boolean>
  /** Milliseconds; undefined when there is no sample yet, or the metric is not there. */
  lowestTimestampMs(signal?: AbortSignal): Promise<number | undefined>
  /** The `data` of what an endpoint of the API answers, without a timeout of its own. */
  api(path: string, query: URLSearchParams, signal: AbortSignal): Promise<unknown>
  /** As it is; `path` begins with a slash. */
  request(path: string, request: Omit<HttpRequest, 'url'>): Promise<HttpAnswer>
  close(): void
}

export interface PrometheusClientOptions {
  /** May hold `user:password@`. */
  readonly url: string
  /** Of the questions whose answers are small. */
  readonly timeoutMs: number
  readonly http?: HttpClient | undefined
}

/** As options of the agent say. Throws `invalid`. */
export function configuredPrometheus(
  {
    prometheusUrl,
    getConfigTimeoutMs,
    httpClientYaml,
  }: Pick<PrometheusOptions, 'prometheusUrl' | 'getConfigTimeoutMs' | 'httpClientYaml'>,
  env: Env = {},
): PrometheusClient {
  const http = agentHttpClient(httpClientYaml, env)
  return prometheusClient({ url: prometheusUrl, timeoutMs: getConfigTimeoutMs, http })
}

export function agentHttpClient(yaml: string, env: Env = {}): HttpClient {
  const parts = { userAgent: `thaw-agent/${VERSION}`, env, now: Date.now }
  return httpClient(parseHttpClientConfig(yaml, env), parts)
}

const MAX_ANSWER_BYTES = 256 * 1024 * 1024
/** Of a text that is none of the API's. */
const SHOWN_CHARS = 200

export function prometheusClient({
  url,
  timeoutMs,
  http = agentHttpClient(''),
}: PrometheusClientOptions): PrometheusClient {
  const base = parseBaseUrl(url)
  const given = base.authorization === undefined ? {} : { authorization: base.authorization }

  async function request(
    path: string,
    { headers, ...rest }: Omit<HttpRequest, 'url'>,
  ): Promise<HttpAnswer> {
    return http.request({ ...rest, url: `${base.url}${path}`, headers: { ...given, ...headers } })
  }

  async function get(path: string, options: Omit<HttpRequest, 'url'>): Promise<Answer> {
    const answer = await request(path, options)
    const text = await readText(answer, MAX_ANSWER_BYTES)
    return { path, status: answer.status, text }
  }

  async function getSoon(path: string, signal: AbortSignal | undefined): Promise<Answer> {
    return get(path, { signal, timeoutMs })
  }

  async function getOk(path: string, signal: AbortSignal | undefined): Promise<Answer> {
    const answer = await getSoon(path, signal)
    if (answer.status === 200) return answer
    throw refused(answer)
  }

  async function getData(path: string, signal: AbortSignal | undefined): Promise<unknown> {
    return dataOf(await getOk(path, signal))
  }

  function dataOf({ path, text }: Answer, kind: ErrorKind = 'invalid'): unknown {
    const body = parseJson(text)
    if (typeof body === 'object' && body !== null && 'data' in body) return body.data
    const where = `${base.url}${path.replace(/\?.*$/s, '')}`
    throw new DomainError(kind, `${where} did not answer as prometheus does`)
  }

  function refused({ path, status, text }: Answer): DomainError {
    const kind = status === 401 || status === 403 ? 'unauthorized' : 'unavailable'
    return new DomainError(
      kind,
      `${base.url}${path} answered ${status} ${text.slice(0, SHOWN_CHARS).trim()}`.trim(),
    )
  }

  return {
    url: base.url,
    request,

    async flags(signal) {
      const answer = await getSoon('/api/v1/status/flags', signal)
      if (answer.status === 404) return undefined
      if (answer.status !== 200) throw refused(answer)
      return stringRecord(dataOf(answer))
    },

    async externalLabels(signal) {
      const { yaml } = stringRecord(await getData('/api/v1/status/config', signal))
      return externalLabelsFromYaml(yaml ?? '')
    },

    async version(signal) {
      const { version } = stringRecord(await getData('/api/v1/status/buildinfo', signal))
      return version ?? ''
    },

    async ready(signal) {
      return (await getSoon('/-/ready', signal)).status !== 503
    },

    async lowestTimestampMs(signal) {
      return lowestTimestampFromMetrics((await getOk('/metrics', signal)).text)
    },

    async api(path, query, signal) {
      const answer = await get(query.size === 0 ? path : `${path}?${query.toString()}`, { signal })
      if (answer.status === 200) return dataOf(answer, 'unavailable')
      throw refusal(base.url, answer)
    },

    close: () => http.close(),
  }
}

interface Answer {
  readonly path: string
  readonly status: number
  readonly text: string
}

const KINDS: Readonly<Record<number, ErrorKind>> = {
  400: 'invalid',
  401: 'unauthorized',
  403: 'unauthorized',
  404: 'not-found',
  422: 'execution',
}

/** An answer of the API that is an error, in Prometheus's own words. */
export function refusal(
  url: string,
  { status, text }: { readonly status: number; readonly text: string },
): DomainError {
  const body = parseJson(text)
  const { error } = stringRecord(body)
  const words = error ?? text.slice(0, SHOWN_CHARS).trim()
  return new DomainError(KINDS[status] ?? 'unavailable', `${url} answered ${status}: ${words}`)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Credentials in a URL become a header, so that the URL can be shown. */
function parseBaseUrl(text: string): { url: string; authorization?: string | undefined } {
  let url: URL
  try {
    url = new URL(text)
  } catch (cause) {
    throw new DomainError(
      'invalid',
      `"${withoutUser(text)}" is no URL, write for example http://localhost:9090`,
      { cause },
    )
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new DomainError('invalid', `"${withoutUser(text)}" is neither http:// nor https://`)
  }
  const plain = `${url.origin}${url.pathname}`.replace(/\/+$/, '')
  return { url: plain, authorization: basicAuthorization(url) }
}

function withoutUser(text: string): string {
  return text.replace(/\/\/.*@/, '//')
}

/** `global.external_labels` of a Prometheus configuration. */
export function externalLabelsFromYaml(yaml: string): Readonly<Record<string, string>> {
  let config: unknown
  try {
    config = parseYaml(yaml)
  } catch (cause) {
    const { message } = cause as Error
    throw new DomainError('invalid', `prometheus's configuration is no YAML: ${message}`, { cause })
  }
  const labels = field(field(config, 'global'), 'external_labels')
  if (typeof labels !== 'object' || labels === null) return {}
  return Object.fromEntries(
    Object.entries(labels)
      .map(([name, value]) => [name, String(value)] as const)
      .filter(([, value]) => value !== ''),
  )
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  return (value as Record<string, unknown>)[name]
}

/** Prometheus exposes 2^63−1 ms, in seconds, while it has no sample. */
export function lowestTimestampFromMetrics(text: string): number | undefined {
  const line = /^prometheus_tsdb_lowest_timestamp_seconds(?:\{[^}]*\})? (\S+)/m.exec(text)
  if (line === null) return undefined
  const seconds = Number(line[1])
  return Number.isFinite(seconds) && seconds < 8.64e12 ? Math.round(seconds * 1000) : undefined
}

function stringRecord(value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null) return {}
  return Object.fromEntries(
    Object.entries(value).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    ),
  )
}
