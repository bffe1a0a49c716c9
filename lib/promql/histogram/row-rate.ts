/** Increases of histograms row by row: what rate and its relatives do where a window holds nothing out of the ordinary. */
import { HINT_GAUGE, type HistogramColumn } from '#lib/model/histogram-column.ts'
import { sameBounds, sameLayout, type RowLayout } from '#lib/model/row-layout.ts'
import { histogramRows, type Column } from '../execute/column.ts'
import type { HistogramPoints } from '../execute/range-samples.ts'
import { HISTOGRAM } from '../result.ts'
import { detectRowReset } from './reset.ts'
import { placesIn, unionLayout, hasBucketsInZero } from './union.ts'
import { subtractHistograms } from './arithmetic.ts'
import { scaleHistogram } from './working-histogram.ts'

/** Which windows over a series have an increase that is the last row less the first one. Windows only move forward. */
export class PlainWindows {
  readonly #points: HistogramPoints
  readonly #isCounter: boolean
  /** Where a counter can't be followed: at resets, gauges, and bounds that are not the ones before. */
  readonly #interruptions: number[] = []
  #next = 0

  constructor(points: HistogramPoints, isCounter: boolean) {
    this.#points = points
    this.#isCounter = isCounter
    if (!isCounter) return
    const { rows, count } = points
    for (let i = 1; i < count; i++) {
      if (
        rows.hints[i] === HINT_GAUGE ||
        !haveSameBounds(rows, i - 1, i) ||
        detectRowReset(rows, i, i - 1)
      ) {
        this.#interruptions.push(i)
      }
    }
  }

  /** The window is [from, to). */
  has(from: number, to: number): boolean {
    const { rows } = this.#points
    const last = to - 1
    if (this.#isCounter) {
      const indexes = this.#interruptions
      while (this.#next < indexes.length && indexes[this.#next]! <= from) this.#next++
      if (this.#next < indexes.length && indexes[this.#next]! < to) return false
      if (rows.hints[from] === HINT_GAUGE) return false
    } else if (rows.hints[from] !== HINT_GAUGE || rows.hints[last] !== HINT_GAUGE) return false
    return (
      haveSameBounds(rows, from, last) &&
      !hasBucketsInZero(rows.layouts[from]!) &&
      !hasBucketsInZero(rows.layouts[last]!)
    )
  }
}

function haveSameBounds({ layouts }: HistogramColumn, a: number, b: number): boolean {
  return layouts[a] === layouts[b] || sameBounds(layouts[a]!, layouts[b]!)
}

/** `factor` times what row `last` has more than row `first`, whose bounds are the same, becomes the sample at `step`. */
export function setIncrease(
  out: Column,
  step: number,
  rows: HistogramColumn,
  first: number,
  last: number,
  factor: number,
): void {
  const { counts, zeroCounts, sums, starts, buckets: from } = rows
  const target = histogramRows(out)
  const low = rows.layouts[first]!
  const high = rows.layouts[last]!
  const same = low === high || sameLayout(low, high)
  const union = same ? undefined : unionOf(low, high)
  const layout = union?.layout ?? high
  const start = target.open(
    step,
    layout,
    HINT_GAUGE,
    (counts[last]! - counts[first]!) * factor,
    (zeroCounts[last]! - zeroCounts[first]!) * factor,
    (sums[last]! - sums[first]!) * factor,
  )
  target.padded[step] = 1
  out.presence[step] = HISTOGRAM
  const { buckets } = target
  let a = starts[last]!
  let b = starts[first]!
  if (union) {
    buckets.fill(0, start, start + layout.size)
    for (let i = 0; i < high.size; i++) buckets[start + union.high[i]!] = from[a++]!
    for (let i = 0; i < low.size; i++) buckets[start + union.low[i]!]! -= from[b++]!
  } else {
    for (let i = 0; i < layout.size; i++) buckets[start + i] = from[a++]! - from[b++]!
  }
  let vanished = false
  for (let i = start; i < start + layout.size; i++) {
    const increase = buckets[i]!
    const scaled = increase * factor
    if (scaled === 0 && increase !== 0) vanished = true
    else buckets[i] = scaled
  }
  // Buckets that were there before scaling stay, even empty.
  if (vanished) setScaledExactly(target, step, rows, first, last, factor)
}

function setScaledExactly(
  target: HistogramColumn,
  step: number,
  rows: HistogramColumn,
  first: number,
  last: number,
  factor: number,
): void {
  const difference = subtractHistograms(rows.at(last)!, rows.at(first)!)!.histogram
  const gauge = { ...difference, counterResetHint: 'gauge' as const }
  target.set(step, scaleHistogram(gauge, factor))
}

interface Union {
  readonly of: readonly [low: RowLayout, high: RowLayout]
  readonly layout: RowLayout
  /** Where the buckets of the two are. */
  readonly low: Int32Array
  readonly high: Int32Array
}

let newest: Union | undefined

function unionOf(low: RowLayout, high: RowLayout): Union {
  if (newest?.of[0] !== low || newest.of[1] !== high) {
    const layout = unionLayout(low, high)
    newest = {
      of: [low, high],
      layout,
      low: placesIn(layout, low)!,
      high: placesIn(layout, high)!,
    }
  }
  return newest
}
