/** Encodes what a head has of a series: what came in order, and beside it what came late. */
import { HistogramColumn } from '#lib/model/histogram-column.ts'
import type { ReadyChunk } from '#lib/tsdb/chunk/chunk.ts'
import { encodeChunks } from '#lib/tsdb/chunk/encode.ts'
import { grownTo } from './grown.ts'
import type { RowsBySeries, SampleRows } from './sample-rows.ts'

export interface KindsOfRows {
  readonly floats: SampleRows
  readonly histograms: SampleRows
}

export class SeriesChunks {
  readonly #inOrder: Source
  readonly #late: Source
  readonly #columns = new Columns()

  constructor(inOrder: KindsOfRows, late: KindsOfRows, idEnd: number) {
    this.#inOrder = new Source(inOrder, idEnd)
    this.#late = new Source(late, idEnd)
  }

  /** By their first time; late ones may overlap the others. Undefined without samples. */
  of(id: number): ReadyChunk[] | undefined {
    const inOrder = this.#inOrder.gather(id, this.#columns) ? this.#columns.encode() : undefined
    if (!this.#late.gather(id, this.#columns)) return inOrder
    this.#columns.sort()
    const late = this.#columns.encode()
    if (inOrder === undefined) return late
    return [...inOrder, ...late].sort((a, b) => a.minTimeMs - b.minTimeMs)
  }
}

class Source {
  readonly #rows: KindsOfRows
  readonly #floats: RowsBySeries | undefined
  readonly #histograms: RowsBySeries | undefined

  constructor(rows: KindsOfRows, idEnd: number) {
    this.#rows = rows
    if (rows.floats.length > 0) this.#floats = rows.floats.bySeries(idEnd)
    if (rows.histograms.length > 0) this.#histograms = rows.histograms.bySeries(idEnd)
  }

  /** Whether there is anything of the series, which `columns` has then. */
  gather(id: number, columns: Columns): boolean {
    columns.clear()
    if (this.#floats) {
      const { starts, rows } = this.#floats
      const end = starts[id + 1]!
      for (let i = starts[id]!; i < end; i++) columns.add(this.#rows.floats, rows[i]!)
    }
    if (this.#histograms) {
      const floats = columns.length
      const { starts, rows } = this.#histograms
      const end = starts[id + 1]!
      for (let i = starts[id]!; i < end; i++) columns.add(this.#rows.histograms, rows[i]!)
      if (floats > 0 && columns.length > floats) columns.sort()
    }
    return columns.length > 0
  }
}

/** The samples of one series. */
class Columns {
  length = 0
  #timestamps = new Float64Array(16)
  #values = new Float64Array(16)
  #bits = new Int32Array(this.#values.buffer)
  #histograms: HistogramColumn | undefined

  clear(): void {
    this.length = 0
    this.#histograms = undefined
  }

  add(source: SampleRows, row: number): void {
    const at = this.length++
    if (at === this.#timestamps.length) this.#grow()
    this.#timestamps[at] = source.timestamps[row]!
    this.#bits[at * 2] = source.valueBits[row * 2]!
    this.#bits[at * 2 + 1] = source.valueBits[row * 2 + 1]!
    if (source.histograms) {
      this.#histograms ??= new HistogramColumn(at)
      this.#histograms.reserve(at + 1)
      this.#histograms.copyRow(at, source.histograms, row)
    } else this.#histograms?.reserve(at + 1)
  }

  /** By time; of one time the first that came stays. */
  sort(): void {
    const times = this.#timestamps
    const rows = Array.from({ length: this.length }, (_, row) => row)
    // The sort is stable.
    rows.sort((a, b) => times[a]! - times[b]!)
    const kept = rows.filter((row, i) => i === 0 || times[row] !== times[rows[i - 1]!])
    const bits = this.#bits.slice(0, this.length * 2)
    const before = times.slice(0, this.length)
    for (const [at, row] of kept.entries()) {
      times[at] = before[row]!
      this.#bits[at * 2] = bits[row * 2]!
      this.#bits[at * 2 + 1] = bits[row * 2 + 1]!
    }
    this.#histograms = this.#histograms?.gather(kept)
    this.length = kept.length
  }

  encode(): ReadyChunk[] {
    return encodeChunks({
      length: this.length,
      timestamps: this.#timestamps,
      values: this.#values,
      histograms: this.#histograms,
    })
  }

  #grow(): void {
    this.#timestamps = grownTo(this.#timestamps, this.length)
    this.#values = grownTo(this.#values, this.#timestamps.length)
    this.#bits = new Int32Array(this.#values.buffer)
  }
}
