/** Chunks of one series that overlap: put into lists that don't, and merged. */
import { NO_SAMPLES, type SampleColumns } from '#lib/model/samples.ts'
import { type ColumnBuilder, type Interval, mergeColumns } from '#lib/tsdb/chunk/columns.ts'
import type { LoadedChunks } from './loaded-chunks.ts'

export interface ChunkAt {
  readonly chunks: LoadedChunks
  readonly row: number
  /** Intervals whose samples don't count. */
  readonly deleted: readonly Interval[]
  /** Of a pack. */
  readonly isFresh: boolean
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

/** The samples of all, each time once. `newBuilder` gives an empty builder at each call. */
export function mergeChunks(
  chunks: readonly ChunkAt[],
  newBuilder: () => ColumnBuilder,
): SampleColumns {
  let columns: SampleColumns = NO_SAMPLES
  for (const layer of chunkLayers(withoutCopies(chunks.toSorted(byTime)))) {
    const columnsOfLayer = newBuilder()
    for (const { chunks: loaded, row, deleted } of layer) {
      const first = columnsOfLayer.length
      loaded.decode(row, columnsOfLayer)
      for (const interval of deleted) columnsOfLayer.delete(interval, first)
    }
    columns = mergeColumns(columns, columnsOfLayer.columns())
  }
  return columns
}

/** Two places that have the same block give the same bytes, of which one is enough. */
function withoutCopies(sorted: readonly ChunkAt[]): ChunkAt[] {
  return sorted.filter((chunk, i) => {
    for (let j = i - 1; j >= 0 && byTime(sorted[j]!, chunk) === 0; j--) {
      if (isCopy(sorted[j]!, chunk)) return false
    }
    return true
  })
}

function isCopy(a: ChunkAt, b: ChunkAt): boolean {
  if (a.deleted.length > 0 || b.deleted.length > 0) return false
  const [first, second] = [a.chunks.chunk(a.row), b.chunks.chunk(b.row)]
  return first.encoding === second.encoding && Buffer.compare(first.data, second.data) === 0
}

export function timesOf({ chunks: { table }, row }: ChunkAt): Interval {
  return { minTimeMs: table.minTimes[row]!, maxTimeMs: table.maxTimes[row]! }
}
