// Packs to test with: series of floats, and what comes out of a pack again.
import { type Labels, labelsFrom } from '#lib/model/labels.ts'
import { decodeChunk } from '#lib/tsdb/chunk/chunk.ts'
import { ColumnBuilder } from '#lib/tsdb/chunk/columns.ts'
import { encodeChunks } from '#lib/tsdb/chunk/encode.ts'
import { parseDirectory, readSeriesPage } from '#lib/fresh/pack-reader.ts'
import type { PackedSeries } from '#lib/fresh/pack-writer.ts'
import { labelsOfSeries } from '#lib/fresh/series-page.ts'

export type Points = readonly (readonly [timestampMs: number, value: number])[]

export function floatSeries(
  labels: Readonly<Record<string, string>>,
  points: Points,
): PackedSeries {
  const timestamps = Float64Array.from(points, ([t]) => t)
  const values = Float64Array.from(points, ([, value]) => value)
  return {
    labels: labelsFrom(labels),
    chunks: encodeChunks({ length: points.length, timestamps, values }),
  }
}

export interface ReadSeries {
  readonly labels: Labels
  /** In the order of the chunks. */
  readonly points: [number, number][]
  readonly chunkCount: number
}

/** All series of a pack, in its order. */
export function seriesOfPack(pack: Uint8Array): ReadSeries[] {
  const found: ReadSeries[] = []
  for (const { start, end } of parseDirectory(pack).pages) {
    const page = readSeriesPage(pack.subarray(start, end))
    for (let series = 0; series < page.seriesCount; series++) {
      const builder = new ColumnBuilder()
      const [from, to] = [page.chunkStarts[series]!, page.chunkStarts[series + 1]!]
      for (let row = from; row < to; row++) {
        const at = page.starts[row]!
        decodeChunk(page.bytes[at - 1]!, page.bytes, builder, at, page.ends[row])
      }
      const { timestamps, values, length } = builder
      const points = Array.from({ length }, (_, i): [number, number] => [
        timestamps[i]!,
        values[i]!,
      ])
      found.push({ labels: labelsOfSeries(page, series), points, chunkCount: to - from })
    }
  }
  return found
}
