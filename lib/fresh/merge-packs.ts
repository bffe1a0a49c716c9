/** Makes one pack of several: neighbouring chunks of a series become one, what is in two of them is in it once. */
import { NO_SAMPLES, type SampleColumns } from '#lib/model/samples.ts'
import { decodeChunk, type ReadyChunk } from '#lib/tsdb/chunk/chunk.ts'
import { ColumnBuilder, copyColumns, mergeColumns } from '#lib/tsdb/chunk/columns.ts'
import { encodeChunks } from '#lib/tsdb/chunk/encode.ts'
import { laterDeletions } from './later-deletions.ts'
import { PackCursor, PackCursors } from './pack-cursor.ts'
import { parseDirectory, readSeriesPage } from './pack-reader.ts'
import type { PackContent, PackedSeries } from './pack-writer.ts'
import {
  type PackedDeletion,
  type PackedExemplar,
  type PackedMetadata,
  readDeletions,
  readExemplars,
  readMetadata,
} from './side-pages.ts'

/**
 * What one pack in place of `packs` has to hold: for `writePack`. They are whole packs of one epoch, ascending by what came in. The position is the last one's. Throws CorruptError.
 */
export function mergePacks(packs: readonly Uint8Array[]): PackContent {
  const directories = packs.map(parseDirectory)
  const side = <T>(
    name: 'exemplars' | 'metadata' | 'deletions',
    read: (page: Uint8Array) => T[],
  ): T[][] =>
    directories.map((directory, i) => {
      const page = directory[name]
      return page ? read(packs[i]!.subarray(page.start, page.end)) : []
    })
  const deletions = side('deletions', readDeletions)
  return {
    series: mergeSeries(packs, deletions),
    exemplars: mergeExemplars(side('exemplars', readExemplars)),
    metadata: mergeMetadata(side('metadata', readMetadata)),
    deletions: deletions.flat(),
    position: directories.at(-1)?.position,
  }
}

function* mergeSeries(
  packs: readonly Uint8Array[],
  deletions: readonly (readonly PackedDeletion[])[],
): Iterable<PackedSeries> {
  const cursors = packs.map(
    (pack) =>
      new PackCursor(parseDirectory(pack).pages, ({ start, end }) =>
        readSeriesPage(pack.subarray(start, end)),
      ),
  )
  const merged = new PackCursors(cursors)
  const builder = new ColumnBuilder()
  const deletedOf = laterDeletions(deletions)
  for (;;) {
    // All is in memory: there is nothing to wait for.
    void merged.next()
    const { labels, here } = merged
    if (!labels) return
    const parts = here.map((i) => ({ cursor: cursors[i]!, deleted: deletedOf(i, labels) }))
    const chunks = mergeChunks(parts, builder)
    if (chunks.length > 0) yield { labels, chunks }
  }
}

interface SeriesPart {
  readonly cursor: PackCursor
  readonly deleted: readonly PackedDeletion[]
}

function mergeChunks(parts: readonly SeriesPart[], builder: ColumnBuilder): readonly ReadyChunk[] {
  const first = parts[0]!
  if (parts.length === 1 && first.cursor.chunkCount === 1 && first.deleted.length === 0) {
    return first.cursor.chunks()
  }
  let merged: SampleColumns = NO_SAMPLES
  builder.reset()
  for (const { cursor, deleted } of parts) {
    for (const { minTimeMs, encoding, data } of cursor.chunks()) {
      if (builder.length > 0 && minTimeMs <= builder.timestamps[builder.length - 1]!) {
        merged = mergeColumns(merged, copyColumns(builder.columns()))
        builder.reset()
      }
      const before = builder.length
      decodeChunk(encoding, data, builder)
      for (const interval of deleted) builder.delete(interval, before)
    }
  }
  return encodeChunks(mergeColumns(merged, builder.columns()))
}

function mergeExemplars(lists: readonly (readonly PackedExemplar[])[]): PackedExemplar[] {
  const unique = new Map<string, PackedExemplar>()
  for (const exemplar of lists.flat()) {
    const { labels, timestampMs, value, exemplarLabels } = exemplar
    const key = JSON.stringify([labels, timestampMs, String(value), exemplarLabels])
    if (!unique.has(key)) unique.set(key, exemplar)
  }
  return [...unique.values()]
}

/** What is known last of a metric counts; of one pack all of it. */
function mergeMetadata(lists: readonly (readonly PackedMetadata[])[]): PackedMetadata[] {
  const byMetric = new Map<string, PackedMetadata[]>()
  for (const list of lists) {
    const here = Map.groupBy(list, ({ metric }) => metric)
    for (const [metric, entries] of here) byMetric.set(metric, entries)
  }
  return [...byMetric.values()].flat()
}
