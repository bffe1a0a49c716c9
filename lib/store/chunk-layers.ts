/** Chunks of one series that overlap, put into lists that don't. */
import type { Interval } from '#lib/tsdb/chunk/columns.ts'
import type { LoadedChunks } from './loaded-chunks.ts'

export interface ChunkAt {
  readonly chunks: LoadedChunks
  readonly row: number
  /** Intervals whose samples don't count. */
  readonly deleted: readonly Interval[]
}

/**
 * As few layers as greedy choice gives, each in time order and without overlap; mostly one. Overlaps come from replicas, out-of-order blocks,
 * vertical compaction not yet done, and a compacted block beside its sources. `sorted` is in the order of `byTime`.
 */
export function chunkLayers(sorted: readonly ChunkAt[]): ChunkAt[][] {
  const layers: ChunkAt[][] = []
  for (const chunk of sorted) {
    const { minTimeMs } = timesOf(chunk)
    const layer = layers.find((chunks) => timesOf(chunks.at(-1)!).maxTimeMs < minTimeMs)
    if (layer) layer.push(chunk)
    else layers.push([chunk])
  }
  return layers
}

export function byTime(a: ChunkAt, b: ChunkAt): number {
  const [first, second] = [timesOf(a), timesOf(b)]
  return first.minTimeMs - second.minTimeMs || first.maxTimeMs - second.maxTimeMs
}

function timesOf({ chunks: { table }, row }: ChunkAt): Interval {
  return { minTimeMs: table.minTimes[row]!, maxTimeMs: table.maxTimes[row]! }
}
