/** Samples in the order they arrived, in columns: which series, when, what. */
import { HistogramColumn } from '#lib/model/histogram-column.ts'
import { grownTo } from './grown.ts'

/** A series id, a timestamp and a value. */
const ROW_BYTES = 20
/** What a histogram's row takes beside its buckets. */
const HISTOGRAM_BYTES = 45

/** Where rows are copied from: of their values the bits are given apart. */
export interface SampleSource {
  readonly timestamps: Float64Array
  readonly histograms?: HistogramColumn | undefined
}

/** Rows of a series are `rows[starts[id]]` up to, without, `rows[starts[id + 1]]`, in the order they arrived. */
export interface RowsBySeries {
  readonly starts: Uint32Array
  readonly rows: Uint32Array
}

/** Floats, or histograms: not both. */
export class SampleRows {
  ids = new Int32Array(0)
  timestamps = new Float64Array(0)
  /** Of histograms the sums. Copy them by `valueBits`: a NaN's bits are not safe elsewhere. */
  values = new Float64Array(0)
  valueBits = new Int32Array(0)
  histograms: HistogramColumn | undefined
  length = 0
  minTimeMs = Infinity
  maxTimeMs = -Infinity
  #histogramBytes = 0

  get byteLength(): number {
    return this.length * ROW_BYTES + this.#histogramBytes
  }

  /** Row `row` of the record; `bits` are of its values. */
  add(id: number, record: SampleSource, bits: Int32Array, row: number): void {
    const at = this.length
    if (at === this.ids.length) this.#grow()
    this.ids[at] = id
    const t = record.timestamps[row]!
    this.timestamps[at] = t
    if (t < this.minTimeMs) this.minTimeMs = t
    if (t > this.maxTimeMs) this.maxTimeMs = t
    this.valueBits[at * 2] = bits[row * 2]!
    this.valueBits[at * 2 + 1] = bits[row * 2 + 1]!
    if (record.histograms) {
      this.histograms ??= new HistogramColumn(0)
      this.histograms.reserve(at + 1)
      this.histograms.copyRow(at, record.histograms, row)
      const layout = this.histograms.layouts[at]
      this.#histogramBytes += HISTOGRAM_BYTES + (layout?.size ?? 0) * 8
    }
    this.length++
  }

  /** Sorted by series, with one pass to count and one to place. */
  bySeries(idEnd: number): RowsBySeries {
    const starts = new Uint32Array(idEnd + 1)
    const { ids, length } = this
    for (let i = 0; i < length; i++) starts[ids[i]! + 1]!++
    for (let id = 0; id < idEnd; id++) starts[id + 1]! += starts[id]!
    const next = starts.slice()
    const rows = new Uint32Array(length)
    for (let i = 0; i < length; i++) rows[next[ids[i]!]!++] = i
    return { starts, rows }
  }

  /** The room stays, unless it is much more than was needed. */
  clear(): void {
    if (this.ids.length > 4096 && this.ids.length > this.length * 4) {
      this.ids = new Int32Array(0)
      this.timestamps = new Float64Array(0)
      this.values = new Float64Array(0)
      this.valueBits = new Int32Array(0)
    }
    this.histograms = undefined
    this.length = 0
    this.minTimeMs = Infinity
    this.maxTimeMs = -Infinity
    this.#histogramBytes = 0
  }

  #grow(): void {
    const capacity = this.length + 1
    this.ids = grownTo(this.ids, capacity)
    this.timestamps = grownTo(this.timestamps, this.ids.length)
    this.values = grownTo(this.values, this.ids.length)
    this.valueBits = new Int32Array(this.values.buffer)
  }
}
