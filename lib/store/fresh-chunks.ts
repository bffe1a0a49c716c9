/**
 * Chunks of packs as they would be in the head of the Prometheus that they come from. Packs overlap each other and the block that follows
 * them, and where Thanos reads, chunks that overlap are taken for those of another replica.
 */
import { AGGREGATE } from '#lib/tsdb/chunk/chunk.ts'
import type { ColumnBuilder } from '#lib/tsdb/chunk/columns.ts'
import { encodeChunks } from '#lib/tsdb/chunk/encode.ts'
import { type ChunkAt, mergeChunks, timesOf } from './chunk-layers.ts'
import { ChunkTable } from './chunk-table.ts'
import { LoadedChunks } from './loaded-chunks.ts'

/** `chunks` of one replica of a series: the fresh ones and what is not before them, merged and cut anew. */
export function joinFresh(
  chunks: readonly ChunkAt[],
  newBuilder: () => ColumnBuilder,
): readonly ChunkAt[] {
  const fresh = chunks.filter(({ isFresh }) => isFresh)
  if (fresh.length === 0) return chunks
  const startMs = Math.min(...fresh.map((chunk) => timesOf(chunk).minTimeMs))
  const isApart = (chunk: ChunkAt): boolean =>
    timesOf(chunk).maxTimeMs < startMs || chunk.chunks.chunk(chunk.row).encoding === AGGREGATE
  const merged = mergeChunks(
    chunks.filter((chunk) => !isApart(chunk)),
    newBuilder,
  )
  const ready = encodeChunks(merged)
  const table = new ChunkTable()
  for (const { minTimeMs, maxTimeMs } of ready) table.add(minTimeMs, maxTimeMs, 0, table.length)
  table.finish()
  const loaded = new LoadedChunks(table)
  for (const [row, { encoding, data }] of ready.entries()) {
    const bytes = Uint8Array.of(encoding, ...data)
    loaded.set(row, loaded.addBuffer(bytes), 1, bytes.length)
  }
  const joined = ready.map((_, row) => ({ chunks: loaded, row, deleted: [], isFresh: true }))
  return [...chunks.filter(isApart), ...joined]
}
