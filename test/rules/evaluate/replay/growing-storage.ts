/** Series in memory that samples are appended to while queries run, as Prometheus's head has them. */
import type { CounterResetHint, FloatHistogram } from '#lib/model/histogram.ts'
import { HistogramColumn } from '#lib/model/histogram-column.ts'
import {
  compareLabels,
  labelsKey,
  labelValue,
  METRIC_NAME,
  type Labels,
} from '#lib/model/labels.ts'
import { indexAfter, NO_SAMPLES, writeStale, type SampleColumns } from '#lib/model/samples.ts'
import { detectReset } from '#lib/promql/histogram/reset.ts'
import { compileMatcher } from '#lib/regex/matcher.ts'
import type { SelectRequest, SeriesSet, Storage } from '#lib/storage/storage.ts'

export interface Sample {
  readonly timeMs: number
  readonly value: number
  readonly histogram?: FloatHistogram | undefined
  readonly stale?: true | undefined
}

interface Growing {
  readonly labels: Labels
  length: number
  timestamps: Float64Array
  values: Float64Array
  histograms: (FloatHistogram | undefined)[] | undefined
}

export class GrowingStorage implements Storage {
  readonly #metrics = new Map<string, Map<string, Growing>>()

  /** Samples of a series come in the order of time; one that is there already is left as it is. */
  append(labels: Labels, sample: Sample): void {
    const name = labelValue(labels, METRIC_NAME)
    let metric = this.#metrics.get(name)
    if (!metric) this.#metrics.set(name, (metric = new Map<string, Growing>()))
    const key = labelsKey(labels)
    let series = metric.get(key)
    if (!series) metric.set(key, (series = empty(labels)))
    push(series, sample)
  }

  all(): { labels: Labels; samples: SampleColumns }[] {
    return [...this.#metrics.values()]
      .flatMap((metric) => [...metric.values()])
      .map((series) => ({ labels: series.labels, samples: within(series, -Infinity, Infinity) }))
  }

  async select({ matchers, startMs, endMs }: SelectRequest): Promise<SeriesSet> {
    const compiled = matchers.map(compileMatcher)
    const byName = matchers.find(({ name, type }) => name === METRIC_NAME && type === '=')
    const metrics = byName ? [this.#metrics.get(byName.value)] : [...this.#metrics.values()]
    const found = metrics
      .flatMap((metric) => [...(metric?.values() ?? [])])
      .filter(({ labels }) =>
        compiled.every(({ name, matches }) => matches(labelValue(labels, name))),
      )
      .sort((a, b) => compareLabels(a.labels, b.labels))
    return {
      labels: found.map(({ labels }) => labels),
      warnings: [],
      samples: (index) => within(found[index]!, startMs, endMs),
    }
  }

  labelNames(): never {
    throw new Error('not asked by rules')
  }

  labelValues(): never {
    throw new Error('not asked by rules')
  }
}

function empty(labels: Labels): Growing {
  const timestamps = new Float64Array(64)
  return { labels, length: 0, timestamps, values: timestamps.slice(), histograms: undefined }
}

function push(series: Growing, { timeMs, value, histogram, stale }: Sample): void {
  const { length } = series
  const last = series.timestamps[length - 1] ?? -Infinity
  if (length > 0 && timeMs <= last) throw new Error(`a sample at ${timeMs} after one at ${last}`)
  if (length === series.timestamps.length) {
    series.timestamps = grown(series.timestamps)
    series.values = grown(series.values)
  }
  series.timestamps[length] = timeMs
  series.values[length] = histogram ? histogram.sum : value
  if (stale) writeStale(series.values, length)
  if (histogram || series.histograms) {
    series.histograms ??= Array.from({ length }, () => undefined)
    series.histograms.push(histogram && withChunkHint(histogram, series.histograms.at(-1)))
  }
  series.length++
}

function grown(values: Float64Array): Float64Array {
  const wider = new Float64Array(values.length * 2)
  wider.set(values)
  return wider
}

function within(series: Growing, startMs: number, endMs: number): SampleColumns {
  const { timestamps, values, length, histograms } = series
  const from = indexAfter(timestamps, length, startMs - 0.5)
  const to = indexAfter(timestamps, length, endMs, from)
  if (from >= to) return NO_SAMPLES
  const rows = histograms?.slice(from, to)
  return {
    length: to - from,
    timestamps: timestamps.subarray(from, to),
    values: values.subarray(from, to),
    histograms: rows?.some(Boolean) ? HistogramColumn.of(rows) : undefined,
  }
}

/** A chunk of the TSDB holds no reset, so all but its first histogram are known to be none. */
function withChunkHint(
  histogram: FloatHistogram,
  before: FloatHistogram | undefined,
): FloatHistogram {
  if (histogram.counterResetHint === 'gauge') return histogram
  const plain = (of: FloatHistogram) => ({ ...of, counterResetHint: 'unknown' as CounterResetHint })
  const continues =
    before !== undefined &&
    before.counterResetHint !== 'gauge' &&
    histogram.schema === before.schema &&
    histogram.zeroThreshold === before.zeroThreshold &&
    histogram.customValues.join() === before.customValues.join() &&
    !detectReset(plain(histogram), plain(before))
  return { ...histogram, counterResetHint: continues ? 'not-reset' : 'unknown' }
}
