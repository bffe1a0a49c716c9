/** Chunks of one series that overlap, put into lists that don't. */
import type { Interval } from '#lib/tsdb/chunk/columns.ts'
import type { LoadedChunks } from './loaded-chunks.ts'

export interface ChunkAt {
  readonly chunks: LoadedChunks
  readonly row: number
}

export interface ChunkLayer {
  /** In time order, without overlap. */
  readonly chunks: readonly ChunkAt[]
  readonly deleted: readonly Interval[]
}

/**
 * As few layers as greedy choice gives; mostly one. Overlaps come from out-of-order blocks, vertical compaction not yet
 * done, and a compacted block beside its sources. Deletions belong to one block, so its chunks get layers of their own, which
 * come first.
 */
export function chunkLayers(
  sources: readonly { readonly chunks: ChunkAt[]; readonly deleted: readonly Interval[] }[],
): ChunkLayer[] {
  const layers: ChunkLayer[] = []
  const plain: ChunkAt[] = []
  for (const { chunks, deleted } of sources) {
    if (deleted.length > 0) layers.push(...greedyLayers(chunks, deleted))
    else plain.push(...chunks)
  }
  layers.push(...greedyLayers(plain, []))
  return layers
}

function greedyLayers(chunks: ChunkAt[], deleted: readonly Interval[]): ChunkLayer[] {
  chunks.sort((a, b) => minTimeOf(a) - minTimeOf(b) || maxTimeOf(a) - maxTimeOf(b))
  const layers: { chunks: ChunkAt[]; deleted: readonly Interval[]; endMs: number }[] = []
  for (const chunk of chunks) {
    const minTimeMs = minTimeOf(chunk)
    let layer = layers.find(({ endMs }) => endMs < minTimeMs)
    if (!layer) layers.push((layer = { chunks: [], deleted, endMs: 0 }))
    layer.chunks.push(chunk)
    layer.endMs = maxTimeOf(chunk)
  }
  return layers
}

function minTimeOf({ chunks, row }: ChunkAt): number {
  return chunks.table.minTimes[row]!
}

function maxTimeOf({ chunks, row }: ChunkAt): number {
  return chunks.table.maxTimes[row]!
}
