/** Which histograms of a batch share a chunk. */
import { CUSTOM_BUCKETS_SCHEMA } from '#lib/model/histogram.ts'
import { HINT_GAUGE, type HistogramColumn } from '#lib/model/histogram-column.ts'
import type { RowLayout } from '#lib/model/row-layout.ts'
import { detectRowReset } from '#lib/promql/histogram/reset.ts'
import { CounterResetHeader } from '#lib/tsdb/chunk/histogram-layout.ts'
import type { HistogramBatch } from './histogram-windows.ts'

export interface CutBatch extends HistogramBatch {
  /** One of `CounterResetHeader`, of the counter. */
  readonly header: number
}

/**
 * Cut where rows don't fit one layout and where counters become gauges, and once more where the counter began anew last. A histogram chunk
 * has no place for the counter's first and last raw value, as chunks of floats have. So a chunk ends with what the counter has come to
 * since its first row, which is the raw value only if it was not reset within; else the next must begin with a reset, to be seen as one.
 * `alsoFits` says what else must fit.
 */
export function cutBatch(
  rows: HistogramColumn,
  timestamps: Float64Array,
  picks: readonly number[],
  alsoFits: (before: number, pick: number) => boolean = () => true,
): CutBatch[] {
  const batches: CutBatch[] = []
  for (let from = 0; from < picks.length;) {
    const isGauge = rows.hints[picks[from]!] === HINT_GAUGE
    const resets = new Uint8Array(picks.length - from)
    let last = 0
    let to = from + 1
    for (; to < picks.length; to++) {
      const [before, pick] = [picks[to - 1]!, picks[to]!]
      if (!fits(rows, before, pick) || !alsoFits(before, pick)) break
      if (isGauge || !detectRowReset(rows, pick, before)) continue
      last = to - from
      resets[last] = 1
    }
    const all = { rows, timestamps, picks: picks.slice(from, to), resets }
    const { gauge, notReset, reset } = CounterResetHeader
    if (last > 0) {
      batches.push({ ...all, picks: all.picks.slice(0, last), header: notReset })
      batches.push({
        ...all,
        picks: all.picks.slice(last),
        resets: resets.subarray(last),
        header: reset,
      })
    } else batches.push({ ...all, header: isGauge ? gauge : notReset })
    from = to
  }
  return batches
}

function fits({ layouts, hints }: HistogramColumn, before: number, pick: number): boolean {
  if ((hints[before] === HINT_GAUGE) !== (hints[pick] === HINT_GAUGE)) return false
  return sameKind(layouts[before]!, layouts[pick]!)
}

/** Whether they differ in schema and buckets only, which can be made the same. */
export function sameKind(a: RowLayout, b: RowLayout): boolean {
  if (a === b) return true
  return (
    (a.schema === CUSTOM_BUCKETS_SCHEMA) === (b.schema === CUSTOM_BUCKETS_SCHEMA) &&
    a.zeroThreshold === b.zeroThreshold &&
    a.customValues.length === b.customValues.length &&
    a.customValues.every((bound, i) => bound === b.customValues[i])
  )
}
