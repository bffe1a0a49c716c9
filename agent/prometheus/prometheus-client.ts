/** What the agent asks its Prometheus: flags, external labels, version, readiness and the lowest timestamp. */
import { parse as parseYaml } from 'yaml'
import { DomainError } from '#lib/model/errors.ts'

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
}

export interface PrometheusClientOptions {
  /** May hold `user:password@`. */
  readonly url: string
  readonly timeoutMs: number
  readonly fetch?: typeof fetch | undefined
}

export function prometheusClient({
  url,
  timeoutMs,
  fetch: request = fetch,
}: PrometheusClientOptions): PrometheusClient {
  const base = parseBaseUrl(url)
  const headers = base.authorization === undefined ? {} : { authorization: base.authorization }

  async function get(path: string, signal: AbortSignal | undefined): Promise<Answer> {
    const timeout = AbortSignal.timeout(timeoutMs)
    const either = signal === undefined ? timeout : AbortSignal.any([signal, timeout])
    try {
      const response = await request(`${base.url}${path}`, { headers, signal: either })
      return { path, status: response.status, text: await response.text() }
    } catch (error) {
      if (signal?.aborted) throw new DomainError('canceled', 'canceled', { cause: error })
      if (timeout.aborted) {
        throw new DomainError('timeout', `no answer from ${base.url}${path} in ${timeoutMs} ms`, {
          cause: error,
        })
      }
      throw new DomainError('unavailable', `no connection to ${base.url}: ${reasonOf(error)}`, {
        cause: error,
      })
    }
  }

  async function getOk(path: string, signal: AbortSignal | undefined): Promise<Answer> {
    const answer = await get(path, signal)
    if (answer.status === 200) return answer
    throw refused(answer)
  }

  async function getData(path: string, signal: AbortSignal | undefined): Promise<unknown> {
    return dataOf(await getOk(path, signal))
  }

  function dataOf({ path, text }: Answer): unknown {
    try {
      const body: unknown = JSON.parse(text)
      if (typeof body === 'object' && body !== null && 'data' in body) return body.data
    } catch {
      // Told below, together with other JSON.
    }
    throw new DomainError('invalid', `${base.url}${path} did not answer as prometheus does`)
  }

  function refused({ path, status, text }: Answer): DomainError {
    const kind = status === 401 || status === 403 ? 'unauthorized' : 'unavailable'
    return new DomainError(
      kind,
      `${base.url}${path} answered ${status} ${text.slice(0, 200).trim()}`.trim(),
    )
  }

  return {
    url: base.url,

    async flags(signal) {
      const answer = await get('/api/v1/status/flags', signal)
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
      return (await get('/-/ready', signal)).status !== 503
    },

    async lowestTimestampMs(signal) {
      return lowestTimestampFromMetrics((await getOk('/metrics', signal)).text)
    },
  }
}

interface Answer {
  readonly path: string
  readonly status: number
  readonly text: string
}

/** `fetch` refuses credentials in a URL, so they become a header. */
function parseBaseUrl(text: string): { url: string; authorization?: string | undefined } {
  let url: URL
  try {
    url = new URL(text)
  } catch (cause) {
    throw new DomainError(
      'invalid',
      `"${text}" is no URL, write for example http://localhost:9090`,
      { cause },
    )
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new DomainError('invalid', `"${text}" is neither http:// nor https://`)
  }
  const { username, password } = url
  const plain = `${url.origin}${url.pathname}`.replace(/\/+$/, '')
  if (username === '' && password === '') return { url: plain }
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return { url: plain, authorization: `Basic ${Buffer.from(pair).toString('base64')}` }
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

/** undici hides the reason ("ECONNREFUSED 127.0.0.1:9090") in the cause. */
export function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  if (cause instanceof AggregateError && cause.errors[0] instanceof Error) {
    return cause.errors[0].message
  }
  if (cause instanceof Error && cause.message !== '') return cause.message
  return error instanceof Error ? error.message : String(error)
}
