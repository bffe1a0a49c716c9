/** Results of rules as series: one after the other they come, by series and time packs and queries want them. */
import { HistogramColumn } from '#lib/model/histogram-column.ts'
import { compareLabels, type Labels, labelsKey } from '#lib/model/labels.ts'
import { type SampleColumns, writeStale } from '#lib/model/samples.ts'
import type { ResultSample } from '../evaluate/contract.ts'

export interface ResultSeries {
  readonly labels: Labels
  readonly samples: SampleColumns
}

/** Ascending by `compareLabels`. Of samples of a series with the same time the first counts, as in Prometheus. */
export function resultSeries(samples: Iterable<ResultSample>): ResultSeries[] {
  const groups = Map.groupBy(samples, ({ labels }) => labelsKey(labels))
  return [...groups.values()]
    .map((own) => ({ labels: own[0]!.labels, samples: resultColumns(own) }))
    .sort((a, b) => compareLabels(a.labels, b.labels))
}

/** Of one series, in the order in which they came. */
export function resultColumns(samples: readonly ResultSample[]): SampleColumns {
  const sorted = samples.toSorted((a, b) => a.timeMs - b.timeMs)
  const rows = sorted.filter(({ timeMs }, i) => timeMs !== sorted[i - 1]?.timeMs)
  const timestamps = new Float64Array(rows.length)
  const values = new Float64Array(rows.length)
  for (const [i, { timeMs, value, histogram, stale }] of rows.entries()) {
    timestamps[i] = timeMs
    if (stale) writeStale(values, i)
    else values[i] = histogram ? histogram.sum : value
  }
  const histograms = rows.map(({ histogram }) => histogram)
  const column = histograms.some(Boolean) ? HistogramColumn.of(histograms) : undefined
  return { length: rows.length, timestamps, values, histograms: column }
}
