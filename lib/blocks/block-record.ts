/** What the bucket index keeps of one block: enough to plan a query or a compaction without reading its meta.json. */
import { fromExtensions, type PacksInBlock } from '#lib/fresh/packs-in-block.ts'
import type { BlockSummary } from '#lib/model/block-summary.ts'
import { labelsFrom, labelsToRecord } from '#lib/model/labels.ts'
import type { BlockMeta } from '#lib/tsdb/block/meta.ts'

export interface BlockRecord extends BlockSummary {
  readonly indexSize: number
  /** Sizes of chunks/000001, 000002… */
  readonly segmentSizes: readonly number[]
  /** Largest series entry and chunk in bytes, 0 where unknown. */
  readonly seriesMaxSize: number
  readonly chunkMaxSize: number
  /** A tombstones file that deletes something; Thanos's blocks have none. */
  readonly hasTombstones: boolean
  readonly uploadTimeMs: number
  /** Prometheus could not compact it. */
  readonly failed?: true | undefined
  readonly metaEtag: string
  readonly marks: BlockMarks
  /** Of which packs it was made, if of any. */
  readonly fresh?: IndexedPacks | undefined
  /** Why queries don't see it. */
  readonly hidden?: HiddenReason | undefined
  /** It is a pack, under its key: a fresh block. The bucket index has none of them. */
  readonly pack?: PackPlace | undefined
}

export interface IndexedPacks extends PacksInBlock {
  /** When the bucket index first had the block; absent before. */
  readonly indexedMs?: number | undefined
}

/** What the key of a pack says beside labels and times. */
export interface PackPlace {
  /** Names who wrote it, as its external labels do. */
  readonly writer: string
  /** A sequence of what came in there; later ones are greater. */
  readonly epoch: string
  /** [from, to) of the sequence is in the pack. */
  readonly from: number
  readonly to: number
  readonly directoryBytes: number
}

export interface BlockMarks {
  readonly deletion?: Mark | undefined
  readonly noCompact?: Mark | undefined
  readonly noDownsample?: Mark | undefined
}

export interface Mark {
  readonly timeMs: number
  readonly etag: string
  readonly reason?: string | undefined
  readonly details?: string | undefined
}

export type HiddenReason = 'marked-for-deletion' | 'superseded'

/** Sizes come from the listing, which is true even where meta.json has no `files`. */
export function recordFromMeta(
  meta: BlockMeta,
  files: Pick<BlockRecord, 'metaEtag' | 'indexSize' | 'segmentSizes' | 'hasTombstones' | 'marks'>,
): BlockRecord {
  const fresh = fromExtensions(meta.thanos?.extensions)
  return {
    id: meta.ulid,
    minTimeMs: meta.minTime,
    maxTimeMs: meta.maxTime,
    labels: labelsFrom(meta.thanos?.labels ?? {}),
    resolutionMs: meta.thanos?.downsample.resolution ?? 0,
    level: meta.compaction.level,
    sources: meta.compaction.sources,
    source: meta.thanos?.source ?? '',
    seriesCount: meta.stats.numSeries,
    sampleCount: meta.stats.numSamples,
    chunkCount: meta.stats.numChunks,
    indexSize: files.indexSize,
    segmentSizes: files.segmentSizes,
    seriesMaxSize: meta.thanos?.index_stats?.series_max_size ?? 0,
    chunkMaxSize: meta.thanos?.index_stats?.chunk_max_size ?? 0,
    hasTombstones: files.hasTombstones,
    uploadTimeMs: meta.thanos?.upload_time ? Date.parse(meta.thanos.upload_time) : 0,
    ...(fresh && { fresh }),
    ...(meta.compaction.failed === true && { failed: true as const }),
    metaEtag: files.metaEtag,
    marks: files.marks,
  }
}

/** The JSON form; labels as an object, as people expect them. */
export function recordToJson(record: BlockRecord): unknown {
  return { ...record, labels: labelsToRecord(record.labels) }
}

export function recordFromJson(json: BlockRecordJson): BlockRecord {
  return { ...json, labels: labelsFrom(json.labels) }
}

export type BlockRecordJson = Omit<BlockRecord, 'labels'> & { labels: Record<string, string> }
