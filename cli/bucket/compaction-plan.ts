/** What the planner would have done to a bucket now: for the commands that show it. Nothing is written. */
import type { Command } from 'commander'
import { lookUpBlocks } from '#lib/blocks/look-up-blocks.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { type Backlog, nextBacklog, readBacklog } from '#lib/compact/plan/backlog.ts'
import { planJobs, type PlanInput } from '#lib/compact/plan/plan-jobs.ts'
import type { CompactSettings } from '#lib/compact/plan/settings.ts'
import { readPlanInput } from '#lib/compact/read-plan-input.ts'
import { COMPACT_FLAGS, compactSettings } from '#lib/lambda/compact-flags.ts'
import { addFlags, wordsOfFlags } from '../flag-options.ts'

/** Thanos's flags for what is kept and how blocks are merged, as the functions have them. */
export function addSettingsFlags(command: Command): Command {
  command.optionsGroup('What is kept and made:')
  return addFlags(command, COMPACT_FLAGS)
}

/** Throws a DomainError 'invalid' that names the flag. */
export function settingsOf(parsed: Readonly<Record<string, unknown>>): CompactSettings {
  return compactSettings(wordsOfFlags(parsed, COMPACT_FLAGS))
}

export interface CompactionPlanNow {
  readonly input: PlanInput
  /** The plan, with what the last one of the functions knew of the same jobs. */
  readonly backlog: Backlog
}

export async function planNow(
  bucket: Bucket,
  options: {
    readonly settings: CompactSettings
    readonly now: () => number
    readonly signal: AbortSignal
  },
): Promise<CompactionPlanNow> {
  const [read, { blocks, partial }, before] = await Promise.all([
    readPlanInput(bucket, options),
    lookUpBlocks(bucket, options),
    readBacklog(bucket, options.signal),
  ])
  // Who only looks does not write the index, so it may be older than the bucket.
  const input = { ...read, blocks, partial }
  return { input, backlog: nextBacklog(planJobs(input), before, input.nowMs) }
}
