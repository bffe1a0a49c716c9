/** The labels that alerts leave with: some are dropped, external ones added where there are none, then come the rules. */
import { labelsFrom, labelsKey, labelsToRecord } from '#lib/model/labels.ts'
import type { RelabelConfig } from '#lib/relabel/relabel-config.ts'
import { relabeler } from '#lib/relabel/relabel.ts'
import type { Outgoing } from './batches.ts'
import type { OutgoingAlert } from './outgoing-alert.ts'

export interface LabelSettings {
  readonly externalLabels: Readonly<Record<string, string>>
  /** Of alerts and of external labels. */
  readonly labelDrop: readonly string[]
  readonly relabel: readonly RelabelConfig[]
}

/** Without those that the rules drop. */
export function outgoingLabels(
  settings: LabelSettings,
): (alerts: readonly OutgoingAlert[]) => Outgoing[] {
  const { externalLabels, labelDrop, relabel } = settings
  const dropped = new Set(labelDrop)
  const without = (labels: Readonly<Record<string, string>>): [string, string][] =>
    Object.entries(labels).filter(([name, value]) => value !== '' && !dropped.has(name))
  const added = without(externalLabels)
  const withRules = relabelOutgoing(relabel)
  return (alerts) =>
    withRules(
      alerts.map((source) => {
        const labels = Object.fromEntries([...added, ...without(source.labels)])
        return { alert: { ...source, labels }, source, key: labelsKey(labelsFrom(labels)) }
      }),
    )
}

/** By rules alone. */
export function relabelOutgoing(
  rules: readonly RelabelConfig[],
): (outgoing: readonly Outgoing[]) => Outgoing[] {
  if (rules.length === 0) return (outgoing) => [...outgoing]
  const relabel = relabeler(rules)
  return (outgoing) =>
    outgoing.flatMap(({ alert, source }) => {
      const labels = relabel(labelsFrom(alert.labels))
      if (labels.length === 0) return []
      const changed = { ...alert, labels: labelsToRecord(labels) }
      return [{ alert: changed, source, key: labelsKey(labels) }]
    })
}
