/** Which alerts are due to be sent, and what is said of them. */
import { DomainError } from '#lib/model/errors.ts'
import type { OutgoingAlert } from '#lib/alertmanager/outgoing-alert.ts'
import type { AlertState } from './group-state.ts'

export interface SendTimes {
  readonly timeMs: number
  readonly intervalMs: number
  readonly resendDelayMs: number
}

export interface SentAlerts {
  /** With the time of sending where they were sent. */
  readonly alerts: readonly AlertState[]
  readonly outgoing: readonly OutgoingAlert[]
}

/** Firing ones each `resendDelayMs`, and inactive ones too, at once when they were resolved. */
export function sendAlerts(
  alerts: readonly AlertState[],
  generatorUrl: string,
  { timeMs, intervalMs, resendDelayMs }: SendTimes,
): SentAlerts {
  const outgoing: OutgoingAlert[] = []
  const after = alerts.map((alert): AlertState => {
    if (!isDue(alert, timeMs, resendDelayMs)) return alert
    // Two evaluations or two sends may fail before it runs out.
    const validUntilMs = timeMs + 4 * Math.max(intervalMs, resendDelayMs)
    outgoing.push({
      labels: alert.labels,
      annotations: alert.annotations,
      startsAtMs: alert.firedAtMs!,
      endsAtMs: alert.resolvedAtMs ?? validUntilMs,
      generatorUrl,
    })
    return { ...alert, lastSentAtMs: timeMs, validUntilMs }
  })
  return { alerts: after, outgoing }
}

function isDue(alert: AlertState, timeMs: number, resendDelayMs: number): boolean {
  if (alert.state === 'pending') return false
  const { lastSentAtMs = -Infinity, resolvedAtMs = -Infinity } = alert
  return resolvedAtMs > lastSentAtMs || lastSentAtMs + resendDelayMs < timeMs
}

export const DEFAULT_QUERY_TEMPLATE = '/graph?g0.expr={{.Expr}}&g0.tab=1'

const PLACE = /\{\{-?\s*\.Expr\s*-?\}\}/g

/** Throws DomainError 'invalid' for a template with anything but `{{.Expr}}` in it. */
export function checkQueryTemplate(template: string): void {
  if (template.replace(PLACE, '').includes('{{')) {
    throw new DomainError(
      'invalid',
      `a query template may have {{.Expr}} and nothing else: ${template}`,
    )
  }
}

/** Where people see what the alert is about. */
export function generatorUrlOf(externalUrl: string, template: string, expr: string): string {
  const escaped = queryEscape(expr)
  return externalUrl + template.replace(PLACE, () => escaped)
}

/** Go's url.QueryEscape. */
function queryEscape(text: string): string {
  return encodeURIComponent(text.toWellFormed())
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+')
}
