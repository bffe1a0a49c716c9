/** What a script has loaded, as the storage that Prometheus would read it back from. */
import type { FloatHistogram } from '#lib/model/histogram.ts'
import { HistogramColumn } from '#lib/model/histogram-column.ts'
import { labelsKey, labelValue, METRIC_NAME, setLabel, type Labels } from '#lib/model/labels.ts'
import { writeStale, type SampleColumns } from '#lib/model/samples.ts'
import { compactHistogram } from '#lib/promql/histogram/working-histogram.ts'
import { withChunkHint } from '#lib/promql/histogram/chunk-hint.ts'
import { memoryStorage, type MemorySeries } from '#lib/storage/memory-storage.ts'
import type { Storage } from '#lib/storage/storage.ts'
import type { LoadCommand } from './script.ts'
import type { SeriesValue } from '#lib/promql/parse/series-values.ts'

interface Point {
  readonly timeMs: number
  readonly value: SeriesValue
  readonly startMs: number
}

export class ScriptStorage {
  readonly #points = new Map<string, { labels: Labels; points: Map<number, Point> }>()

  load(command: LoadCommand): void {
    // The last line for a series is the one that counts.
    const lines = new Map(command.series.map((series) => [labelsKey(series.labels), series]))
    for (const { labels, values, starts } of lines.values()) {
      for (const [i, value] of values.entries()) {
        if (!value) continue
        const timeMs = i * command.stepMs
        const start = starts?.[i]
        this.#add(labels, { timeMs, value, startMs: start === undefined ? 0 : timeMs + start })
      }
    }
    if (command.withNhcb) this.#addConverted(command)
  }

  #add(labels: Labels, point: Point): void {
    const key = labelsKey(labels)
    let series = this.#points.get(key)
    if (!series) this.#points.set(key, (series = { labels, points: new Map() }))
    if (!series.points.has(point.timeMs)) series.points.set(point.timeMs, point)
  }

  /** Classic histograms of the command, once more as native ones with custom buckets. */
  #addConverted(command: LoadCommand): void {
    interface Classic {
      buckets: Map<number, number>
      count: number | undefined
      sum: number
    }
    const groups = new Map<string, { labels: Labels; byTime: Map<number, Classic> }>()
    for (const { labels, values } of command.series) {
      const match = /^(.*)_(bucket|count|sum)$/.exec(labelValue(labels, METRIC_NAME))
      if (!match) continue
      const [, name = '', kind = ''] = match
      const bound = kind === 'bucket' ? boundOf(labelValue(labels, 'le')) : 0
      if (Number.isNaN(bound)) continue
      const base = setLabel(setLabel(labels, 'le', ''), METRIC_NAME, name)
      const key = labelsKey(base)
      let group = groups.get(key)
      if (!group) groups.set(key, (group = { labels: base, byTime: new Map() }))
      for (const [i, value] of values.entries()) {
        if (!value || value.histogram) continue
        const timeMs = i * command.stepMs
        let classic = group.byTime.get(timeMs)
        if (!classic) {
          group.byTime.set(timeMs, (classic = { buckets: new Map(), count: undefined, sum: 0 }))
        }
        if (kind === 'bucket' && !classic.buckets.has(bound))
          classic.buckets.set(bound, value.value)
        else if (kind === 'count') classic.count = value.value
        else if (kind === 'sum') classic.sum = value.value
      }
    }
    for (const { labels, byTime } of groups.values()) {
      for (const [timeMs, { buckets, count, sum }] of byTime) {
        const histogram = customHistogram(buckets, count, sum)
        const value = { stale: false, value: sum, histogram, hintGiven: false }
        this.#add(labels, { timeMs, value, startMs: 0 })
      }
    }
  }

  storage(): Storage {
    const series: MemorySeries[] = []
    for (const { labels, points } of this.#points.values()) {
      series.push({ labels, samples: columnsOf([...points.values()]) })
    }
    return memoryStorage(series)
  }
}

function boundOf(text: string): number {
  if (/^\+?inf$/i.test(text)) return Infinity
  return text.trim() === '' ? NaN : Number(text)
}

function customHistogram(
  buckets: ReadonlyMap<number, number>,
  count: number | undefined,
  sum: number,
): FloatHistogram {
  const sorted = [...buckets].sort(([a], [b]) => a - b)
  const total = count ?? sorted.at(-1)?.[1] ?? 0
  if (sorted.at(-1)?.[0] !== Infinity) sorted.push([Infinity, total])
  let before = 0
  const counts = sorted.map(([, cumulative]) => {
    const own = cumulative - before
    before = cumulative
    return own
  })
  return compactHistogram({
    schema: -53,
    zeroThreshold: 0,
    zeroCount: 0,
    count: total,
    sum,
    positiveSpans: [{ offset: 0, length: counts.length }],
    negativeSpans: [],
    positiveBuckets: Float64Array.from(counts),
    negativeBuckets: new Float64Array(0),
    customValues: Float64Array.from(sorted.slice(0, -1), ([bound]) => bound),
    counterResetHint: 'unknown',
  })
}

function columnsOf(unsorted: readonly Point[]): SampleColumns {
  const points = unsorted.toSorted((a, b) => a.timeMs - b.timeMs)
  const values = Float64Array.from(points, ({ value }) => value.value)
  const histograms: (FloatHistogram | undefined)[] = []
  for (const [i, { value }] of points.entries()) {
    if (value.stale) writeStale(values, i)
    histograms.push(
      value.histogram && withChunkHint(value.histogram, points[i - 1]?.value.histogram),
    )
  }
  return {
    length: points.length,
    timestamps: Float64Array.from(points, ({ timeMs }) => timeMs),
    values,
    histograms: histograms.some(Boolean) ? HistogramColumn.of(histograms) : undefined,
    startTimestamps: points.some(({ startMs }) => startMs !== 0)
      ? Float64Array.from(points, ({ startMs }) => startMs)
      : undefined,
  }
}
