/** What is sent in one request: at most 256 alerts, as Prometheus has it, and none of them twice. */
import { labelsFrom, labelsKey } from '#lib/model/labels.ts'
import type { OutgoingAlert } from './outgoing-alert.ts'

/** An alert with the labels that it leaves with. */
export interface Outgoing {
  readonly alert: OutgoingAlert
  /** As it was handed in. */
  readonly source: OutgoingAlert
  /** Equal for equal labels. */
  readonly key: string
}

const MAX_BATCH = 256

/** In their order: an alert that comes twice, firing and then resolved, is in two batches. */
export function batchesOf(outgoing: readonly Outgoing[]): Outgoing[][] {
  const batches: Outgoing[][] = []
  let batch: Outgoing[] = []
  let keys = new Set<string>()
  for (const one of outgoing) {
    if (batch.length === MAX_BATCH || keys.has(one.key) || batch.length === 0) {
      batch = []
      keys = new Set()
      batches.push(batch)
    }
    batch.push(one)
    keys.add(one.key)
  }
  return batches
}

/** Of what waited long, an alert that goes on, or stays resolved, is in there many times: only the last says something. */
export function withoutSuperseded(alerts: readonly OutgoingAlert[]): OutgoingAlert[] {
  const next = new Map<string, OutgoingAlert>()
  const kept: OutgoingAlert[] = []
  for (const alert of alerts.toReversed()) {
    const key = labelsKey(labelsFrom(alert.labels))
    const later = next.get(key)
    next.set(key, alert)
    const goesOn = later?.startsAtMs === alert.startsAtMs && later.endsAtMs >= alert.endsAtMs
    if (!goesOn) kept.push(alert)
  }
  return kept.reverse()
}
