/** A source that has what some blocks of a bucket have, in their chunks or in chunks of its own making. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { labelsKey } from '#lib/model/labels.ts'
import type { Scope } from '#lib/storage/scope.ts'
import { NO_HINTS, type Storage } from '#lib/storage/storage.ts'
import { blockStorage } from '#lib/store/block-storage.ts'
import { SeriesCollector } from '#lib/store/series-collector.ts'
import type { SeriesSource } from '#lib/store/series-source.ts'
import { StoreCache } from '#lib/store/store-cache.ts'
import { encodeChunks } from '#lib/tsdb/chunk/encode.ts'

export interface BlockSource extends SeriesSource {
  /** Questions it was asked. */
  readonly asked: string[]
}

const AS_STORED: Scope = {
  dedup: false,
  replicaLabels: [],
  deduplication: 'nearest',
  partialResponse: false,
  maxSourceResolutionMs: 0,
}

export function blockSource(
  bucket: Bucket,
  blocks: readonly BlockRecord[],
  chunksAre: 'its own' | 'as in blocks' = 'its own',
): BlockSource {
  const storageOf = (some: readonly BlockRecord[]): Storage =>
    blockStorage({ bucket, cache: new StoreCache(1 << 24), blocks: some, scope: AS_STORED })
  const storage = storageOf(blocks)
  const storages = chunksAre === 'its own' ? [storage] : blocks.map((block) => storageOf([block]))
  const asked: string[] = []
  const sets = new Map(blocks.map(({ labels }) => [labelsKey(labels), labels]))
  return {
    asked,
    address: 'store:10901',
    labelSets: [...sets.values()],
    minTimeMs: Math.min(...blocks.map(({ minTimeMs }) => minTimeMs)),
    maxTimeMs: Math.max(...blocks.map(({ maxTimeMs }) => maxTimeMs)) - 1,
    downsamples: false,
    async select({ matchers, startMs, endMs, labelsOnly }) {
      asked.push('series')
      const series = new SeriesCollector()
      for (const one of storages) {
        const all = { matchers, startMs: -Infinity, endMs: Infinity, hints: NO_HINTS }
        const set = await one.select(all)
        for (const [i, labels] of set.labels.entries()) {
          const chunks = encodeChunks(set.samples(i)).filter(
            ({ minTimeMs, maxTimeMs }) => minTimeMs <= endMs && maxTimeMs >= startMs,
          )
          if (chunks.length === 0) continue
          series.series(labels)
          for (const { minTimeMs, maxTimeMs, encoding, data } of labelsOnly ? [] : chunks) {
            series.chunk(minTimeMs, maxTimeMs, encoding, data)
          }
        }
      }
      return { ...series.finish('store'), warnings: [] }
    },
    async labelNames({ matchers, startMs, endMs, limit, hidden }) {
      asked.push('names')
      const matcherSets = matchers.length > 0 ? [matchers] : []
      const answer = await storage.labelNames({ matcherSets, startMs, endMs, limit })
      return { ...answer, values: answer.values.filter((name) => !hidden.includes(name)) }
    },
    async labelValues(name, { matchers, startMs, endMs, limit }) {
      asked.push('values')
      const matcherSets = matchers.length > 0 ? [matchers] : []
      return storage.labelValues(name, { matcherSets, startMs, endMs, limit })
    },
  }
}
