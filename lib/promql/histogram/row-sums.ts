/** Sums of histograms step by step, a row of state each: buckets side by side, with their compensations. */
import { CUSTOM_BUCKETS_SCHEMA } from '#lib/model/histogram.ts'
import {
  HINT_GAUGE,
  HINT_UNKNOWN,
  HINTS,
  type HistogramColumn,
} from '#lib/model/histogram-column.ts'
import { EMPTY_LAYOUT, sameBounds, type RowLayout } from '#lib/model/row-layout.ts'
import { nextCompensation } from '../function/kahan.ts'
import { hasBucketsInZero, placesIn, rowIndexes, unionLayout } from './union.ts'
import { WorkingHistogram } from './working-histogram.ts'

/** Rows of more buckets would take more memory than they save time. */
const MOST_BUCKETS = 512

const MAX = Number.MAX_VALUE

export class RowSums {
  readonly #stepCount: number
  #begun = false
  /** Has all buckets of all rows that went in. */
  #layout: RowLayout = EMPTY_LAYOUT
  #values = new Float64Array(0)
  #comps = new Float64Array(0)
  readonly #seen: Uint8Array
  readonly #hints: Uint8Array
  readonly #counts: Float64Array
  readonly #countComps: Float64Array
  readonly #zeroCounts: Float64Array
  readonly #zeroComps: Float64Array
  readonly #sums: Float64Array
  readonly #sumComps: Float64Array
  /** Where the buckets of a layout are in the rows; undefined for layouts that don't fit. */
  readonly #places = new Map<RowLayout, Int32Array | undefined>()
  #lastLayout: RowLayout | undefined
  #lastPlaces: Int32Array | undefined

  constructor(stepCount: number) {
    this.#stepCount = stepCount
    this.#seen = new Uint8Array(stepCount)
    this.#hints = new Uint8Array(stepCount)
    this.#counts = new Float64Array(stepCount)
    this.#countComps = new Float64Array(stepCount)
    this.#zeroCounts = new Float64Array(stepCount)
    this.#zeroComps = new Float64Array(stepCount)
    this.#sums = new Float64Array(stepCount)
    this.#sumComps = new Float64Array(stepCount)
  }

  /** False, and nothing is added, when its bounds are not those of the rows so far. */
  add(step: number, rows: HistogramColumn, row: number): boolean {
    const places = this.#placesOf(rows.layouts[row]!)
    if (!places) return false
    const { buckets, starts } = rows
    const values = this.#values
    const comps = this.#comps
    const base = step * this.#layout.size
    const from = starts[row]!
    const count = rows.counts[row]!
    const zeroCount = rows.zeroCounts[row]!
    const sum = rows.sums[row]!
    if (this.#seen[step] === 0) {
      this.#seen[step] = 1
      this.#hints[step] = rows.hints[row]!
      this.#counts[step] = count
      this.#zeroCounts[step] = zeroCount
      this.#sums[step] = sum
      for (let b = 0; b < places.length; b++) values[base + places[b]!] = buckets[from + b]!
      return true
    }
    this.#hints[step] = mergedHint(this.#hints[step]!, rows.hints[row]!)
    addTo(this.#counts, this.#countComps, step, count)
    if (this.#layout.schema !== CUSTOM_BUCKETS_SCHEMA) {
      addTo(this.#zeroCounts, this.#zeroComps, step, zeroCount)
    }
    addTo(this.#sums, this.#sumComps, step, sum)
    for (let b = 0; b < places.length; b++) {
      const at = base + places[b]!
      const value = buckets[from + b]!
      const before = values[at]!
      const next = before + value
      values[at] = next
      if (next > MAX || next < -MAX) comps[at] = 0
      else if (Math.abs(before) >= Math.abs(value)) comps[at]! += before - next + value
      else comps[at]! += value - next + before
    }
    return true
  }

  /** Whether adding the row would make something infinite, or it is so already. The row must fit. */
  wouldOverflow(step: number, rows: HistogramColumn, row: number): boolean {
    const places = this.#placesOf(rows.layouts[row]!)
    if (!places || this.#seen[step] === 0) return false
    const infinite = (value: number) => value === Infinity || value === -Infinity
    if (
      infinite(this.#counts[step]! + rows.counts[row]!) ||
      infinite(this.#zeroCounts[step]! + rows.zeroCounts[row]!) ||
      infinite(this.#sums[step]! + rows.sums[row]!)
    ) {
      return true
    }
    const values = this.#values
    const base = step * this.#layout.size
    const end = base + this.#layout.size
    for (let at = base; at < end; at++) if (infinite(values[at]!)) return true
    const { buckets, starts } = rows
    for (let b = 0, from = starts[row]!; b < places.length; b++) {
      if (infinite(values[base + places[b]!]! + buckets[from + b]!)) return true
    }
    return false
  }

  /** What a step has come to, to go on with in another way. */
  working(step: number): WorkingHistogram {
    const { schema, zeroThreshold, customValues, positives, size } = this.#layout
    const { positive, negative } = rowIndexes(this.#layout)
    const base = step * size
    const part = (indexes: Int32Array, from: number, to: number) => ({
      indexes: [...indexes],
      counts: [...this.#values.subarray(base + from, base + to)],
      comps: [...this.#comps.subarray(base + from, base + to)],
    })
    const working = new WorkingHistogram({
      schema,
      zeroThreshold,
      customValues,
      zeroCount: this.#zeroCounts[step]!,
      count: this.#counts[step]!,
      sum: this.#sums[step]!,
      positiveSpans: [],
      negativeSpans: [],
      positiveBuckets: new Float64Array(0),
      negativeBuckets: new Float64Array(0),
      counterResetHint: HINTS[this.#hints[step]!]!,
    })
    working.zeroComp = this.#zeroComps[step]!
    working.countComp = this.#countComps[step]!
    working.sumComp = this.#sumComps[step]!
    working.positive = part(positive, 0, positives)
    working.negative = part(negative, positives, size)
    return working
  }

  /** The sum of a step, divided by `divisor`, becomes its row in `target`. */
  finish(step: number, target: HistogramColumn, divisor: number): void {
    const { size } = this.#layout
    const start = target.open(
      step,
      this.#layout,
      this.#hints[step]!,
      this.#counts[step]! / divisor + this.#countComps[step]! / divisor,
      this.#zeroCounts[step]! / divisor + this.#zeroComps[step]! / divisor,
      this.#sums[step]! / divisor + this.#sumComps[step]! / divisor,
    )
    target.padded[step] = 1
    const { buckets } = target
    const values = this.#values
    const comps = this.#comps
    for (let b = 0, at = step * size; b < size; b++, at++) {
      buckets[start + b] = values[at]! / divisor + comps[at]! / divisor
    }
  }

  #placesOf(layout: RowLayout): Int32Array | undefined {
    if (layout === this.#lastLayout) return this.#lastPlaces
    if (!this.#places.has(layout)) this.#places.set(layout, this.#fit(layout))
    this.#lastLayout = layout
    this.#lastPlaces = this.#places.get(layout)
    return this.#lastPlaces
  }

  #fit(layout: RowLayout): Int32Array | undefined {
    if (hasBucketsInZero(layout)) return undefined
    if (!this.#begun) this.#relay(layout)
    else if (!sameBounds(this.#layout, layout)) return undefined
    const places = placesIn(this.#layout, layout)
    if (places) return places
    const wider = unionLayout(this.#layout, layout)
    if (wider.size > MOST_BUCKETS) return undefined
    this.#relay(wider)
    return placesIn(wider, layout)
  }

  /** Rows get a wider layout. */
  #relay(wider: RowLayout): void {
    const old = this.#layout
    const values = new Float64Array(this.#stepCount * wider.size)
    const comps = new Float64Array(this.#stepCount * wider.size)
    const moved = placesIn(wider, old)!
    for (let step = 0; step < this.#stepCount; step++) {
      if (this.#seen[step] === 0) continue
      const from = step * old.size
      const to = step * wider.size
      for (let b = 0; b < moved.length; b++) {
        values[to + moved[b]!] = this.#values[from + b]!
        comps[to + moved[b]!] = this.#comps[from + b]!
      }
    }
    this.#begun = true
    this.#layout = wider
    this.#values = values
    this.#comps = comps
    this.#places.clear()
    this.#lastLayout = undefined
  }
}

function addTo(sums: Float64Array, comps: Float64Array, step: number, value: number): void {
  const sum = sums[step]!
  const next = sum + value
  comps[step] = nextCompensation(sum, value, next, comps[step]!)
  sums[step] = next
}

/** Gauges stay gauges; other hints that differ say nothing. */
function mergedHint(own: number, other: number): number {
  if (own === other || own === HINT_GAUGE) return own
  return other === HINT_GAUGE ? HINT_GAUGE : HINT_UNKNOWN
}
