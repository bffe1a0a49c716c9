/** Which groups must wait for each other: those where one reads what the other writes. */
import { parseExpr } from '#lib/promql/parse/parse.ts'
import { type Feature, FEATURES } from '#lib/promql/options.ts'
import { metricNames } from '#lib/promql/plan/metric-names.ts'
import type { RuleConfig, RuleGroupConfig } from '../file/rule-file.ts'

/** By metric names; undefined: any. */
export interface GroupAccess {
  readonly reads: ReadonlySet<string> | undefined
  readonly writes: ReadonlySet<string>
}

/** What does not parse without them is not refused here. */
const ALL_FEATURES: ReadonlySet<Feature> = new Set(FEATURES)
const ALERT_METRICS = ['ALERTS', 'ALERTS_FOR_STATE']

/** Of all that a group is and was in this tick. */
export function groupAccess(configs: Iterable<RuleGroupConfig>): GroupAccess {
  const reads = new Set<string>()
  const writes = new Set<string>()
  let any = false
  for (const { rules } of configs) {
    for (const rule of rules) {
      for (const name of rule.type === 'recording' ? [rule.record] : ALERT_METRICS) writes.add(name)
      const names = namesOf(rule)
      if (!names) any = true
      else for (const name of names) reads.add(name)
    }
  }
  return { reads: any ? undefined : reads, writes }
}

/** What the later one writes may be read by the earlier one too, where their query offsets differ. */
export function mustWait(later: GroupAccess, earlier: GroupAccess): boolean {
  return mayRead(later, earlier) || mayRead(earlier, later)
}

function mayRead({ reads }: GroupAccess, { writes }: GroupAccess): boolean {
  return reads === undefined ? writes.size > 0 : !reads.isDisjointFrom(writes)
}

/** A template can ask anything. */
function namesOf(rule: RuleConfig): ReadonlySet<string> | undefined {
  if (rule.type === 'alerting') {
    const texts = [...Object.values(rule.labels), ...Object.values(rule.annotations)]
    if (texts.some((text) => /\{\{[^]*\bquery\b/.test(text))) return undefined
  }
  try {
    return metricNames(parseExpr(rule.expr, { features: ALL_FEATURES }))
  } catch {
    return undefined
  }
}
