/** What is stored, without evaluating anything: samples of a selector, blocks, and how many series have which labels. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import type { BucketIndexReader } from '#lib/blocks/bucket-index.ts'
import { isVisible } from '#lib/blocks/visible-blocks.ts'
import { type Labels, labelsKey, withoutLabels } from '#lib/model/labels.ts'
import type { QueryBackend } from '#lib/promql/backend.ts'
import { mergeCardinality } from '#lib/storage/merge-cardinality.ts'
import type { Scope } from '#lib/storage/scope.ts'
import type { SelectRequest, SeriesSet } from '#lib/storage/storage.ts'
import { blockStorage } from '#lib/store/block-storage.ts'
import { blockCardinality } from '#lib/store/cardinality.ts'
import { blocksInScope, isOwn } from '#lib/store/external-labels.ts'
import { askSources, type SeriesSource, sourcesInScope } from '#lib/store/series-source.ts'
import { selectReachMs } from '#lib/store/plan-read.ts'
import type { LabelQueriesParts } from './label-queries.ts'
import { planAgain } from './plan-again.ts'
import type { QueriedParts } from './prepare-query.ts'
import type { SliceRunner } from './run-slice.ts'

/** What a selector has, as it is stored. */
export async function selectStored(
  { bucket, cache, index, sources }: SliceRunner & QueriedParts,
  request: SelectRequest,
  scope: Scope,
  signal?: AbortSignal,
): Promise<SeriesSet> {
  const reachMs = selectReachMs(scope)
  return planAgain(async (again) => {
    const [found, known] = await Promise.all([
      index.blocks(request.startMs - reachMs, request.endMs + reachMs, { signal, fresh: again }),
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
}

export interface StoredQueriesParts extends LabelQueriesParts {
  readonly index: BucketIndexReader
  readonly now: () => number
}

export function storedQueries(
  parts: StoredQueriesParts,
): Pick<QueryBackend, 'select' | 'cardinality' | 'blocks'> {
  const { bucket, cache, index, sources, now } = parts
  return {
    select: (request, scope, signal) => selectStored(parts, request, scope, signal),
    cardinality(request, scope, signal) {
      return planAgain(async (again) => {
        const [found, known] = await Promise.all([
          index.blocks(-Infinity, Infinity, { signal, fresh: again }),
          sources?.(),
        ])
        const counting = sourcesInScope(known ?? [], scope).filter(({ cardinality }) => cardinality)
        const isCounted = countedStreams(counting, scope)
        const blocks = blocksInScope(found, scope).filter(
          (block) => isOwn(block, scope) && !isCounted(block.labels),
        )
        const storage = { bucket, cache, blocks, scope, goneBlockFails: !again }
        const [ofBlocks, beside] = await Promise.all([
          blockCardinality(storage, request, signal),
          askSources(
            counting,
            scope.partialResponse,
            (source, either) => source.cardinality!({ ...request, scope }, either),
            signal,
          ),
        ])
        if (counting.length === 0) return ofBlocks
        const merged = mergeCardinality([ofBlocks, ...beside.results], request.limit)
        return { ...merged, warnings: [...ofBlocks.warnings, ...beside.warnings] }
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

/** What a source counts itself, newer than any block, is not counted once more in the blocks of the same stream. */
function countedStreams(
  counting: readonly SeriesSource[],
  { dedup, replicaLabels }: Scope,
): (labels: Labels) => boolean {
  const replicas = new Set(dedup ? replicaLabels : [])
  const streamOf = (labels: Labels): string => labelsKey(withoutLabels(labels, replicas))
  const counted = new Set(counting.flatMap(({ labelSets }) => labelSets.map(streamOf)))
  return (labels) => counted.has(streamOf(labels))
}
