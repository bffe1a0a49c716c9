/** Label names, label values and series over the blocks of a bucket. */
import type { BucketIndexReader } from '#lib/blocks/bucket-index.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import type { Labels } from '#lib/model/labels.ts'
import { compareLabels, labelsKey } from '#lib/model/labels.ts'
import type { QueryBackend, SeriesAnswer } from '#lib/promql/backend.ts'
import type { Scope } from '#lib/storage/scope.ts'
import type { LabelRequest, Storage } from '#lib/storage/storage.ts'
import { NO_HINTS } from '#lib/storage/storage.ts'
import { blockStorage } from '#lib/store/block-storage.ts'
import { blocksInScope } from '#lib/store/external-labels.ts'
import type { StoreCache } from '#lib/store/store-cache.ts'

export interface LabelQueriesParts {
  readonly bucket: Bucket
  readonly cache: StoreCache
  readonly index: BucketIndexReader
}

export function labelQueries(
  parts: LabelQueriesParts,
): Pick<QueryBackend, 'labelNames' | 'labelValues' | 'series'> {
  const storageFor = async (
    request: { startMs: number; endMs: number },
    scope: Scope,
    signal?: AbortSignal,
  ): Promise<Storage> => {
    const blocks = await parts.index.blocks(request.startMs, request.endMs, { signal })
    const { bucket, cache } = parts
    return blockStorage({ bucket, cache, blocks: blocksInScope(blocks, scope), scope })
  }
  return {
    async labelNames(request, scope, signal) {
      return (await storageFor(request, scope, signal)).labelNames(request, signal)
    },
    async labelValues(name, request, scope, signal) {
      return (await storageFor(request, scope, signal)).labelValues(name, request, signal)
    },
    async series(request, scope, signal) {
      return seriesOf(await storageFor(request, scope, signal), request, signal)
    },
  }
}

async function seriesOf(
  storage: Storage,
  { matcherSets, startMs, endMs, limit }: LabelRequest,
  signal?: AbortSignal,
): Promise<SeriesAnswer> {
  const sets = await Promise.all(
    matcherSets.map((matchers) =>
      storage.select(
        {
          matchers,
          startMs,
          endMs,
          hints: { ...NO_HINTS, func: 'series', limit, labelsOnly: true },
        },
        signal,
      ),
    ),
  )
  const unique = new Map<string, Labels>()
  for (const set of sets) for (const labels of set.labels) unique.set(labelsKey(labels), labels)
  const series = [...unique.values()].sort(compareLabels)
  return {
    series: limit > 0 ? series.slice(0, limit) : series,
    warnings: [...new Set(sets.flatMap((set) => set.warnings))],
  }
}
