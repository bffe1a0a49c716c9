/** Series to every remote write receiver: each gets all, at the same time and independently. */
import { type HttpClient, reasonText } from '#lib/http-client/answer.ts'
import { httpClient } from '#lib/http-client/http-client.ts'
import { failureAt } from '#lib/http-client/reason.ts'
import { isKind } from '#lib/model/errors.ts'
import { relabeler } from '#lib/relabel/relabel.ts'
import { type WriteRequest, writeRequests, type WriteSeries } from '#lib/remote/write-request.ts'
import type { RemoteWriteConfig } from './remote-write-config.ts'

export interface RemoteWrites {
  /** What each receiver is to get: the same series make the same. Samples ascending by time. */
  requests(series: readonly WriteSeries[]): readonly RemoteRequest[]
  /**
   * In their order, receivers side by side. Never rejects; ends when the signal comes. What was not taken may be sent again, before what is newer:
   * receivers take samples that they have already without a word, or refuse all of a request that they have.
   */
  send(requests: readonly RemoteRequest[], signal?: AbortSignal): Promise<SendReport>
  close(): void
}

export interface RemoteRequest extends WriteRequest {
  /** Name of the receiver. */
  readonly remote: string
}

export interface SendReport {
  /** A later try may do. In their order. */
  readonly unsent: readonly RemoteRequest[]
  readonly remotes: readonly RemoteReport[]
}

/** What `prometheus_remote_storage_*` counts, of one call. */
export interface RemoteReport {
  readonly name: string
  readonly url: string
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
    requests(series) {
      return configs.flatMap((config) => {
        const { name: remote, version, maxSamplesPerSend: maxSamples } = config
        const options = { version, maxSamples, histograms: config.sendHistograms }
        const requests = [...writeRequests(relabelled(series, config), options)]
        return requests.map((request) => ({ remote, ...request }))
      })
    },
    async send(requests, signal = new AbortController().signal) {
      const sent = await Promise.all(
        remotes.map(async ({ config, http }) => {
          const own = requests.filter(({ remote }) => remote === config.name)
          return sendTo(config, own, { ...parts, http, signal })
        }),
      )
      const unsent = new Set(sent.flatMap((one) => one.unsent))
      return {
        unsent: requests.filter((request) => unsent.has(request)),
        remotes: sent.map(({ report }) => report),
      }
    },
    close() {
      for (const { http } of remotes) http.close()
    },
  }
}

/** In order: behind a request that waits for better times, the others wait too. */
async function sendTo(
  config: RemoteWriteConfig,
  requests: readonly RemoteRequest[],
  parts: SendParts,
): Promise<{ readonly report: RemoteReport; readonly unsent: readonly RemoteRequest[] }> {
  const counts = { samples: 0, histograms: 0, failed: 0, retried: 0, bytes: 0 }
  let lastError = ''
  let unsent: readonly RemoteRequest[] = []
  for (const [i, request] of requests.entries()) {
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
      unsent = requests.slice(i)
      break
    }
    counts.failed += size
  }
  return { report: { name: config.name, url: config.url, ...counts, lastError }, unsent }
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
  if (signal.aborted) return { fault: { text: `${config.url}: canceled`, passing: true }, tries: 1 }
  for (let tries = 1; ; tries++) {
    const fault = await post(config, request, tries, parts)
    if (fault === undefined || !fault.passing) return { fault, tries }
    const waitMs = fault.afterMs ?? backoffMs
    if (now() + waitMs - startMs > retryForMs) return { fault, tries }
    await parts.sleep(waitMs, signal)
    if (signal.aborted) return { fault, tries }
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
    return { text: failureAt(url, error), passing: !isKind(error, 'unauthorized') }
  }
}

/** Seconds or a date. */
function retryAfterMs(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000
  const timeMs = Date.parse(text)
  return timeMs > nowMs ? timeMs - nowMs : undefined
}
