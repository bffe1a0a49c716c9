/** Asks an Alertmanager for the alerts that it has. */
import type { PrometheusClient } from '#agent/prometheus/prometheus-client.ts'
import { judgeAlertmanager } from '#lib/doctor/alerts.ts'
import type { Finding } from '#lib/doctor/finding.ts'
import { DomainError } from '#lib/model/errors.ts'
import type { RulerState } from '#lib/rules/tick/ruler-state.ts'
import { getText, jsonOf } from './http-asker.ts'
import { known, type Patience } from './patience.ts'

export async function examineAlertmanager(
  client: PrometheusClient,
  { watchdog, ruler }: { readonly watchdog: string; readonly ruler: RulerState | undefined },
  patience: Patience,
): Promise<Finding> {
  const alerts = await known(patience, async (signal) => {
    const { status, body, text } = await getText(client, '/api/v2/alerts', { signal })
    const list = jsonOf(body)
    if (status === 200 && Array.isArray(list)) return list.map(nameOf)
    throw new DomainError('unavailable', `${client.url} answers ${status}: ${text}`)
  })
  return judgeAlertmanager({ url: client.url, alerts, watchdog }, ruler)
}

function nameOf(alert: { readonly labels?: Readonly<Record<string, string>> }): string {
  return alert.labels?.['alertname'] ?? ''
}
