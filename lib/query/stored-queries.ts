/** What is stored, without evaluating anything: samples of a selector, blocks, and how many series have which labels. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { isVisible } from '#lib/blocks/visible-blocks.ts'
import type { QueryBackend } from '#lib/promql/backend.ts'
import { blockStorage } from '#lib/store/block-storage.ts'
import { blockCardinality } from '#lib/store/cardinality.ts'
import { blocksInScope, isOwn } from '#lib/store/external-labels.ts'
import { sourcesInScope } from '#lib/store/series-source.ts'
import { selectReachMs } from '#lib/store/plan-read.ts'
import type { LabelQueriesParts } from './label-queries.ts'
import { planAgain } from './plan-again.ts'

export interface StoredQueriesParts extends LabelQueriesParts {
  readonly now: () => number
}

export function storedQueries(
  parts: StoredQueriesParts,
): Pick<QueryBackend, 'select' | 'cardinality' | 'blocks'> {
  const { bucket, cache, index, sources, now } = parts
  return {
    select(request, scope, signal) {
      const reachMs = selectReachMs(scope)
      return planAgain(async (again) => {
        const [found, known] = await Promise.all([
          index.blocks(request.startMs - reachMs, request.endMs + reachMs, {
            signal,
            fresh: again,
          }),
          sources?.(),
        ])
        const storage = blockStorage({
          bucket,
          cache,
          blocks: blocksInScope(found, scope),
          sources: sourcesInScope(known ?? [], scope),
          scope,
          goneBlockFails: !again,
        })
        return storage.select(request, signal)
      }, signal)
    },
    cardinality(request, scope, signal) {
      return planAgain(async (again) => {
        const found = await index.blocks(-Infinity, Infinity, { signal, fresh: again })
        const blocks = found.filter((block) => isOwn(block, scope))
        const storage = { bucket, cache, blocks, scope, goneBlockFails: !again }
        return blockCardinality(storage, request, signal)
      }, signal)
    },
    async blocks(scope, signal) {
      const { blocks } = await index.view(-Infinity, Infinity, { signal })
      const nowMs = now()
      const describe = (block: BlockRecord) => ({ ...block, visible: isVisible(block, nowMs) })
      return blocks.filter((block) => isOwn(block, scope)).map(describe)
    },
  }
}
