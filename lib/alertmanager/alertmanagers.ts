/** Alerts to every Alertmanager: each gets all, at the same time and independently; an alert is delivered when any one took it. */
import type { Resolver } from '#lib/endpoints/resolve-address.ts'
import { httpClient } from '#lib/http-client/http-client.ts'
import type { AlertingConfig } from './alerting-config.ts'
import { batchesOf, withoutSuperseded } from './batches.ts'
import { Deliveries } from './deliveries.ts'
import { Discovery } from './discovery.ts'
import type { OutgoingAlert } from './outgoing-alert.ts'
import { type LabelSettings, outgoingLabels, relabelOutgoing } from './outgoing-labels.ts'
import { type AlertmanagerReport, sendAll } from './send-all.ts'

export interface Alertmanagers {
  /** Never rejects. When the signal comes it ends, and what was not taken by then is undelivered. */
  send(alerts: readonly OutgoingAlert[], signal?: AbortSignal): Promise<SendReport>
  /** Who gets alerts now, and who does not because of `relabel_configs`. */
  known(): Promise<KnownAlertmanagers>
  close(): void
}

/** URLs with the path that alerts go to. */
export interface KnownAlertmanagers {
  readonly active: readonly string[]
  readonly dropped: readonly string[]
}

export interface SendReport {
  /** Nobody took them, and a later try may do: Alertmanagers were down, slow or busy, or none is known. In their order. */
  readonly undelivered: readonly OutgoingAlert[]
  /** How many nobody took since all who answered refused them (4xx): sent again they would be refused again. */
  readonly refused: number
  /** How many the rules left out, for every Alertmanager. */
  readonly relabelledAway: number
  /** One for each that is known. */
  readonly alertmanagers: readonly AlertmanagerReport[]
  /** What went wrong before anybody was asked: DNS, files. */
  readonly discoveryErrors: readonly string[]
}

export interface AlertmanagersParts extends LabelSettings {
  readonly config: AlertingConfig
  /** From the first try of a request to the begin of its last. */
  readonly retryForMs: number
  readonly userAgent: string
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  readonly resolver: Resolver
  /** Unix ms. */
  readonly now: () => number
  /** Ends, quietly, when the signal comes. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
}

/** Without any in the configuration, everything counts as delivered. */
export function openAlertmanagers(parts: AlertmanagersParts): Alertmanagers {
  const { config, env, userAgent, resolver, retryForMs, now, sleep } = parts
  const prepare = outgoingLabels({ ...parts, relabel: [...parts.relabel, ...config.alertRelabel] })
  const sets = config.sets.map((set) => ({
    http: httpClient(set.http, { userAgent, env, now }),
    discovery: new Discovery(set, { resolver, now }),
    relabel: relabelOutgoing(set.alertRelabel),
    timeoutMs: set.timeoutMs,
  }))

  async function discover() {
    return Promise.all(sets.map(async (set) => ({ ...set, found: await set.discovery.read() })))
  }

  return {
    async send(alerts, signal = new AbortController().signal) {
      const current = withoutSuperseded(alerts)
      const prepared = prepare(current)
      const deliveries = new Deliveries()
      const wanted = new Set<OutgoingAlert>()
      const discovered = await discover()
      const sendings = discovered.flatMap(({ http, relabel, timeoutMs, found }) => {
        const outgoing = relabel(prepared)
        for (const { source } of outgoing) wanted.add(source)
        const batches = batchesOf(outgoing)
        const sendParts = { http, timeoutMs, retryForMs, deliveries, signal, now, sleep }
        return found.active.map((url) => sendAll(url, batches, sendParts))
      })
      const alertmanagers = await Promise.all(sendings)
      return {
        undelivered: [...wanted].filter((alert) => deliveries.isOpen(alert)),
        refused: [...wanted].filter((alert) => deliveries.isLost(alert)).length,
        relabelledAway: sets.length === 0 ? 0 : current.length - wanted.size,
        alertmanagers,
        discoveryErrors: discovered.flatMap(({ found }) => found.errors),
      }
    },
    async known() {
      const found = (await discover()).map(({ found: one }) => one)
      return {
        active: found.flatMap(({ active }) => active),
        dropped: found.flatMap(({ dropped }) => dropped),
      }
    },
    close() {
      for (const { http } of sets) http.close()
    },
  }
}
