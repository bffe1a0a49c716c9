/** Answers a selector from the series of many blocks: neighbours end to end, replicas merged, decoded on demand. */
import type { Labels } from '#lib/model/labels.ts'
import type { SampleColumns } from '#lib/model/samples.ts'
import { indexAfter } from '#lib/model/samples.ts'
import { dedupReplicas } from '#lib/storage/dedup.ts'
import type { ClosedInterval, SeriesSet } from '#lib/storage/storage.ts'
import { ColumnBuilder } from '#lib/tsdb/chunk/columns.ts'
import type { Tombstones } from '#lib/tsdb/block/tombstones.ts'
import type { FoundSeries } from './block-series.ts'
import { type ChunkAt, mergeChunks } from './chunk-layers.ts'
import { joinFresh } from './fresh-chunks.ts'
import type { LoadedChunks } from './loaded-chunks.ts'
import type { MergedSeries } from './merged-series.ts'
import { readAsThanos, type ThanosReading } from './thanos-reading.ts'

/** What one block has to do with an answer. */
export interface BlockPart {
  readonly found: FoundSeries
  /** 1 for the series that count. */
  readonly wanted: Uint8Array
  readonly chunks: LoadedChunks
  readonly tombstones: Tombstones
  /** Of a pack. */
  readonly isFresh?: boolean | undefined
}

export interface SeriesSetOptions {
  /** Closed interval the answer is cut to. */
  readonly startMs: number
  readonly endMs: number
  /** Closed interval in which chunks are loaded: it reaches further, for the merging of replicas. */
  readonly loaded: { readonly startMs: number; readonly endMs: number }
  readonly limit: number
  readonly warnings: readonly string[]
  /** Reads as Thanos does; otherwise all blocks are raw, and replicas are merged by our rule. */
  readonly thanos: ThanosReading | undefined
}

/** `merged` are the series of `parts`, wanted or not. */
export function seriesSet(
  parts: readonly BlockPart[],
  merged: MergedSeries,
  options: SeriesSetOptions,
): SeriesSet {
  const kept = keptSeries(parts, merged, options.limit)
  const decoder = new Decoder(parts, merged, options)
  const all = kept.length === merged.labels.length
  return {
    labels: all ? merged.labels : labelsOf(merged, kept),
    warnings: options.warnings,
    samples: (index) => decoder.samples(kept[index]!),
  }
}

/** Numbers of the merged series that any block wants, `limit` at most. */
export function keptSeries(
  parts: readonly BlockPart[],
  merged: MergedSeries,
  limit: number,
): Uint32Array {
  const { starts, lists, members, labels } = merged
  const kept = new Uint32Array(limit > 0 ? Math.min(limit, labels.length) : labels.length)
  let count = 0
  for (let series = 0; series < labels.length && count < kept.length; series++) {
    for (let at = starts[series]!; at < starts[series + 1]!; at++) {
      if (parts[lists[at]!]!.wanted[members[at]!] === 0) continue
      kept[count++] = series
      break
    }
  }
  return kept.subarray(0, count)
}

function labelsOf(merged: MergedSeries, kept: Uint32Array): Labels[] {
  const labels: Labels[] = []
  for (let i = 0; i < kept.length; i++) labels.push(merged.labels[kept[i]!]!)
  return labels
}

/** Owns the columns that `samples` hands out, and uses them again for the next series. */
class Decoder {
  readonly #parts: readonly BlockPart[]
  readonly #merged: MergedSeries
  readonly #options: SeriesSetOptions
  readonly #builders: ColumnBuilder[] = []
  #used = 0

  constructor(parts: readonly BlockPart[], merged: MergedSeries, options: SeriesSetOptions) {
    this.#parts = parts
    this.#merged = merged
    this.#options = options
  }

  samples(series: number): SampleColumns {
    const { starts, replicas } = this.#merged
    const { startMs, endMs, thanos } = this.#options
    const from = starts[series]!
    const to = starts[series + 1]!
    this.#used = 0
    if (thanos) {
      const builder = (): ColumnBuilder => this.#builder(-Infinity, Infinity)
      const chunks = this.#replicas(from, to).flatMap((replica) =>
        joinFresh(this.#chunks(replica.from, replica.to), builder),
      )
      return cut(readAsThanos(chunks, thanos, builder), startMs, endMs)
    }
    if (replicas[to - 1] === 0) return this.#replica(from, to, startMs, endMs)
    const columns: SampleColumns[] = []
    for (const replica of this.#replicas(from, to)) {
      if (this.#isWanted(replica.from, replica.to)) {
        columns.push(this.#replica(replica.from, replica.to, -Infinity, Infinity))
      }
    }
    return cut(dedupReplicas(columns), startMs, endMs)
  }

  /** The parts [from, to) by replica. */
  #replicas(from: number, to: number): { readonly from: number; readonly to: number }[] {
    const { replicas } = this.#merged
    const found: { from: number; to: number }[] = []
    for (let at = from; at < to; at++) {
      if (at > from && replicas[at] === replicas[at - 1]) found.at(-1)!.to++
      else found.push({ from: at, to: at + 1 })
    }
    return found
  }

  #isWanted(from: number, to: number): boolean {
    const { lists, members } = this.#merged
    for (let at = from; at < to; at++) {
      if (this.#parts[lists[at]!]!.wanted[members[at]!] === 1) return true
    }
    return false
  }

  /** The parts [from, to), cut to the closed interval. */
  #replica(from: number, to: number, startMs: number, endMs: number): SampleColumns {
    // Of several parts it is known first, so that nothing is decoded twice.
    if (to - from === 1 || this.#appendInOrder(from, to, { startMs, endMs })) {
      const builder = this.#builder(startMs, endMs)
      if (this.#appendInOrder(from, to, { startMs, endMs }, builder)) return builder.columns()
    }
    return mergeChunks(this.#chunks(from, to), () => this.#builder(startMs, endMs))
  }

  /**
   * The usual case: nothing overlaps and nothing is deleted, so that the chunks are simply read one after the other. Without a builder
   * it only says whether that is so.
   */
  #appendInOrder(
    from: number,
    to: number,
    asked: ClosedInterval,
    builder?: ColumnBuilder,
  ): boolean {
    const { loaded } = this.#options
    const startMs = Math.max(loaded.startMs, asked.startMs)
    const endMs = Math.min(loaded.endMs, asked.endMs)
    const { lists, members } = this.#merged
    let lastMs = -Infinity
    for (let at = from; at < to; at++) {
      const { found, wanted, chunks, tombstones } = this.#parts[lists[at]!]!
      const member = members[at]!
      if (wanted[member] === 0) continue
      if (tombstones.size > 0 && tombstones.has(found.ids[member]!)) return false
      const { table } = chunks
      const end = found.to[member]!
      for (let row = found.from[member]!; row < end; row++) {
        if (!table.isWithin(row, startMs, endMs)) continue
        if (table.minTimes[row]! <= lastMs) return false
        lastMs = table.maxTimes[row]!
        if (builder) chunks.decode(row, builder)
      }
    }
    return true
  }

  /** All that are loaded of the parts [from, to). */
  #chunks(from: number, to: number): ChunkAt[] {
    const { startMs, endMs } = this.#options.loaded
    const { lists, members } = this.#merged
    const found: ChunkAt[] = []
    for (let at = from; at < to; at++) {
      const part = this.#parts[lists[at]!]!
      const member = members[at]!
      if (part.wanted[member] === 0) continue
      const { chunks } = part
      const { isFresh = false } = part
      const deleted = part.tombstones.get(part.found.ids[member]!) ?? []
      for (let row = part.found.from[member]!; row < part.found.to[member]!; row++) {
        if (chunks.table.isWithin(row, startMs, endMs)) {
          found.push({ chunks, row, deleted, isFresh })
        }
      }
    }
    return found
  }

  #builder(startMs: number, endMs: number): ColumnBuilder {
    const builder = (this.#builders[this.#used++] ??= new ColumnBuilder())
    builder.reset(startMs, endMs)
    return builder
  }
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
    weights: columns.weights?.subarray(from, to),
  }
}
