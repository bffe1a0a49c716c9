/** A plan for some of the blocks of a bucket, as if it had no others. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import type { PlanInput } from './plan/plan-jobs.ts'

/**
 * What is no block (uploads that broke off) belongs to nobody's labels and stays. Fresh packs and parts that are being made are left to whoever sees all,
 * and so are lookups: most would seem to be of blocks that are gone.
 */
export function restrictPlan(
  input: PlanInput,
  only: ((block: BlockRecord) => boolean) | undefined,
): PlanInput {
  if (only === undefined) return input
  const writing = new Set([...(input.writing ?? []), ...input.cuts.map(({ ulid }) => ulid)])
  return {
    ...input,
    blocks: input.blocks.filter(only),
    packs: [],
    cuts: [],
    lookups: [],
    writing,
  }
}
