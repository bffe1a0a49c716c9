/** The series of a bucket as a StoreAPI gives them: blocks and fresh packs, chunks as they are stored. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import type { BucketIndexReader } from '#lib/blocks/bucket-index.ts'
import { chooseBlocks } from '#lib/blocks/choose-blocks.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { isKind } from '#lib/model/errors.ts'
import { compareUtf8, labelValue, type Labels, withoutLabels } from '#lib/model/labels.ts'
import type { Matcher } from '#lib/model/matcher.ts'
import { type CompiledMatcher, compileMatcher } from '#lib/regex/matcher.ts'
import type { ClosedInterval } from '#lib/storage/storage.ts'
import { SAMPLES_PER_CHUNK } from '#lib/tsdb/chunk/encode.ts'
import { matchExternalLabels } from '#lib/store/external-labels.ts'
import { blockLabelNames, blockLabelValues, type LabelReader } from '#lib/store/label-query.ts'
import type { LoadedChunks } from '#lib/store/loaded-chunks.ts'
import { mergeSeries } from '#lib/store/merged-series.ts'
import { overlapping } from '#lib/store/plan-read.ts'
import { blockLimit, readBlocks } from '#lib/store/read-blocks.ts'
import { findInBlock, type FoundPart } from '#lib/store/select-block.ts'
import { seriesPages } from '#lib/store/series-pages.ts'
import type { StoreCache } from '#lib/store/store-cache.ts'
import { checkLimit, type RequestLimits, readBudget } from './request-limits.ts'
import type {
  LabelQuery,
  SelectedSeries,
  SeriesQuery,
  SeriesStore,
  StoreLabels,
  StreamInfo,
} from './series-store.ts'
import { joinStreams } from './streams.ts'

export interface BlockSeriesStoreParts {
  readonly bucket: Bucket
  readonly index: BucketIndexReader
  readonly cache: StoreCache
  readonly limits: RequestLimits
  /** Nothing outside of what it gives is shown. */
  readonly times: () => ClosedInterval
  /** Whether the store shows a block: by its external labels, and its id as `__block_id`. */
  readonly shows: (block: BlockRecord) => boolean
}

const BLOCK_ID = '__block_id'

export function blockSeriesStore(parts: BlockSeriesStoreParts): SeriesStore {
  const { index, times, shows } = parts

  async function visible(
    asked: ClosedInterval,
    blockMatchers: readonly Matcher[],
    read: { readonly signal: AbortSignal; readonly fresh?: boolean },
  ): Promise<readonly BlockRecord[]> {
    const compiled = blockMatchers.map(compileMatcher)
    const blocks = await index.blocks(asked.startMs, asked.endMs, read)
    return blocks.filter(
      (block) =>
        shows(block) &&
        compiled.every(({ name, matches }) =>
          matches(name === BLOCK_ID ? block.id : labelValue(block.labels, name)),
        ),
    )
  }

  function within({ startMs, endMs }: ClosedInterval): ClosedInterval {
    const shown = times()
    return { startMs: Math.max(startMs, shown.startMs), endMs: Math.min(endMs, shown.endMs) }
  }

  /** A block that is gone since the index was read is asked for once more, with the index of now. */
  async function withBlocks<T>(
    query: LabelQuery,
    signal: AbortSignal,
    ask: (blocks: readonly BlockRecord[], goneBlockFails: boolean) => Promise<T>,
  ): Promise<T> {
    const asked = within(query)
    try {
      return await ask(await visible(asked, query.blockMatchers, { signal }), true)
    } catch (error) {
      if (!isKind(error, 'not-found')) throw error
      return ask(await visible(asked, query.blockMatchers, { signal, fresh: true }), false)
    }
  }

  async function labels(
    query: LabelQuery,
    signal: AbortSignal,
    ask: (reader: LabelReader, matchers: readonly CompiledMatcher[]) => Promise<readonly string[]>,
  ): Promise<StoreLabels> {
    const matchers = query.matchers.map(compileMatcher)
    return withBlocks(query, signal, async (blocks, goneBlockFails) => {
      const { bucket } = readBudget(parts.bucket, parts.limits.bytes)
      const asked = overlapping(blocks, within(query)).filter((block) =>
        matchExternalLabels(matchers, block.labels),
      )
      const { results, warnings } = await readBlocks(
        asked,
        (block) =>
          ask(
            { bucket, cache: parts.cache, block, signal },
            matchExternalLabels(matchers, block.labels)!,
          ),
        { partialResponse: query.partialResponse, goneBlockFails },
      )
      const values = [...new Set(results.flat())].sort(compareUtf8)
      const { limit } = query
      return {
        values: limit > 0 ? values.slice(0, limit) : values,
        warnings,
        queriedBlocks: asked.map(({ id }) => id),
      }
    })
  }

  const request = (query: LabelQuery, matchers: readonly CompiledMatcher[]) => ({
    matcherSets: matchers.length === 0 ? [] : [matchers],
    ...within(query),
    limit: 0,
  })

  return {
    async streams(signal) {
      const { startMs, endMs } = times()
      const blocks = await visible({ startMs, endMs }, [], { signal })
      return joinStreams(
        blocks.map(({ labels, minTimeMs, maxTimeMs }): StreamInfo => ({
          labels,
          minTimeMs: Math.max(minTimeMs, startMs),
          maxTimeMs: Math.min(maxTimeMs, endMs),
        })),
      )
    },
    select: (query, signal) => {
      const matchers = query.matchers.map(compileMatcher)
      return withBlocks(query, signal, (blocks, goneBlockFails) =>
        selectSeries(parts, { ...query, ...within(query) }, matchers, blocks, {
          goneBlockFails,
          signal,
        }),
      )
    },
    labelNames: (query, signal) =>
      labels(query, signal, (reader, matchers) =>
        blockLabelNames(reader, request(query, matchers), query.hidden),
      ),
    labelValues: (name, query, signal) =>
      labels(query, signal, async (reader, matchers) =>
        query.hidden.has(name) ? [] : blockLabelValues(reader, name, request(query, matchers)),
      ),
  }
}

async function selectSeries(
  { bucket, cache, limits }: BlockSeriesStoreParts,
  query: SeriesQuery,
  matchers: readonly CompiledMatcher[],
  blocks: readonly BlockRecord[],
  { goneBlockFails, signal }: { readonly goneBlockFails: boolean; readonly signal: AbortSignal },
): Promise<SelectedSeries> {
  const { startMs, endMs, hidden, inShard, labelsOnly, limit, partialResponse } = query
  const budget = readBudget(bucket, limits.bytes)
  const store = { bucket: budget.bucket, cache }
  const chosen = chooseBlocks(blocks, query, query.maxResolutionMs)
  const ofShard = inShard && ((labels: Labels) => inShard(withoutLabels(labels, hidden)))
  const inUse: LoadedChunks[] = []
  const close = (): void => {
    for (const chunks of inUse.splice(0)) chunks.release()
  }
  const selection = { matchers, interval: query, labelsOnly, ofShard, inUse, signal }
  const limited = blockLimit()
  const count = { series: 0, chunks: 0 }
  try {
    const { results, warnings } = await readBlocks(
      chosen,
      async (block) => {
        const part = await findInBlock(store, block, selection)
        if (part) {
          // A series may be in many blocks, a chunk is in one.
          checkLimit('series', limits.series, countWanted(part))
          count.chunks += labelsOnly ? 0 : part.rows.length
          checkLimit('samples', limits.samples, count.chunks * SAMPLES_PER_CHUNK)
        }
        return part
      },
      { partialResponse, goneBlockFails, limit: limited },
    )
    const found = results.filter((part) => part !== undefined)
    const keys = [...hidden, ...found.map((part) => part.found.key)]
    const merged = cache.merged(keys.join('\n'), () =>
      mergeSeries(
        found.map((part) => part.found.labels),
        hidden,
      ),
    )
    const pages = seriesPages(found, merged, {
      store,
      startMs,
      endMs,
      limit,
      labelsOnly,
      signal,
      async read(blocks, load) {
        const read = await readBlocks(blocks, load, { partialResponse, limit: limited })
        warnings.push(...read.warnings)
      },
    })
    return {
      warnings,
      queriedBlocks: found.map(({ block }) => block.id),
      async *pages() {
        for await (const page of pages) {
          count.series += page.labels.length
          checkLimit('series', limits.series, count.series)
          yield page
        }
      },
      stats: () => ({
        ...count,
        requests: budget.counts.gets,
        bytes: budget.counts.bytesRead,
      }),
      close,
    }
  } catch (error) {
    close()
    throw error
  }
}

function countWanted({ wanted }: FoundPart): number {
  let count = 0
  for (let i = 0; i < wanted.length; i++) count += wanted[i]!
  return count
}
