/** What the planner would have done to a bucket now: for the commands that show it. Nothing is written. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { lookUpBlocks } from '#lib/blocks/look-up-blocks.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { type Backlog, nextBacklog, readBacklog } from '#lib/compact/plan/backlog.ts'
import { planJobs, type PlanInput } from '#lib/compact/plan/plan-jobs.ts'
import type { CompactSettings } from '#lib/compact/plan/settings.ts'
import { readPlanInput } from '#lib/compact/read-plan-input.ts'
import { restrictPlan } from '#lib/compact/restrict-plan.ts'

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
    /** Blocks that it is about; all of them without it. */
    readonly only?: ((block: BlockRecord) => boolean) | undefined
    readonly signal: AbortSignal
  },
): Promise<CompactionPlanNow> {
  const [read, { blocks, partial }, before] = await Promise.all([
    readPlanInput(bucket, options),
    lookUpBlocks(bucket, options),
    readBacklog(bucket, options.signal),
  ])
  // Who only looks does not write the index, so it may be older than the bucket.
  const input = restrictPlan({ ...read, blocks, partial }, options.only)
  return { input, backlog: nextBacklog(planJobs(input), before, input.nowMs) }
}
