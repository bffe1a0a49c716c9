/** What is in aggregate chunks, as plain numbers. */
import { type Aggregate, parseAggregateChunk } from '#lib/tsdb/chunk/aggregate.ts'
import { decodeChunk, type ReadyChunk } from '#lib/tsdb/chunk/chunk.ts'
import { FrameList } from '#lib/tsdb/chunk/frame-list.ts'
import { ColumnBuilder, copyColumns } from '#lib/tsdb/chunk/columns.ts'
import { NO_SAMPLES, type SampleColumns } from '#lib/model/samples.ts'
import { toCounterTotals } from '#lib/tsdb/chunk/counter-totals.ts'

export function framesOf(chunks: readonly ReadyChunk[]): FrameList {
  const frames = new FrameList()
  for (const chunk of chunks) frames.addChunk(chunk)
  return frames
}

/** One aggregate of one chunk, as it is stored. */
export function aggregateOf(chunk: ReadyChunk, aggregate: Aggregate): SampleColumns {
  const found = parseAggregateChunk(chunk.data)[aggregate]
  if (!found) return NO_SAMPLES
  const builder = new ColumnBuilder()
  decodeChunk(found.encoding, found.data, builder)
  return copyColumns(builder.columns())
}

/** Of all chunks: values, or sums of histograms. */
export function valuesOf(chunks: readonly ReadyChunk[], aggregate: Aggregate): number[] {
  return chunks.flatMap((chunk) => [...aggregateOf(chunk, aggregate).values])
}

/** How much a counter of floats has grown over all chunks, as queries see it. */
export function increaseOf(chunks: readonly ReadyChunk[]): number {
  const builder = new ColumnBuilder()
  for (const { data } of chunks) {
    const { encoding, data: bytes } = parseAggregateChunk(data).counter!
    decodeChunk(encoding, bytes, builder)
  }
  toCounterTotals(builder)
  return builder.values[builder.length - 1]! - builder.values[0]!
}
