/**
 * A series as Thanos's querier reads it, sample for sample: downsampled chunks by what the function takes from them, replicas told apart by
 * the times of their chunks alone, counters as totals. Where it begins to read is part of the answer.
 */
import type { SampleColumns } from '#lib/model/samples.ts'
import { mergeByChain, type Windows } from '#lib/storage/chain.ts'
import type { Aggregation } from '#lib/storage/downsampling.ts'
import { mergeByPenalty } from '#lib/storage/penalty.ts'
import type { ClosedInterval } from '#lib/storage/storage.ts'
import { parseAggregateChunk } from '#lib/tsdb/chunk/aggregate.ts'
import { AGGREGATE, type EncodedChunk } from '#lib/tsdb/chunk/chunk.ts'
import type { ColumnBuilder } from '#lib/tsdb/chunk/columns.ts'
import { toCounterTotals } from '#lib/tsdb/chunk/counter-totals.ts'
import { byTime, type ChunkAt, chunkLayers } from './chunk-layers.ts'

export interface ThanosReading {
  readonly aggregation: Aggregation
  /** How overlapping chunks are merged; without deduplication, what overlaps is left out. */
  readonly merge: 'penalty' | 'chain' | undefined
  /** Samples outside are not seen, though counters of chunks that begin before do count. */
  readonly bounds: ClosedInterval
  readonly windows: Windows
}

/** `newBuilder` gives an empty builder at each call. The result ends where the last chunk does. */
export function readAsThanos(
  loaded: readonly ChunkAt[],
  { aggregation, merge, bounds, windows }: ThanosReading,
  newBuilder: () => ColumnBuilder,
): SampleColumns {
  const chunks = withoutTwins(loaded.toSorted(byTime), aggregation)
  const lists = merge ? chunkLayers(chunks) : [chunks]
  const replicas = lists.map((list) => {
    const builder = newBuilder()
    decodeList(list, aggregation, builder)
    builder.minTimeMs = bounds.startMs
    return builder.columns()
  })
  return merge === 'chain'
    ? mergeByChain(replicas, windows, bounds.endMs)
    : mergeByPenalty(replicas, aggregation === 'counter')
}

function decodeList(
  chunks: readonly ChunkAt[],
  aggregation: Aggregation,
  builder: ColumnBuilder,
): void {
  for (const chunk of chunks) {
    const from = builder.length
    decodeOne(chunk, aggregation, builder)
    if (aggregation === 'counter' || from === 0) continue
    // What overlaps the chunk before is skipped.
    builder.delete({ minTimeMs: -Infinity, maxTimeMs: builder.timestamps[from - 1]! }, from)
  }
  if (aggregation === 'counter') toCounterTotals(builder)
}

function decodeOne(
  { chunks, row, deleted }: ChunkAt,
  aggregation: Aggregation,
  builder: ColumnBuilder,
): void {
  const from = builder.length
  chunks.decode(row, builder, aggregation)
  for (const interval of deleted) builder.delete(interval, from)
}

/** Chunks of the same times are ordered by their bytes, greater first, and one of equals is enough. */
function withoutTwins(sorted: ChunkAt[], aggregation: Aggregation): ChunkAt[] {
  if (!sorted.some((chunk, i) => i > 0 && byTime(sorted[i - 1]!, chunk) === 0)) return sorted
  return sorted
    .map((chunk) => ({ chunk, payload: payloadOf(chunk, aggregation) }))
    .sort((a, b) => byTime(a.chunk, b.chunk) || comparePayloads(a.payload, b.payload))
    .filter(
      ({ chunk, payload }, i, all) =>
        i === 0 ||
        byTime(all[i - 1]!.chunk, chunk) !== 0 ||
        comparePayloads(all[i - 1]!.payload, payload) !== 0,
    )
    .map(({ chunk }) => chunk)
}

interface Payload {
  readonly downsampled: boolean
  readonly pieces: readonly EncodedChunk[]
}

function payloadOf({ chunks, row }: ChunkAt, aggregation: Aggregation): Payload {
  const chunk = chunks.chunk(row)
  if (chunk.encoding !== AGGREGATE) return { downsampled: false, pieces: [chunk] }
  const all = parseAggregateChunk(chunk.data)
  const isPair = aggregation === 'average' || aggregation === 'weighted'
  const wanted = isPair ? (['count', 'sum'] as const) : ([aggregation] as const)
  return { downsampled: true, pieces: wanted.flatMap((name) => all[name] ?? []) }
}

function comparePayloads(a: Payload, b: Payload): number {
  if (a.downsampled !== b.downsampled) return a.downsampled ? 1 : -1
  for (const [i, piece] of a.pieces.entries()) {
    const other = b.pieces[i]
    if (!other) return -1
    const order = piece.encoding - other.encoding || Buffer.compare(other.data, piece.data)
    if (order !== 0) return order
  }
  return a.pieces.length - b.pieces.length
}
