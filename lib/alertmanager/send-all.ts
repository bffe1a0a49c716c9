/** The alerts of one Alertmanager: batch after batch, failed ones again after a while, and none of it waits for others. */
import { type HttpClient, reasonText } from '#lib/http-client/answer.ts'
import { failureAt } from '#lib/http-client/reason.ts'
import { isKind } from '#lib/model/errors.ts'
import type { Outgoing } from './batches.ts'
import type { Deliveries } from './deliveries.ts'
import { alertsToJson } from './outgoing-alert.ts'

/** What `prometheus_notifications_*` and `thanos_alert_sender_*` count, of one sending. */
export interface AlertmanagerReport {
  readonly url: string
  /** Alerts that it took. */
  readonly sent: number
  /** Alerts of tries that failed. */
  readonly errors: number
  /** Alerts that it did not get. */
  readonly dropped: number
  /** Of each request that it took. */
  readonly latencySeconds: readonly number[]
  /** '' where nothing failed. */
  readonly lastError: string
}

export interface SendParts {
  readonly http: HttpClient
  /** Of one request. */
  readonly timeoutMs: number
  /** From the first try of a batch to the begin of its last. */
  readonly retryForMs: number
  readonly deliveries: Deliveries
  readonly signal: AbortSignal
  readonly now: () => number
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
}

const FIRST_BACKOFF_MS = 250
const MAX_BACKOFF_MS = 5000

interface Fault {
  readonly text: string
  /** Another try may have another end. */
  readonly passing: boolean
}

/** Where a batch failed to the end, the Alertmanager is left alone: what is left would wait as long in vain. */
export async function sendAll(
  url: string,
  batches: readonly (readonly Outgoing[])[],
  parts: SendParts,
): Promise<AlertmanagerReport> {
  const { deliveries, signal, now } = parts
  const counts = { sent: 0, errors: 0, dropped: 0 }
  const latencySeconds: number[] = []
  let lastError = ''
  let isDown = false
  for (const batch of batches) {
    if (isDown || signal.aborted) {
      counts.dropped += batch.length
      deliveries.failed(batch)
      continue
    }
    const body = Buffer.from(alertsToJson(batch.map(({ alert }) => alert)))
    const startMs = now()
    for (let backoffMs = FIRST_BACKOFF_MS; ; backoffMs = Math.min(2 * backoffMs, MAX_BACKOFF_MS)) {
      const tryMs = now()
      const fault = await post(url, body, parts)
      if (fault === undefined) {
        counts.sent += batch.length
        latencySeconds.push((now() - tryMs) / 1000)
        deliveries.taken(batch)
        break
      }
      counts.errors += batch.length
      // That the time was over says less than what was wrong before.
      if (!signal.aborted || lastError === '') lastError = fault.text
      const isOver = now() + backoffMs - startMs > parts.retryForMs || signal.aborted
      if (fault.passing && !isOver && !deliveries.areTaken(batch)) {
        await parts.sleep(backoffMs, signal)
        if (!signal.aborted && !deliveries.areTaken(batch)) continue
      }
      counts.dropped += batch.length
      if (fault.passing) deliveries.failed(batch)
      else deliveries.refused(batch)
      isDown = fault.passing
      break
    }
  }
  return { url, ...counts, latencySeconds, lastError }
}

/** What was wrong; undefined when it was taken. */
async function post(
  url: string,
  body: Uint8Array,
  { http, timeoutMs, signal }: SendParts,
): Promise<Fault | undefined> {
  try {
    const answer = await http.request({
      method: 'POST',
      url,
      headers: { 'content-type': 'application/json' },
      body,
      timeoutMs,
      signal,
      keepMethod: true,
    })
    const { status } = answer
    if (status >= 200 && status < 300) {
      answer.discard()
      return undefined
    }
    const { location } = answer.headers
    const reason = await reasonText(answer)
    const elsewhere = `names another place, ${location}, which is not followed: the alerts would be lost`
    const more = location === undefined ? reason && `: ${reason}` : ` and ${elsewhere}`
    const text = `${url} answered ${status}${more}`
    return { text, passing: status >= 500 || status === 429 || status === 408 }
  } catch (error) {
    return { text: failureAt(url, error), passing: !isKind(error, 'unauthorized') }
  }
}
