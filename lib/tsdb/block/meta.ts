/** meta.json of a block: what Prometheus and Thanos know about it without reading it. */
import { CorruptError, DomainError } from '#lib/model/errors.ts'

export interface BlockMeta {
  readonly ulid: string
  readonly minTime: number
  /** Exclusive. */
  readonly maxTime: number
  readonly stats: BlockStats
  readonly compaction: BlockCompaction
  readonly version: 1
  /** Absent in blocks that only Prometheus has touched. */
  readonly thanos?: ThanosMeta | undefined
  /** Keys that thaw does not know; they survive rewriting. */
  readonly [unknown: string]: unknown
}

export interface BlockStats {
  readonly numSamples: number
  readonly numFloatSamples?: number | undefined
  readonly numHistogramSamples?: number | undefined
  readonly numSeries: number
  readonly numChunks: number
  readonly numTombstones?: number | undefined
}

export interface BlockDesc {
  readonly ulid: string
  readonly minTime: number
  readonly maxTime: number
}

export interface BlockCompaction {
  readonly level: number
  readonly sources: readonly string[]
  readonly parents?: readonly BlockDesc[] | undefined
  readonly deletable?: boolean | undefined
  readonly failed?: boolean | undefined
  readonly hints?: readonly string[] | undefined
}

export interface ThanosMeta {
  readonly version?: number | undefined
  /** External labels: which stream of blocks this is. */
  readonly labels: Readonly<Record<string, string>>
  readonly downsample: { readonly resolution: number }
  readonly source: string
  readonly segment_files?: readonly string[] | undefined
  readonly files?: readonly ThanosFile[] | undefined
  readonly rewrites?: readonly unknown[] | undefined
  readonly index_stats?: ThanosIndexStats | undefined
  readonly extensions?: unknown
  /** RFC 3339. Absent when unset (Go writes year 1 for that). */
  readonly upload_time?: string | undefined
  readonly [unknown: string]: unknown
}

export interface ThanosFile {
  readonly rel_path: string
  readonly size_bytes?: number | undefined
  readonly hash?: { readonly hashFunc: string; readonly value: string } | undefined
}

export interface ThanosIndexStats {
  readonly series_max_size?: number | undefined
  readonly chunk_max_size?: number | undefined
}

export const META_FILE = 'meta.json'

/** Reads meta.json. What is missing gets the value Go would give it; what has a wrong type is corrupt. */
export function parseBlockMeta(body: Uint8Array | string): BlockMeta {
  const json = parseJson(typeof body === 'string' ? body : decodeText(body))
  const meta = object(json, 'object')
  const version = meta['version']
  if (version !== 1) {
    if (typeof version === 'number') {
      throw new DomainError('unsupported', `meta.json of version ${version}`)
    }
    throw corrupt('version')
  }
  const stats = object(meta['stats'] ?? {}, 'stats')
  const compaction = object(meta['compaction'] ?? {}, 'compaction')
  const { stats: _, compaction: __, thanos, ...rest } = meta
  const ulid = text(meta['ulid'], 'ulid')
  if (!/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(ulid)) throw corrupt('ulid')
  return {
    ...rest,
    ulid,
    minTime: integer(meta['minTime'], 'minTime'),
    maxTime: integer(meta['maxTime'], 'maxTime'),
    stats: {
      ...stats,
      numSamples: integer(stats['numSamples'] ?? 0, 'stats.numSamples'),
      numSeries: integer(stats['numSeries'] ?? 0, 'stats.numSeries'),
      numChunks: integer(stats['numChunks'] ?? 0, 'stats.numChunks'),
    },
    compaction: {
      ...compaction,
      level: integer(compaction['level'] ?? 0, 'compaction.level'),
      sources: texts(compaction['sources'] ?? [], 'compaction.sources'),
      ...(compaction['parents'] != null && { parents: parents(compaction['parents']) }),
      ...(compaction['hints'] != null && { hints: texts(compaction['hints'], 'compaction.hints') }),
    },
    version: 1,
    ...(thanos != null && { thanos: parseThanos(object(thanos, 'thanos')) }),
  }
}

function parseThanos(thanos: Readonly<Record<string, unknown>>): ThanosMeta {
  const version = thanos['version'] ?? 0
  if (version !== 0 && version !== 1) {
    throw new DomainError('unsupported', `thanos section of version ${JSON.stringify(version)}`)
  }
  const labels = object(thanos['labels'] ?? {}, 'thanos.labels')
  for (const name of Object.keys(labels)) text(labels[name], `thanos.labels.${name}`)
  const downsample = object(thanos['downsample'] ?? {}, 'thanos.downsample')
  const { upload_time: uploadTime, files, ...rest } = thanos
  return {
    ...rest,
    labels: labels as Record<string, string>,
    downsample: {
      ...downsample,
      resolution: integer(downsample['resolution'] ?? 0, 'thanos.downsample.resolution'),
    },
    source: text(thanos['source'] ?? '', 'thanos.source'),
    ...(files != null && { files: thanosFiles(files) }),
    ...(typeof uploadTime === 'string' &&
      !uploadTime.startsWith('0001-') && { upload_time: uploadTime }),
  }
}

function thanosFiles(value: unknown): ThanosFile[] {
  return array(value, 'thanos.files').map((entry) => {
    const file = object(entry, 'thanos.files')
    return {
      ...file,
      rel_path: text(file['rel_path'], 'thanos.files.rel_path'),
      ...(file['size_bytes'] != null && {
        size_bytes: integer(file['size_bytes'], 'thanos.files.size_bytes'),
      }),
    }
  })
}

function parents(value: unknown): BlockDesc[] {
  return array(value, 'compaction.parents').map((entry) => {
    const parent = object(entry, 'compaction.parents')
    return {
      ...parent,
      ulid: text(parent['ulid'], 'compaction.parents.ulid'),
      minTime: integer(parent['minTime'], 'compaction.parents.minTime'),
      maxTime: integer(parent['maxTime'], 'compaction.parents.maxTime'),
    }
  })
}

/** As Go does: indented by tabs, keys in Go's order, zero counts left out. */
export function formatBlockMeta(meta: BlockMeta): string {
  const { ulid, minTime, maxTime, stats, compaction, version, thanos, ...rest } = meta
  const ordered = {
    ulid,
    minTime,
    maxTime,
    stats: withoutZeros(stats),
    compaction: compactionInOrder(compaction),
    version,
    ...(thanos && { thanos: thanosInOrder(thanos) }),
    ...rest,
  }
  return JSON.stringify(ordered, undefined, '\t')
}

function compactionInOrder(compaction: BlockCompaction): unknown {
  const { level, sources, deletable, parents, failed, hints, ...rest } = compaction
  return {
    level,
    ...(sources.length > 0 && { sources }),
    ...(deletable && { deletable }),
    ...(parents && parents.length > 0 && { parents }),
    ...(failed && { failed }),
    ...(hints && hints.length > 0 && { hints }),
    ...rest,
  }
}

function thanosInOrder(thanos: ThanosMeta): unknown {
  const { version, labels, downsample, source, index_stats: stats, ...rest } = thanos
  const { segment_files, files, rewrites, extensions, upload_time, ...unknown } = rest
  return {
    version: version || 1,
    labels,
    downsample,
    source,
    ...(segment_files && { segment_files }),
    ...(files && { files }),
    ...(rewrites && { rewrites }),
    index_stats: stats ?? {},
    ...(extensions !== undefined && { extensions }),
    ...(upload_time !== undefined && { upload_time }),
    ...unknown,
  }
}

function withoutZeros(stats: BlockStats): Record<string, unknown> {
  return Object.fromEntries(Object.entries(stats).filter(([, count]) => count !== 0))
}

function decodeText(body: Uint8Array): string {
  try {
    return decoder.decode(body)
  } catch (error) {
    throw new CorruptError('meta.json is not UTF-8', 0, { cause: error })
  }
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch (error) {
    throw new CorruptError('meta.json is not JSON', 0, { cause: error })
  }
}

function corrupt(field: string): CorruptError {
  return new CorruptError(`meta.json has no valid ${field}`, 0)
}

function object(value: unknown, field: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw corrupt(field)
  return value as Record<string, unknown>
}

function array(value: unknown, field: string): readonly unknown[] {
  if (!Array.isArray(value)) throw corrupt(field)
  return value
}

function text(value: unknown, field: string): string {
  if (typeof value !== 'string') throw corrupt(field)
  return value
}

function texts(value: unknown, field: string): string[] {
  return array(value, field).map((entry) => text(entry, field))
}

function integer(value: unknown, field: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw corrupt(field)
  return value
}

const decoder = new TextDecoder('utf-8', { fatal: true })
