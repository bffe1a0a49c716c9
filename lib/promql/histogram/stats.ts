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

/** Range windows: the first ends at `startMs`. */
export interface Windows {
  readonly startMs: number
  readonly stepMs: number
  readonly stepCount: number
  readonly rangeMs: number
}

export function statsSeries(set: SeriesSet, windows?: Windows): SeriesSet {
  const stats = new HistogramColumn(0)
  return {
    labels: set.labels,
    warnings: set.warnings,
    samples: (index) => statsSamples(set.samples(index), stats, windows),
  }
}

/** `stats` is written and given away until the next time. */
function statsSamples(
  columns: SampleColumns,
  stats: HistogramColumn,
  windows: Windows | undefined,
): SampleColumns {
  const { histograms, length, values } = columns
  if (!histograms) return columns
  const { counts, sums, layouts } = histograms
  stats.clear()
  stats.reserve(length)
  const apart = windows && firstAfterGaps(columns, windows)
  /** The last sample that was not stale. */
  let previous = -1
  let layout: RowLayout | undefined
  for (let i = 0; i < length; i++) {
    const whole = layouts[i]
    if (!whole) continue
    let hint = histograms.hints[i]!
    if (apart?.has(i)) previous = -1
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

/**
 * Where Prometheus jumps ahead between windows that are further apart than they are long, it does not see the sample
 * before the one it comes to, and cannot say whether there was a reset.
 */
function firstAfterGaps(
  { timestamps, length }: SampleColumns,
  { startMs, stepMs, stepCount, rangeMs }: Windows,
): ReadonlySet<number> | undefined {
  if (stepMs <= rangeMs) return undefined
  const found = new Set<number>()
  let at = 0
  for (let step = 1; step < stepCount; step++) {
    const endMs = startMs + (step - 1) * stepMs
    while (at < length && timestamps[at]! < endMs) at++
    const jumpMs = endMs + stepMs - rangeMs
    if (at < length && timestamps[at]! >= jumpMs) continue
    while (at < length && timestamps[at]! < jumpMs) at++
    if (at === length) break
    found.add(at)
  }
  return found
}
