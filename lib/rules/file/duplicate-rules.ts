/** Promtool's lint for rule files: rules of the same name with the same labels. */
import { compareLabels, compareUtf8 } from '#lib/model/labels.ts'
import type { RuleGroupConfig } from './rule-file.ts'

export interface DuplicateRule {
  /** Of the recorded metric, or of the alert. */
  readonly name: string
  /** With those of the group; name, value, name, value… in order, values may be empty. */
  readonly labels: readonly string[]
}

/** Each once, in order. */
export function duplicateRules(groups: readonly RuleGroupConfig[]): DuplicateRule[] {
  const rules = groups
    .flatMap((group) => group.rules)
    .map((rule) => ({
      name: rule.type === 'recording' ? rule.record : rule.alert,
      labels: Object.entries(rule.labels)
        .sort(([a], [b]) => compareUtf8(a, b))
        .flat(),
    }))
    .sort(compare)
  const repeated = rules.filter((rule, i) => i > 0 && compare(rules[i - 1]!, rule) === 0)
  return repeated.filter((rule, i) => i === 0 || compare(repeated[i - 1]!, rule) !== 0)
}

function compare(a: DuplicateRule, b: DuplicateRule): number {
  return compareUtf8(a.name, b.name) || compareLabels(a.labels, b.labels)
}

/** In promtool's words. */
export function describeDuplicates(duplicates: readonly DuplicateRule[]): string {
  const lines = [`lint error ${duplicates.length} duplicate rule(s) found.`]
  for (const { name, labels } of duplicates) {
    lines.push(`Metric: ${name}`, 'Label(s):')
    for (let i = 0; i < labels.length; i += 2) lines.push(`\t${labels[i]}: ${labels[i + 1]}`)
  }
  return [...lines, 'Might cause inconsistency while recording expressions'].join('\n')
}
