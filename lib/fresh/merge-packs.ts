/** Makes one pack of several: neighbouring chunks of a series become one, what is in two of them is in it once. */
import { compareLabels, type Labels, labelsKey } from '#lib/model/labels.ts'
import { NO_SAMPLES, type SampleColumns } from '#lib/model/samples.ts'
import { decodeChunk, type ReadyChunk } from '#lib/tsdb/chunk/chunk.ts'
import { ColumnBuilder, copyColumns, mergeColumns } from '#lib/tsdb/chunk/columns.ts'
import { encodeChunks } from '#lib/tsdb/chunk/encode.ts'
import { parseDirectory, readSeriesPage } from './pack-reader.ts'
import type { PackContent, PackedSeries } from './pack-writer.ts'
import { labelsOfSeries, type SeriesPage } from './series-page.ts'
import {
  type PackedDeletion,
  type PackedExemplar,
  type PackedMetadata,
  readDeletions,
  readExemplars,
  readMetadata,
} from './side-pages.ts'

/**
 * What one pack in place of `packs` has to hold: for `writePack`. They are whole packs of one epoch, ascending by what came in; where
 * two have a sample of one time, the earlier pack's counts. The position is the last one's. Throws CorruptError.
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
  const cursors = packs.map((pack) => new SeriesCursor(pack))
  const builder = new ColumnBuilder()
  const deletedOf = deletionsByPack(deletions)
  for (;;) {
    let labels: Labels | undefined
    for (const cursor of cursors) {
      if (cursor.labels && (!labels || compareLabels(cursor.labels, labels) < 0)) {
        labels = cursor.labels
      }
    }
    if (!labels) return
    const wanted = labels
    const here = cursors.filter(
      (cursor) => cursor.labels && compareLabels(cursor.labels, wanted) === 0,
    )
    const chunks = mergeChunks(here, builder, (cursor) =>
      deletedOf(cursors.indexOf(cursor), wanted),
    )
    for (const cursor of here) cursor.next()
    if (chunks.length > 0) yield { labels, chunks }
  }
}

/** What is deleted of a series in pack i: by that pack, and by later ones. */
function deletionsByPack(
  deletions: readonly (readonly PackedDeletion[])[],
): (pack: number, labels: Labels) => readonly PackedDeletion[] {
  if (deletions.every((list) => list.length === 0)) return () => []
  const known = new Map<string, { readonly pack: number; readonly deletion: PackedDeletion }[]>()
  for (const [pack, list] of deletions.entries()) {
    for (const deletion of list) {
      const key = labelsKey(deletion.labels)
      known.set(key, [...(known.get(key) ?? []), { pack, deletion }])
    }
  }
  return (pack, labels) =>
    (known.get(labelsKey(labels)) ?? [])
      .filter((entry) => entry.pack >= pack)
      .map(({ deletion }) => deletion)
}

function mergeChunks(
  cursors: readonly SeriesCursor[],
  builder: ColumnBuilder,
  deletedOf: (cursor: SeriesCursor) => readonly PackedDeletion[],
): readonly ReadyChunk[] {
  const first = cursors[0]!
  if (cursors.length === 1 && first.chunkCount === 1 && deletedOf(first).length === 0) {
    return first.chunks()
  }
  let merged: SampleColumns = NO_SAMPLES
  builder.reset()
  for (const cursor of cursors) {
    const deleted = deletedOf(cursor)
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

/** Goes over the series of a pack; only one page is decompressed at a time. */
class SeriesCursor {
  /** Undefined at the end. */
  labels: Labels | undefined
  readonly #pack: Uint8Array
  readonly #pages: Iterator<{ readonly start: number; readonly end: number }>
  #page: SeriesPage | undefined
  #series = -1

  constructor(pack: Uint8Array) {
    this.#pack = pack
    this.#pages = parseDirectory(pack).pages.values()
    this.next()
  }

  next(): void {
    this.#series++
    while (!this.#page || this.#series >= this.#page.seriesCount) {
      const page = this.#pages.next()
      if (page.done) {
        this.labels = undefined
        return
      }
      this.#page = readSeriesPage(this.#pack.subarray(page.value.start, page.value.end))
      this.#series = 0
    }
    this.labels = labelsOfSeries(this.#page, this.#series)
  }

  get chunkCount(): number {
    const { chunkStarts } = this.#page!
    return chunkStarts[this.#series + 1]! - chunkStarts[this.#series]!
  }

  chunks(): ReadyChunk[] {
    const { bytes, chunkStarts, minTimes, maxTimes, starts, ends } = this.#page!
    const chunks: ReadyChunk[] = []
    for (let row = chunkStarts[this.#series]!; row < chunkStarts[this.#series + 1]!; row++) {
      chunks.push({
        minTimeMs: minTimes[row]!,
        maxTimeMs: maxTimes[row]!,
        encoding: bytes[starts[row]! - 1]!,
        data: bytes.subarray(starts[row], ends[row]),
      })
    }
    return chunks
  }
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
