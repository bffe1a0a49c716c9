/** Series to every remote write receiver: each gets all, at the same time and independently. */
import { type HttpClient, reasonText } from '#lib/http-client/answer.ts'
import { httpClient } from '#lib/http-client/http-client.ts'
import { type DomainError, isKind } from '#lib/model/errors.ts'
import { relabeler } from '#lib/relabel/relabel.ts'
import { type WriteRequest, writeRequests, type WriteSeries } from '#lib/remote/write-request.ts'
import type { RemoteWriteConfig } from './remote-write-config.ts'

export interface RemoteWrites {
  readonly names: readonly string[]
  /**
   * Samples ascending by time. Never rejects; ends when the signal comes. What failed may be written again, and before what is newer: receivers take
   * a sample that they have already without a word. `names`: only to these.
   */
  write(
    series: readonly WriteSeries[],
    options?: { readonly names?: readonly string[]; readonly signal?: AbortSignal },
  ): Promise<readonly RemoteReport[]>
  close(): void
}

/** What `prometheus_remote_storage_*` counts, of one call. */
export interface RemoteReport {
  readonly name: string
  readonly url: string
  /** Something was not taken, and a later try may do. */
  readonly unfinished: boolean
  /** Floats and histograms that were taken. */
  readonly samples: number
  readonly histograms: number
  /** Floats and histograms of requests that were refused for good. */
  readonly failed: number
  /** Floats and histograms of requests that were sent again. */
  readonly retried: number
  /** Of requests that were taken. */
  readonly bytes: number
  /** '' where nothing failed. */
  readonly lastError: string
}

export interface RemoteWritesParts {
  readonly configs: readonly RemoteWriteConfig[]
  /** From the first try of a request to the begin of its last. */
  readonly retryForMs: number
  readonly userAgent: string
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  /** Unix ms. */
  readonly now: () => number
  /** Ends, quietly, when the signal comes. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
}

type SendParts = Omit<RemoteWritesParts, 'configs' | 'userAgent' | 'env'> & {
  readonly http: HttpClient
  readonly signal: AbortSignal
}

export function openRemoteWrites(parts: RemoteWritesParts): RemoteWrites {
  const { configs, userAgent, env, now } = parts
  const remotes = configs.map((config) => ({
    config,
    http: httpClient(config.http, { userAgent, env, now }),
  }))
  return {
    names: configs.map(({ name }) => name),
    async write(series, { names, signal = new AbortController().signal } = {}) {
      const wanted = remotes.filter(({ config }) => names?.includes(config.name) ?? true)
      return Promise.all(
        wanted.map(({ config, http }) => writeTo(config, series, { ...parts, http, signal })),
      )
    },
    close() {
      for (const { http } of remotes) http.close()
    },
  }
}

/** In order: behind a request that waits for better times, the others wait too. */
async function writeTo(
  config: RemoteWriteConfig,
  series: readonly WriteSeries[],
  parts: SendParts,
): Promise<RemoteReport> {
  const counts = { samples: 0, histograms: 0, failed: 0, retried: 0, bytes: 0 }
  let lastError = ''
  let unfinished = false
  const requests = writeRequests(relabelled(series, config), {
    version: config.version,
    maxSamples: config.maxSamplesPerSend,
    histograms: config.sendHistograms,
  })
  for (const request of requests) {
    const size = request.samples + request.histograms
    const { fault, tries } = await send(config, request, parts)
    counts.retried += (tries - 1) * size
    if (fault === undefined) {
      counts.samples += request.samples
      counts.histograms += request.histograms
      counts.bytes += request.body.length
      continue
    }
    lastError = fault.text
    if (fault.passing) {
      unfinished = true
      break
    }
    counts.failed += size
  }
  return { name: config.name, url: config.url, unfinished, ...counts, lastError }
}

/** Series that rules make one are one after the other, as a receiver has it. */
function relabelled(
  series: readonly WriteSeries[],
  { relabel: rules }: RemoteWriteConfig,
): readonly WriteSeries[] {
  if (rules.length === 0) return series
  const relabel = relabeler(rules)
  return series
    .map(({ labels, samples }) => ({ labels: relabel(labels), samples }))
    .filter(({ labels }) => labels.length > 0)
}

interface Fault {
  readonly text: string
  /** Another try may have another end. */
  readonly passing: boolean
  /** As the receiver wants it. */
  readonly afterMs?: number | undefined
}

async function send(
  config: RemoteWriteConfig,
  request: WriteRequest,
  parts: SendParts,
): Promise<{ readonly fault: Fault | undefined; readonly tries: number }> {
  const { now, signal, retryForMs } = parts
  const startMs = now()
  let backoffMs = config.minBackoffMs
  for (let tries = 1; ; tries++) {
    const fault = signal.aborted
      ? { text: `${config.url}: canceled`, passing: true }
      : await post(config, request, tries, parts)
    if (fault === undefined || !fault.passing) return { fault, tries }
    const waitMs = fault.afterMs ?? backoffMs
    if (signal.aborted || now() + waitMs - startMs > retryForMs) return { fault, tries }
    await parts.sleep(waitMs, signal)
    backoffMs = Math.min(2 * backoffMs, config.maxBackoffMs)
  }
}

const CONTENT_TYPES = {
  '1.0': 'application/x-protobuf',
  '2.0': 'application/x-protobuf;proto=io.prometheus.write.v2.Request',
}
const VERSIONS = { '1.0': '0.1.0', '2.0': '2.0.0' }
const WRITTEN = 'x-prometheus-remote-write-samples-written'

async function post(
  { url, headers, timeoutMs, version, retryOn429 }: RemoteWriteConfig,
  { body }: WriteRequest,
  tries: number,
  { http, signal, now }: SendParts,
): Promise<Fault | undefined> {
  try {
    const answer = await http.request({
      method: 'POST',
      url,
      headers: {
        ...headers,
        'content-type': CONTENT_TYPES[version],
        'content-encoding': 'snappy',
        'x-prometheus-remote-write-version': VERSIONS[version],
        ...(tries > 1 && { 'retry-attempt': String(tries - 1) }),
      },
      body,
      timeoutMs,
      signal,
      keepMethod: true,
    })
    const { status } = answer
    if (status >= 200 && status < 300) {
      answer.discard()
      if (version === '1.0' || answer.headers[WRITTEN] !== undefined) return undefined
      return { text: `${url} does not know remote write 2.0`, passing: false }
    }
    const passing = status >= 500 || (status === 429 && retryOn429)
    const afterMs = passing ? retryAfterMs(answer.headers['retry-after'], now()) : undefined
    const reason = await reasonText(answer)
    const text = `${url} answered ${status}${reason && `: ${reason}`}`
    return { text, passing, afterMs }
  } catch (error) {
    const { message } = error as DomainError
    const text = message.includes(url) ? message : `${url}: ${message}`
    return { text, passing: !isKind(error, 'unauthorized') }
  }
}

/** Seconds or a date. */
function retryAfterMs(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000
  const timeMs = Date.parse(text)
  return timeMs > nowMs ? timeMs - nowMs : undefined
}
