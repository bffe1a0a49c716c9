/** The buckets of a histogram in ascending order, with their bounds. */
import { CUSTOM_BUCKETS_SCHEMA } from '#lib/model/histogram.ts'
import type { HistogramColumn } from '#lib/model/histogram-column.ts'
import { EMPTY_LAYOUT, type RowLayout } from '#lib/model/row-layout.ts'
import { log2 } from '../function/float-math.ts'
import { bucketBound } from './bounds.ts'
import { rowIndexes } from './union.ts'

/** Loaded with one histogram after the other. The zero bucket is there when populated. */
export class BucketWalk {
  length = 0
  counts = new Float64Array(32)
  /** How many of the buckets are below and above the zero bucket. */
  negatives = 0
  positives = 0
  #indexes = new Int32Array(32)
  #layout: RowLayout = EMPTY_LAYOUT

  load(rows: HistogramColumn, row: number): void {
    const layout = rows.layouts[row]!
    const { positive, negative } = rowIndexes(layout)
    if (layout.size >= this.counts.length) {
      this.counts = new Float64Array(layout.size + 1)
      this.#indexes = new Int32Array(layout.size + 1)
    }
    const { buckets } = rows
    const start = rows.starts[row]!
    const middle = start + layout.positives
    const padded = rows.padded[row] === 1
    this.#layout = layout
    this.length = 0
    for (let i = layout.size - layout.positives - 1; i >= 0; i--) {
      const count = buckets[middle + i]!
      if (!padded || count !== 0) this.#push(count, negative[i]!)
    }
    this.negatives = this.length
    const zeros = rows.zeroCounts[row]!
    if (zeros > 0 && layout.schema !== CUSTOM_BUCKETS_SCHEMA) this.#push(zeros, 0)
    const below = this.length
    for (let i = 0; i < layout.positives; i++) {
      const count = buckets[start + i]!
      if (!padded || count !== 0) this.#push(count, positive[i]!)
    }
    this.positives = this.length - below
  }

  #push(count: number, index: number): void {
    this.counts[this.length] = count
    this.#indexes[this.length++] = index
  }

  /** Buckets that reach into the zero bucket end at its threshold. */
  lower(i: number): number {
    const { schema, customValues, zeroThreshold } = this.#layout
    const index = this.#indexes[i]!
    if (i < this.negatives) return -bucketBound(index, schema, customValues)
    if (i < this.length - this.positives) return -zeroThreshold
    const inner = bucketBound(index - 1, schema, customValues)
    return inner > 0 && inner < zeroThreshold ? zeroThreshold : inner
  }

  upper(i: number): number {
    const { schema, customValues, zeroThreshold } = this.#layout
    const index = this.#indexes[i]!
    if (i >= this.length - this.positives) return bucketBound(index, schema, customValues)
    if (i >= this.negatives) return zeroThreshold
    const inner = bucketBound(index - 1, schema, customValues)
    return -(inner > 0 && inner < zeroThreshold ? zeroThreshold : inner)
  }
}

/** Fraction of a finite bucket's width below `value`, which lies inside: on a linear or a logarithmic scale. */
export function fractionBelow(
  lower: number,
  upper: number,
  value: number,
  linear: boolean,
): number {
  if (linear) return (value - lower) / (upper - lower)
  const low = log2(Math.abs(lower))
  const high = log2(Math.abs(upper))
  const at = log2(Math.abs(value))
  if (value > 0) return (at - low) / (high - low)
  return 1 - (at - high) / (low - high)
}
