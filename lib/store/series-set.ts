/** Series of many blocks put together: the same series of neighbouring blocks end to end, replicas merged, decoded on demand. */
import type { Labels } from '#lib/model/labels.ts'
import { compareLabels, withoutLabels } from '#lib/model/labels.ts'
import type { SampleColumns } from '#lib/model/samples.ts'
import { NO_SAMPLES, indexAfter } from '#lib/model/samples.ts'
import { dedupReplicas } from '#lib/storage/dedup.ts'
import type { SeriesSet } from '#lib/storage/storage.ts'
import { decodeChunk } from '#lib/tsdb/chunk/chunk.ts'
import type { Interval } from '#lib/tsdb/chunk/columns.ts'
import { ColumnBuilder, mergeColumns } from '#lib/tsdb/chunk/columns.ts'
import type { LoadedChunks } from './chunk-table.ts'

/** What one block has of a series. */
export interface SeriesPart {
  readonly labels: Labels
  /** Its own are [from, to). */
  readonly chunks: LoadedChunks
  readonly from: number
  readonly to: number
  readonly deleted: readonly Interval[]
}

export interface SeriesSetOptions {
  /** Labels in which replicas differ; empty keeps every series apart. */
  readonly replicaLabels: ReadonlySet<string>
  /** Closed interval the answer is cut to. Parts may reach further, for the merging of replicas. */
  readonly startMs: number
  readonly endMs: number
  readonly limit: number
  readonly warnings: readonly string[]
}

interface Replica {
  readonly labels: Labels
  readonly parts: SeriesPart[]
}

export function seriesSet(parts: readonly SeriesPart[], options: SeriesSetOptions): SeriesSet {
  const groups = groupParts(parts, options.replicaLabels)
  const kept = options.limit > 0 ? groups.slice(0, options.limit) : groups
  const decoder = new Decoder(options.startMs, options.endMs)
  return {
    labels: kept.map((group) => group.labels),
    warnings: options.warnings,
    samples: (index) => decoder.samples(kept[index]!),
  }
}

interface SortedGroup {
  readonly labels: Labels
  /** Ascending by their full labels: the order of preference, the same in every query. */
  readonly replicas: readonly Replica[]
}

/** Parts of the same series beside each other, by sorting: blocks give them in order, so that it is a merge of few runs. */
function groupParts(
  parts: readonly SeriesPart[],
  replicaLabels: ReadonlySet<string>,
): SortedGroup[] {
  const keyed = parts.map((part) => ({
    labels: replicaLabels.size > 0 ? withoutLabels(part.labels, replicaLabels) : part.labels,
    part,
  }))
  keyed.sort((a, b) => {
    const order = compareLabels(a.labels, b.labels)
    if (order !== 0 || replicaLabels.size === 0) return order
    return compareLabels(a.part.labels, b.part.labels)
  })
  const groups: { labels: Labels; replicas: Replica[] }[] = []
  let group: { labels: Labels; replicas: Replica[] } | undefined
  let replica: Replica | undefined
  for (const { labels, part } of keyed) {
    if (!group || compareLabels(group.labels, labels) !== 0) {
      groups.push((group = { labels, replicas: [] }))
      replica = undefined
    }
    if (!replica || compareLabels(replica.labels, part.labels) !== 0) {
      group.replicas.push((replica = { labels: part.labels, parts: [] }))
    }
    replica.parts.push(part)
  }
  return groups
}

/** Owns the columns that `samples` hands out, and uses them again for the next series. */
class Decoder {
  readonly #startMs: number
  readonly #endMs: number
  readonly #builders: ColumnBuilder[] = []
  #used = 0

  constructor(startMs: number, endMs: number) {
    this.#startMs = startMs
    this.#endMs = endMs
  }

  samples({ replicas }: SortedGroup): SampleColumns {
    this.#used = 0
    if (replicas.length === 1) {
      return this.#replica(replicas[0]!, this.#startMs, this.#endMs)
    }
    const merged = dedupReplicas(
      replicas.map((replica) => this.#replica(replica, -Infinity, Infinity)),
    )
    return cut(merged, this.#startMs, this.#endMs)
  }

  #replica({ parts }: Replica, startMs: number, endMs: number): SampleColumns {
    if (areInOrder(parts)) {
      const builder = this.#builder()
      for (const { chunks, from, to } of parts) {
        for (let i = from; i < to; i++) decodeChunk(chunks.encodings[i]!, chunks.data(i), builder)
      }
      return builder.columns(startMs, endMs)
    }
    let columns: SampleColumns = NO_SAMPLES
    for (const layer of layers(parts)) {
      const builder = this.#builder()
      for (const { chunks, index } of layer.chunks) {
        decodeChunk(chunks.encodings[index]!, chunks.data(index), builder)
      }
      columns = mergeColumns(columns, builder.columns(startMs, endMs, layer.deleted))
    }
    return columns
  }

  #builder(): ColumnBuilder {
    const builder = (this.#builders[this.#used++] ??= new ColumnBuilder())
    builder.reset()
    return builder
  }
}

/** The usual case: nothing overlaps and nothing is deleted, so that the chunks are simply read one after the other. */
function areInOrder(parts: readonly SeriesPart[]): boolean {
  let endMs = -Infinity
  for (const { chunks, from, to, deleted } of parts) {
    if (deleted.length > 0) return false
    for (let i = from; i < to; i++) {
      if (chunks.minTimes[i]! <= endMs) return false
      endMs = chunks.maxTimes[i]!
    }
  }
  return true
}

interface ChunkAt {
  readonly chunks: LoadedChunks
  readonly index: number
  readonly minTimeMs: number
  readonly maxTimeMs: number
}

interface Layer {
  readonly chunks: ChunkAt[]
  readonly deleted: Interval[]
  endMs: number
}

/**
 * Chunks in time order, in as few lists without overlap as greedy choice gives; mostly one. Overlaps come from
 * out-of-order blocks, vertical compaction not yet done, and a compacted block beside its sources.
 * Deletions belong to one block, so its chunks get a list of their own.
 */
function layers(parts: readonly SeriesPart[]): Layer[] {
  const found: Layer[] = []
  const plain: ChunkAt[] = []
  for (const part of parts) {
    if (part.deleted.length > 0) found.push(...greedyLayers(chunksOf(part), [...part.deleted]))
    else for (const chunk of chunksOf(part)) plain.push(chunk)
  }
  return [...found, ...greedyLayers(plain, [])]
}

function chunksOf({ chunks, from, to }: SeriesPart): ChunkAt[] {
  return Array.from({ length: to - from }, (_, i) => ({
    chunks,
    index: from + i,
    minTimeMs: chunks.minTimes[from + i]!,
    maxTimeMs: chunks.maxTimes[from + i]!,
  }))
}

function greedyLayers(chunks: ChunkAt[], deleted: Interval[]): Layer[] {
  chunks.sort((a, b) => a.minTimeMs - b.minTimeMs || a.maxTimeMs - b.maxTimeMs)
  const found: Layer[] = []
  for (const chunk of chunks) {
    let layer = found.find(({ endMs }) => endMs < chunk.minTimeMs)
    if (!layer) found.push((layer = { chunks: [], deleted, endMs: 0 }))
    layer.chunks.push(chunk)
    layer.endMs = chunk.maxTimeMs
  }
  return found
}

function cut(columns: SampleColumns, startMs: number, endMs: number): SampleColumns {
  const { timestamps, length, histograms, startTimestamps } = columns
  const from = indexAfter(timestamps, length, startMs - 0.5)
  const to = indexAfter(timestamps, length, endMs, from)
  if (from === 0 && to === length) return columns
  return {
    length: to - from,
    timestamps: timestamps.subarray(from, to),
    values: columns.values.subarray(from, to),
    histograms: histograms?.slice(from, to),
    startTimestamps: startTimestamps?.subarray(from, to),
  }
}
