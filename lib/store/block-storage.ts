/** A Storage over blocks in a bucket: reads of each block what a selector needs and nothing ahead of time. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import type { Labels } from '#lib/model/labels.ts'
import { keepLabels, labelsKey, withoutLabels } from '#lib/model/labels.ts'
import { compileMatcher } from '#lib/regex/matcher.ts'
import { DEDUP_REACH_MS } from '#lib/storage/dedup.ts'
import { enforcedStorage } from '#lib/storage/enforce.ts'
import type { Scope } from '#lib/storage/scope.ts'
import { inShard } from '#lib/storage/shard.ts'
import type { SelectRequest, SeriesSet, Shard, Storage } from '#lib/storage/storage.ts'
import { blockLabelNames, blockLabelValues, mergeLabelAnswers } from './label-query.ts'
import type { LoadedChunks } from './loaded-chunks.ts'
import { type MergedSeries, mergeSeries } from './merged-series.ts'
import { overlapping, planRead } from './plan-read.ts'
import { blockLimit, readBlocks } from './read-blocks.ts'
import { type SelectedPart, withDeletions } from './pack-deletions.ts'
import { type BlockSelection, findInBlock, loadChunks } from './select-block.ts'
import { seriesSet } from './series-set.ts'
import type { SeriesSource } from './series-source.ts'
import { askLabels, selectSources } from './source-parts.ts'
import type { StoreCache } from './store-cache.ts'

export interface BlockStorageParts {
  readonly bucket: Bucket
  readonly cache: StoreCache
  /** Visible blocks that may have samples of what will be asked. */
  readonly blocks: readonly BlockRecord[]
  /** What is asked besides, if it may have what is wanted. */
  readonly sources?: readonly SeriesSource[] | undefined
  readonly scope: Scope
  /** A block that is gone is an error even where half an answer is wanted. */
  readonly goneBlockFails?: boolean | undefined
  /** Answers only with the series of this shard. */
  readonly shard?: Shard | undefined
}

export interface BlockStorage extends Storage {
  /** Nothing will be asked any more of what was selected: its memory may be used again. Calling it is not required. */
  close(): void
}

export function blockStorage(parts: BlockStorageParts): BlockStorage {
  const { blocks, sources = [], scope } = parts
  const inUse: LoadedChunks[] = []
  const replicaLabels = new Set(scope.dedup ? scope.replicaLabels : [])
  const labelSets = [
    ...blocks.map(({ labels }) => labels),
    ...sources.flatMap((source) => source.labelSets),
  ]
  const reachMs = DEDUP_REACH_MS * (replicaCount(labelSets, replicaLabels) - 1)
  const limit = blockLimit()
  const { goneBlockFails = false } = parts
  const shards = [parts.shard, scope.shard].filter((shard) => shard !== undefined)
  const forBlocks = <T>(
    blocks: readonly BlockRecord[],
    read: (block: BlockRecord) => Promise<T>,
  ): Promise<{ results: T[]; warnings: string[] }> =>
    readBlocks(blocks, read, {
      partialResponse: scope.partialResponse,
      goneBlockFails,
      limit,
    })
  // Replicas of a series are of one shard, so their labels don't count.
  const ofShard =
    shards.length === 0
      ? undefined
      : (labels: Labels): boolean => {
          const rest = withoutLabels(labels, replicaLabels)
          return shards.every((shard) => inShard(rest, shard))
        }

  async function select(request: SelectRequest, signal?: AbortSignal): Promise<SeriesSet> {
    const matchers = request.matchers.map(compileMatcher)
    const { interval, chosen, coarsestMs, aggregation, thanos } = planRead(
      blocks,
      request,
      scope,
      reachMs,
      sources,
    )
    const { labelsOnly } = request.hints
    const selection = { matchers, interval, labelsOnly, request, ofShard, inUse, signal }
    const [{ results, warnings }, beside] = await Promise.all([
      forBlocks(chosen, (block) => selectBlock(parts, block, selection)),
      selectSources(sources, { ...selection, coarsestMs, aggregation, scope }),
    ])
    const found = [...withDeletions(results.flatMap((part) => part ?? [])), ...beside.parts]
    beside.warnings.unshift(...warnings)
    const merge = (): MergedSeries =>
      mergeSeries(
        found.map((part) => part.found.labels),
        replicaLabels,
      )
    const keys = [...replicaLabels, ...found.map((part) => part.found.key)]
    const merged = beside.parts.length > 0 ? merge() : parts.cache.merged(keys.join('\n'), merge)
    return seriesSet(found, merged, {
      startMs: request.startMs,
      endMs: request.endMs,
      loaded: interval,
      limit: request.hints.limit,
      warnings: beside.warnings,
      thanos,
    })
  }

  const storage: Storage = {
    select,
    async labelNames(request, signal) {
      const [{ results, warnings }, beside] = await Promise.all([
        forBlocks(overlapping(blocks, request), (block) =>
          blockLabelNames({ ...parts, block, signal }, request, replicaLabels),
        ),
        askLabels(sources, request, { scope, hidden: replicaLabels, signal }, (source, ...asked) =>
          source.labelNames(...asked),
        ),
      ])
      const all = [...results, ...beside.answers]
      return mergeLabelAnswers(all, [...warnings, ...beside.warnings], request.limit)
    },
    async labelValues(name, request, signal) {
      if (replicaLabels.has(name)) return { values: [], warnings: [] }
      const [{ results, warnings }, beside] = await Promise.all([
        forBlocks(overlapping(blocks, request), (block) =>
          blockLabelValues({ ...parts, block, signal }, name, request),
        ),
        askLabels(sources, request, { scope, hidden: replicaLabels, signal }, (source, ...asked) =>
          source.labelValues(name, ...asked),
        ),
      ])
      const all = [...results, ...beside.answers]
      return mergeLabelAnswers(all, [...warnings, ...beside.warnings], request.limit)
    },
  }
  return {
    ...enforcedStorage(storage, scope.enforced ?? []),
    close() {
      for (const chunks of inUse.splice(0)) chunks.release()
    },
  }
}

/** The most replicas that any stream with these external labels has. */
function replicaCount(labelSets: readonly Labels[], replicaLabels: ReadonlySet<string>): number {
  const streams = new Map<string, Set<string>>()
  for (const labels of labelSets) {
    const stream = labelsKey(withoutLabels(labels, replicaLabels))
    const replica = labelsKey(keepLabels(labels, replicaLabels))
    const replicas = streams.get(stream)
    if (replicas) replicas.add(replica)
    else streams.set(stream, new Set([replica]))
  }
  return Math.max(1, ...[...streams.values()].map((replicas) => replicas.size))
}

async function selectBlock(
  parts: BlockStorageParts,
  block: BlockRecord,
  selection: BlockSelection,
): Promise<SelectedPart | undefined> {
  const part = await findInBlock(parts, block, selection)
  if (part && !selection.labelsOnly) await loadChunks(parts, part, part.rows, selection.signal)
  return part
}
