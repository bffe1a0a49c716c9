/** What the fresh blocks of a bucket hold together, as a query sees it. */
import type { Bucket, ObjectInfo } from '#lib/bucket/bucket.ts'
import type { FloatHistogram } from '#lib/model/histogram.ts'
import { formatLabels } from '#lib/model/labels.ts'
import { isStale } from '#lib/model/samples.ts'
import { FRESH_PREFIX } from '#lib/fresh/fresh-key.ts'
import { type FreshPack, visiblePacks } from '#lib/fresh/fresh-list.ts'
import { parseDirectory, readSeriesPage } from '#lib/fresh/pack-reader.ts'
import { labelsOfSeries } from '#lib/fresh/series-page.ts'
import {
  type PackedDeletion,
  type PackedExemplar,
  type PackedMetadata,
  readDeletions,
  readExemplars,
  readMetadata,
} from '#lib/fresh/side-pages.ts'
import { decodeChunk } from '#lib/tsdb/chunk/chunk.ts'
import { ColumnBuilder } from '#lib/tsdb/chunk/columns.ts'

export type Value = number | 'stale' | FloatHistogram

export interface InBucket {
  readonly packs: readonly FreshPack[]
  /** By `formatLabels`, then by timestamp. */
  readonly series: Map<string, Map<number, Value>>
  /** How often a sample is in more than one pack. */
  twice: number
  /** Series of which that is. */
  readonly twiceOf: Set<string>
  readonly exemplars: PackedExemplar[]
  readonly metadata: PackedMetadata[]
  readonly deletions: PackedDeletion[]
}

export async function readFresh(bucket: Bucket): Promise<InBucket> {
  const objects: ObjectInfo[] = []
  for await (const page of bucket.list(FRESH_PREFIX)) objects.push(...page.objects)
  const found: InBucket = {
    packs: visiblePacks(objects, -Infinity, Infinity),
    series: new Map(),
    twice: 0,
    twiceOf: new Set(),
    exemplars: [],
    metadata: [],
    deletions: [],
  }
  for (const { key } of found.packs) addPack(found, (await bucket.get(key)).body)
  return found
}

export function addPack(found: InBucket, pack: Uint8Array): void {
  const directory = parseDirectory(pack)
  for (const { start, end } of directory.pages) {
    const page = readSeriesPage(pack.subarray(start, end))
    for (let i = 0; i < page.seriesCount; i++) {
      const key = formatLabels(labelsOfSeries(page, i))
      const samples = found.series.get(key) ?? new Map<number, Value>()
      found.series.set(key, samples)
      for (let row = page.chunkStarts[i]!; row < page.chunkStarts[i + 1]!; row++) {
        const at = page.starts[row]!
        const builder = new ColumnBuilder()
        decodeChunk(page.bytes[at - 1]!, page.bytes, builder, at, page.ends[row])
        const { timestamps, values, histograms, length } = builder.columns()
        for (let s = 0; s < length; s++) {
          if (samples.has(timestamps[s]!)) {
            found.twice++
            found.twiceOf.add(key)
          } else {
            const histogram = histograms?.at(s)
            const value = isStale(values, s) ? 'stale' : (histogram ?? values[s]!)
            samples.set(timestamps[s]!, value)
          }
        }
      }
    }
  }
  const { exemplars, metadata, deletions } = directory
  if (exemplars)
    found.exemplars.push(...readExemplars(pack.subarray(exemplars.start, exemplars.end)))
  if (metadata) found.metadata.push(...readMetadata(pack.subarray(metadata.start, metadata.end)))
  if (deletions)
    found.deletions.push(...readDeletions(pack.subarray(deletions.start, deletions.end)))
}
