/** The meta.json of a block that was just written, with Thanos's section: what files it has, whose it is, who made it. */
import { type Labels, labelsToRecord } from '#lib/model/labels.ts'
import type { WrittenBlock } from './block-writer.ts'
import { SERIES_ALIGN } from '../index/series.ts'
import { type BlockMeta, META_FILE, type ThanosIndexStats, type ThanosMeta } from './meta.ts'

export interface ThanosSection {
  /** The external labels. */
  readonly labels: Labels
  readonly resolutionMs: number
  /** Who made it: `compactor`, `bucket.rewrite`… */
  readonly source: string
  readonly uploadTimeMs: number
  readonly extensions?: unknown
  readonly rewrites?: readonly unknown[] | undefined
}

export function metaOfWritten(written: WrittenBlock, section: ThanosSection): BlockMeta {
  const { labels, resolutionMs, source, uploadTimeMs, extensions, rewrites } = section
  const files = [...written.files, { path: META_FILE, size: 0 }]
  files.sort((a, b) => (a.path < b.path ? -1 : 1))
  const thanos: ThanosMeta = {
    version: 1,
    labels: labelsToRecord(labels),
    downsample: { resolution: resolutionMs },
    source,
    segment_files: files
      .filter(({ path }) => path.startsWith('chunks/'))
      .map(({ path }) => path.slice('chunks/'.length)),
    // meta.json can't say its own size.
    files: files.map(({ path, size }) => ({
      rel_path: path,
      ...(path !== META_FILE && { size_bytes: size }),
    })),
    index_stats: aligned(written.indexStats),
    ...(rewrites && { rewrites }),
    ...(extensions !== undefined && { extensions }),
    upload_time: new Date(uploadTimeMs).toISOString(),
  }
  return { ...written.meta, thanos }
}

/** As Thanos measures it: up to where the next series may begin. */
function aligned(stats: ThanosIndexStats): ThanosIndexStats {
  const size = stats.series_max_size ?? 0
  return { ...stats, series_max_size: Math.ceil(size / SERIES_ALIGN) * SERIES_ALIGN }
}
