/** The jobs of fresh blocks, among all others. */
import { type FreshRules, planFreshMerges } from '../fresh/plan-fresh-merges.ts'
import type { JobDraft } from './job-draft.ts'
import type { PlanInput } from './plan-jobs.ts'
import { countText, timeText } from './plan-text.ts'

/** Looks at all blocks, hidden and marked ones too. */
export function planFresh(
  draft: JobDraft,
  { packs, packMarks = [], blocks, settings, nowMs }: PlanInput,
): void {
  const { freshDelayMs, retentionMs } = settings
  const rules: FreshRules = { nowMs, freshDelayMs, retentionMs: retentionMs.raw, marks: packMarks }
  const { merges, deletions } = planFreshMerges(packs, blocks, rules)
  for (const { packs: some, startMs, endMs, reason } of merges) {
    const keys = some.map(({ key }) => key)
    const bytes = some.reduce((sum, { size }) => sum + size, 0)
    const text = `${countText(some.length, 'fresh block')} to be made a block, from ${timeText(startMs)}: ${reason}`
    draft.add({ type: 'merge-packs', packs: keys, startMs, endMs }, text, [], bytes)
  }
  for (const { keys, reason } of deletions) {
    draft.add({ type: 'delete-objects', keys }, reason, [])
  }
}
