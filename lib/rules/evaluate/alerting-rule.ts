/** How the alerts of a rule come, fire, stay and go: Prometheus's steps from one evaluation to the next. */
import { DomainError } from '#lib/model/errors.ts'
import { labelsFrom, labelsKey, labelsToRecord, type Labels } from '#lib/model/labels.ts'
import type { AlertingRuleConfig } from '../file/rule-file.ts'
import type { AlertState } from './group-state.ts'
import { toJsonNumber } from './json-number.ts'

/** How long a resolved alert is kept, and sent again. */
const RESOLVED_RETENTION_MS = 15 * 60_000

/** An element of the rule's answer, its templates expanded. */
export interface AlertCandidate {
  readonly labels: Labels
  readonly annotations: Readonly<Record<string, string>>
  readonly value: number
}

/** Throws DomainError 'execution' for label sets that are there twice. */
export function checkCandidates(candidates: readonly AlertCandidate[]): void {
  if (new Set(candidates.map(({ labels }) => labelsKey(labels))).size < candidates.length) {
    throw new DomainError(
      'execution',
      'vector contains metrics with the same labelset after applying alert labels',
    )
  }
}

/** The alerts after an evaluation, in the order they came. */
export function nextAlerts(
  rule: AlertingRuleConfig,
  before: readonly AlertState[],
  candidates: readonly AlertCandidate[],
  timeMs: number,
): AlertState[] {
  const known = new Map(before.map((alert) => [labelsKey(labelsFrom(alert.labels)), alert]))
  const present = new Set<string>()
  for (const { labels, annotations, value } of candidates) {
    const key = labelsKey(labels)
    present.add(key)
    const seen = { annotations, value: toJsonNumber(value) }
    const alert = known.get(key)
    known.set(
      key,
      alert && alert.state !== 'inactive'
        ? { ...alert, ...seen }
        : { state: 'pending', labels: labelsToRecord(labels), ...seen, activeAtMs: timeMs },
    )
  }
  return [...known].flatMap(([key, alert]): AlertState[] => {
    if (present.has(key)) return [fire(rule, { ...alert, keepFiringSinceMs: undefined }, timeMs)]
    const kept = withoutElement(rule, alert, timeMs)
    return kept ? [kept.state === 'firing' ? fire(rule, kept, timeMs) : kept] : []
  })
}

/** What becomes of an alert whose element is gone; undefined when nothing is left of it. */
function withoutElement(
  rule: AlertingRuleConfig,
  alert: AlertState,
  timeMs: number,
): AlertState | undefined {
  if (alert.state === 'pending') return undefined
  if (alert.state === 'inactive') {
    return timeMs - alert.resolvedAtMs! > RESOLVED_RETENTION_MS ? undefined : alert
  }
  if (rule.keepFiringForMs > 0) {
    const keepFiringSinceMs = alert.keepFiringSinceMs ?? timeMs
    if (timeMs - keepFiringSinceMs < rule.keepFiringForMs) return { ...alert, keepFiringSinceMs }
  }
  return { ...alert, state: 'inactive', resolvedAtMs: timeMs }
}

/** Pending or firing, by how long it is active: a rule may have got another `for` since. */
function fire(rule: AlertingRuleConfig, alert: AlertState, timeMs: number): AlertState {
  const due = timeMs - alert.activeAtMs >= rule.forMs
  if (due && alert.state === 'pending') return { ...alert, state: 'firing', firedAtMs: timeMs }
  if (due || alert.state === 'pending') return alert
  return {
    ...alert,
    state: 'pending',
    firedAtMs: undefined,
    lastSentAtMs: undefined,
    keepFiringSinceMs: undefined,
  }
}
