/** Delivers what the outbox has. All of it may be done again: by whoever goes on after a kill, or in the next tick where something failed. */
import type { OutgoingAlert } from '#lib/alertmanager/outgoing-alert.ts'
import type { KnownAlertmanagers } from '#lib/alertmanager/alertmanagers.ts'
import type { AlertmanagerReport } from '#lib/alertmanager/send-all.ts'
import { withoutSuperseded } from '#lib/alertmanager/batches.ts'
import { type KnownPack, withPack } from '../results/few-packs.ts'
import type {
  AlertmanagerCounters,
  Parcel,
  RulerCounters,
  RulerOutbox,
  RulerState,
} from './ruler-state.ts'
import type { TickParts } from './tick-parts.ts'

/** Alerts that wait for an Alertmanager, as many as Prometheus queues. */
export const MAX_ALERTS = 10_000
/** Of results that wait for a remote write, base64. */
const MAX_PARCEL_CHARACTERS = 32 * 1024 * 1024
/** So many are sent between two looks whether the tick is still ours. */
const ALERTS_AT_ONCE = 1024

/** With what an evaluation adds. Where there is too much the oldest go. */
export function filledOutbox(
  { parcels, alerts }: RulerOutbox,
  counters: RulerCounters,
  more: { parcels: readonly Parcel[]; alerts: readonly OutgoingAlert[] },
): { outbox: RulerOutbox; counters: RulerCounters } {
  const allAlerts = withoutSuperseded([...alerts, ...more.alerts])
  const kept = allAlerts.slice(-MAX_ALERTS)
  const allParcels = [...parcels, ...more.parcels]
  let room = MAX_PARCEL_CHARACTERS
  // What was made just now is kept in any case.
  const first = allParcels.findLastIndex(
    ({ body }, i) => (room -= body.length) < 0 && i < parcels.length,
  )
  return {
    outbox: { parcels: allParcels.slice(first + 1), alerts: kept },
    counters: {
      ...counters,
      alertsDropped: counters.alertsDropped + allAlerts.length - kept.length,
      parcelsDropped: counters.parcelsDropped + first + 1,
    },
  }
}

export interface Delivery {
  /** Without what was delivered. */
  readonly state: RulerState
  readonly alertsSent: number
  readonly problems: readonly string[]
}

/** Never rejects. What can't be delivered now stays. */
export async function deliverParcels(
  { sink }: TickParts,
  state: RulerState,
  signal: AbortSignal,
): Promise<Delivery> {
  const { parcels } = state.outbox
  const { left, problems } = await sink.deliver(parcels, signal)
  let packs: readonly KnownPack[] = state.packs
  for (const parcel of parcels) {
    if (!sink.isRead || left.includes(parcel)) continue
    packs = withPack(packs, { key: parcel.key, bytes: Buffer.from(parcel.body, 'base64') })
  }
  const outbox = { ...state.outbox, parcels: left }
  return { state: { ...state, packs, outbox }, alertsSent: 0, problems }
}

export interface SendOptions {
  /** Sent with the others, and not again. */
  readonly watchdog: readonly OutgoingAlert[]
  /** Whether the tick is still this one's. */
  readonly isOurs: () => Promise<boolean>
  readonly signal: AbortSignal
}

/** Never rejects. What nobody takes stays. */
export async function sendAlerts(
  { alertmanagers }: TickParts,
  state: RulerState,
  { watchdog, isOurs, signal }: SendOptions,
): Promise<Delivery> {
  if (!alertmanagers) {
    const none = { ...withAlerts(state, []), alertmanagers: NOBODY }
    return { state: none, alertsSent: 0, problems: [] }
  }
  const waiting = state.outbox.alerts
  const undelivered: OutgoingAlert[] = []
  const problems = new Set<string>()
  let { counters } = state
  let alertsSent = 0
  for (let at = 0; at === 0 || at < waiting.length; at += ALERTS_AT_ONCE) {
    const own = waiting.slice(at, at + ALERTS_AT_ONCE)
    const batch = at === 0 ? [...own, ...watchdog] : own
    if (batch.length === 0) break
    if (signal.aborted || !(await isOurs())) {
      undelivered.push(...waiting.slice(at))
      break
    }
    const report = await alertmanagers.send(batch, signal)
    const left = new Set(report.undelivered)
    undelivered.push(...own.filter((alert) => left.has(alert)))
    const sent = batch.length - report.undelivered.length - report.refused - report.relabelledAway
    alertsSent += sent
    counters = {
      ...counters,
      alertsSent: counters.alertsSent + sent,
      alertsDropped: counters.alertsDropped + report.refused,
      alertmanagers: addedUp(counters.alertmanagers, report.alertmanagers),
    }
    for (const { url, lastError } of report.alertmanagers) {
      if (lastError !== '') problems.add(`Alertmanager ${url}: ${lastError}`)
    }
    for (const error of report.discoveryErrors) problems.add(error)
  }
  const known = await alertmanagers.known().catch(() => state.alertmanagers)
  const next = { ...withAlerts(state, undelivered), alertmanagers: known, counters }
  return { state: next, alertsSent, problems: [...problems] }
}

const NOBODY: KnownAlertmanagers = { active: [], dropped: [] }

function withAlerts(state: RulerState, alerts: readonly OutgoingAlert[]): RulerState {
  return { ...state, outbox: { ...state.outbox, alerts } }
}

function addedUp(
  before: RulerCounters['alertmanagers'],
  reports: readonly AlertmanagerReport[],
): RulerCounters['alertmanagers'] {
  const sums: Record<string, AlertmanagerCounters> = { ...before }
  for (const { url, sent, errors, dropped, latencySeconds } of reports) {
    const old = sums[url] ?? NOTHING_SENT
    sums[url] = {
      sent: old.sent + sent,
      errors: old.errors + errors,
      dropped: old.dropped + dropped,
      requests: old.requests + latencySeconds.length,
      latencySeconds: latencySeconds.reduce((sum, one) => sum + one, old.latencySeconds),
    }
  }
  return sums
}

const NOTHING_SENT = { sent: 0, errors: 0, dropped: 0, requests: 0, latencySeconds: 0 }
