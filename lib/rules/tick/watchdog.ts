/** A dead man's switch: an alert that always fires, so that its end tells that the ruler, or the way from it, is dead. */
import type { OutgoingAlert } from '#lib/alertmanager/outgoing-alert.ts'
import type { TickSettings } from './tick-parts.ts'

/** None where it is switched off. */
export function watchdogAlerts(
  { watchdog, evalIntervalMs, resendDelayMs, externalUrl }: TickSettings,
  { sinceMs, nowMs }: { readonly sinceMs: number; readonly nowMs: number },
): readonly OutgoingAlert[] {
  if (watchdog === '') return []
  return [
    {
      labels: { alertname: watchdog, severity: 'none' },
      annotations: {
        summary: 'The ruler works. When this alert ends, nothing is left that could send another.',
      },
      startsAtMs: sinceMs,
      endsAtMs: nowMs + 4 * Math.max(evalIntervalMs, resendDelayMs),
      generatorUrl: `${externalUrl}/rules`,
    },
  ]
}
