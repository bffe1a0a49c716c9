/** Samples picked one by one out of other columns. */
import { HINT_GAUGE, HINT_UNKNOWN, HistogramColumn } from '#lib/model/histogram-column.ts'
import type { SampleColumns } from '#lib/model/samples.ts'

export class ColumnSink {
  length = 0
  readonly #timestamps: Float64Array
  readonly #values: Float64Array
  readonly #histograms: HistogramColumn | undefined
  readonly #startTimestamps: Float64Array | undefined
  readonly #weights: Float64Array | undefined

  /** Room for all samples of `sources`. */
  constructor(sources: readonly SampleColumns[]) {
    const capacity = sources.reduce((sum, { length }) => sum + length, 0)
    this.#timestamps = new Float64Array(capacity)
    this.#values = new Float64Array(capacity)
    if (sources.some(({ histograms }) => histograms)) {
      this.#histograms = new HistogramColumn(capacity)
    }
    if (sources.some(({ startTimestamps }) => startTimestamps)) {
      this.#startTimestamps = new Float64Array(capacity)
    }
    if (sources.some(({ weights }) => weights)) this.#weights = new Float64Array(capacity)
  }

  /** Sample `index` of `source`, in every bit. */
  append(source: SampleColumns, index: number): void {
    const at = this.length++
    this.#timestamps[at] = source.timestamps[index]!
    // A typed-array to typed-array copy keeps the bits of the stale marker.
    this.#values[at] = source.values[index]!
    if (source.histograms) this.#histograms!.copyRow(at, source.histograms, index)
    if (this.#startTimestamps && source.startTimestamps) {
      this.#startTimestamps[at] = source.startTimestamps[index]!
    }
    if (this.#weights) this.#weights[at] = source.weights ? source.weights[index]! : 1
  }

  /** Changes the last sample, a float. */
  raise(by: number): void {
    this.#values[this.length - 1]! += by
  }

  /** The last sample is no longer the neighbour of its histogram's predecessor. */
  forgetReset(): void {
    const hints = this.#histograms?.hints
    if (hints && hints[this.length - 1] !== HINT_GAUGE) hints[this.length - 1] = HINT_UNKNOWN
  }

  columns(): SampleColumns {
    const { length } = this
    return {
      length,
      timestamps: this.#timestamps.subarray(0, length),
      values: this.#values.subarray(0, length),
      histograms: this.#histograms,
      startTimestamps: this.#startTimestamps?.subarray(0, length),
      weights: this.#weights?.subarray(0, length),
    }
  }
}
