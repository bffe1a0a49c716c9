/** Histograms without their buckets, which have done what they are needed for: to say where counters were reset. */
import {
  HINT_NOT_RESET,
  HINT_RESET,
  HINT_UNKNOWN,
  HistogramColumn,
} from '#lib/model/histogram-column.ts'
import { EMPTY_LAYOUT, type RowLayout } from '#lib/model/row-layout.ts'
import { isStale, type SampleColumns } from '#lib/model/samples.ts'
import type { SeriesSet } from '#lib/storage/storage.ts'
import { detectRowReset } from './reset.ts'

export function statsSeries(set: SeriesSet): SeriesSet {
  const stats = new HistogramColumn(0)
  return {
    labels: set.labels,
    warnings: set.warnings,
    samples: (index) => statsSamples(set.samples(index), stats),
  }
}

/** `stats` is written and given away until the next time. */
function statsSamples(columns: SampleColumns, stats: HistogramColumn): SampleColumns {
  const { histograms, length, values } = columns
  if (!histograms) return columns
  const { counts, sums, layouts } = histograms
  stats.clear()
  stats.reserve(length)
  /** The last sample that was not stale. */
  let previous = -1
  let layout: RowLayout | undefined
  for (let i = 0; i < length; i++) {
    const whole = layouts[i]
    if (!whole) continue
    let hint = histograms.hints[i]!
    if (!isStale(values, i)) {
      if (hint === HINT_UNKNOWN && previous >= 0) {
        // Its hint does not matter as long as the one of this sample is not known.
        hint = detectRowReset(histograms, i, previous) ? HINT_RESET : HINT_NOT_RESET
      }
      previous = i
    }
    if (layout?.schema !== whole.schema) layout = { ...EMPTY_LAYOUT, schema: whole.schema }
    stats.open(i, layout, hint, counts[i]!, 0, sums[i]!)
  }
  return { ...columns, histograms: stats }
}
