/** A series put into frames, its chunks as the client asked for them. */
import type { FrameSink } from '#lib/grpc/calls.ts'
import type { ChunkPart, SeriesFrameWriter } from '#lib/grpc/series-messages.ts'
import type { Aggr } from '#lib/grpc/store-messages.ts'
import type { Labels } from '#lib/model/labels.ts'
import { AGGREGATES, type Aggregate, parseAggregateChunk } from '#lib/tsdb/chunk/aggregate.ts'
import { AGGREGATE, type ReadyChunk } from '#lib/tsdb/chunk/chunk.ts'

/** Of downsampled chunks. */
export type WantedParts = readonly (Aggregate & ChunkPart)[]

export function wantedParts(aggregates: readonly Aggr[]): WantedParts {
  return AGGREGATES.filter((name) => aggregates.includes(name.toUpperCase() as Aggr))
}

/** A series with many chunks goes over several frames, its labels with each. */
export async function addSeries(
  frames: SeriesFrameWriter,
  labels: Labels,
  chunks: readonly ReadyChunk[],
  parts: WantedParts,
  sink: FrameSink,
): Promise<void> {
  frames.beginSeries(labels)
  for (const [i, chunk] of chunks.entries()) {
    // With one chunk at least, also where the labels alone are as large.
    if (i > 0 && frames.isLarge) {
      frames.endSeries()
      await sink.write(frames.take())
      frames.beginSeries(labels)
    }
    frames.beginChunk(chunk.minTimeMs, chunk.maxTimeMs)
    if (chunk.encoding === AGGREGATE) {
      const aggregates = parseAggregateChunk(chunk.data)
      for (const part of parts) {
        const one = aggregates[part]
        if (one) frames.part(part, one.encoding, one.data)
      }
    } else frames.part('raw', chunk.encoding, chunk.data)
    frames.endChunk()
  }
  frames.endSeries()
}
