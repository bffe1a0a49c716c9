/** Series in memory that samples are appended to, as Prometheus's TSDB takes them: in order, the first of two with one time. */
import type { FloatHistogram } from '#lib/model/histogram.ts'
import { HistogramColumn } from '#lib/model/histogram-column.ts'
import { compareLabels, labelsKey, labelValue, type Labels } from '#lib/model/labels.ts'
import { indexAfter, NO_SAMPLES, type SampleColumns, writeStale } from '#lib/model/samples.ts'
import { withChunkHint } from '#lib/promql/histogram/chunk-hint.ts'
import { compileMatcher } from '#lib/regex/matcher.ts'
import { memoryStorage } from '#lib/storage/memory-storage.ts'
import type { LabelRequest, SelectRequest, SeriesSet, Storage } from '#lib/storage/storage.ts'

export interface AppendedSample {
  readonly timeMs: number
  readonly value: number
  readonly histogram?: FloatHistogram | undefined
  readonly stale?: boolean | undefined
}

interface GrowingSeries {
  readonly labels: Labels
  length: number
  timestamps: Float64Array
  values: Float64Array
  /** Empty while there are floats only. */
  histograms: (FloatHistogram | undefined)[]
}

export class GrowingStorage implements Storage {
  readonly #series = new Map<string, GrowingSeries>()
  /** By labels; undefined after a series came. */
  #sorted: readonly GrowingSeries[] | undefined

  /** A sample that is not later than the last one of its series is dropped. */
  append(labels: Labels, { timeMs, value, histogram, stale }: AppendedSample): void {
    const series = this.#seriesOf(labels)
    const at = series.length
    if (at > 0 && series.timestamps[at - 1]! >= timeMs) return
    if (at === series.timestamps.length) {
      series.timestamps = larger(series.timestamps)
      series.values = larger(series.values)
    }
    series.timestamps[at] = timeMs
    if (stale) writeStale(series.values, at)
    else series.values[at] = histogram ? histogram.sum : value
    if (histogram) series.histograms[at] = withChunkHint(histogram, series.histograms[at - 1])
    series.length++
  }

  async select({ matchers, startMs, endMs, hints }: SelectRequest): Promise<SeriesSet> {
    const compiled = matchers.map(compileMatcher)
    const all = this.#all().filter(({ labels }) =>
      compiled.every(({ name, matches }) => matches(labelValue(labels, name))),
    )
    const found = hints.limit > 0 ? all.slice(0, hints.limit) : all
    return {
      labels: found.map(({ labels }) => labels),
      warnings: [],
      samples: (index) => columnsOf(found[index]!, startMs, endMs),
    }
  }

  async labelNames(request: LabelRequest): ReturnType<Storage['labelNames']> {
    return this.#copy().labelNames(request)
  }

  async labelValues(name: string, request: LabelRequest): ReturnType<Storage['labelValues']> {
    return this.#copy().labelValues(name, request)
  }

  #copy(): Storage {
    return memoryStorage(
      this.#all().map((one) => ({
        labels: one.labels,
        samples: columnsOf(one, -Infinity, Infinity),
      })),
    )
  }

  #seriesOf(labels: Labels): GrowingSeries {
    const key = labelsKey(labels)
    let series = this.#series.get(key)
    if (!series) {
      const none = new Float64Array(0)
      series = { labels, length: 0, timestamps: none, values: none, histograms: [] }
      this.#series.set(key, series)
      this.#sorted = undefined
    }
    return series
  }

  #all(): readonly GrowingSeries[] {
    this.#sorted ??= [...this.#series.values()].sort((a, b) => compareLabels(a.labels, b.labels))
    return this.#sorted
  }
}

function larger(column: Float64Array): Float64Array {
  const grown = new Float64Array(Math.max(16, column.length * 2))
  // As bits: a copy of numbers may lose those of a stale marker.
  new Uint8Array(grown.buffer).set(
    new Uint8Array(column.buffer, column.byteOffset, column.byteLength),
  )
  return grown
}

function columnsOf(series: GrowingSeries, startMs: number, endMs: number): SampleColumns {
  const { timestamps, values, length, histograms } = series
  const from = indexAfter(timestamps, length, startMs - 1)
  const to = indexAfter(timestamps, length, endMs, from)
  if (from >= to) return NO_SAMPLES
  const rows = Array.from({ length: to - from }, (_, i) => histograms[from + i])
  return {
    length: to - from,
    timestamps: timestamps.subarray(from, to),
    values: values.subarray(from, to),
    histograms: histograms.length > 0 && rows.some(Boolean) ? HistogramColumn.of(rows) : undefined,
  }
}
