/** status/compaction: what is planned and not done, and of each block why. A route of our own: Thanos tells it in metrics only. */
import { dataAnswer, type Answer } from './answer.ts'
import { timeoutMs, type Call } from './call.ts'
import { withDeadline } from '#lib/promql/deadline.ts'
import { readScope } from './scope-params.ts'

/** Who enforces tenants is told of the tenant's blocks only. */
export async function compaction(call: Call): Promise<Answer> {
  const scope = readScope(call, 0)
  const { compaction: statusOf, backend } = call.parts
  const status = await withDeadline(timeoutMs(call), call.client, async (signal) => {
    const isOfTenant = (scope.enforced ?? []).length > 0
    const blocks = isOfTenant ? await backend.blocks(scope, signal) : undefined
    return statusOf?.(blocks && new Set(blocks.map(({ id }) => id)), signal)
  })
  return dataAnswer(status ?? NOTHING)
}

/** There is no bucket. */
const NOTHING = {
  plannedAt: null,
  pending: { byType: {}, jobs: 0, estimateSeconds: 0, longestSeconds: 0, oldestPlannedAt: null },
  jobs: [],
  blocks: [],
}
