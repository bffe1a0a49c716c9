/** How one group of an aggregation takes in series after series: a column of state per group, then a column of results. */
import { ABSENT, FLOAT, HISTOGRAM } from '../result.ts'
import { nextCompensation } from '../function/kahan.ts'
import { quantileOf } from '../function/quantile.ts'
import { newColumn, setFloat, type Column } from './column.ts'

export interface Accumulator {
  add(column: Column): void
  finish(): Column
}

/** Called when a histogram is met that the operation can't use. */
export type IgnoreHistogram = () => void

/** Anything present counts. */
export function countAccumulator(stepCount: number): Accumulator {
  const result = newColumn(stepCount)
  const { values, presence } = result
  return {
    add(column) {
      for (let i = 0; i < stepCount; i++) {
        if (column.presence[i] === ABSENT) continue
        values[i]!++
        presence[i] = FLOAT
      }
    },
    finish: () => result,
  }
}

export function groupAccumulator(stepCount: number): Accumulator {
  const result = newColumn(stepCount)
  return {
    add(column) {
      for (let i = 0; i < stepCount; i++) {
        if (column.presence[i] !== ABSENT) setFloat(result, i, 1)
      }
    },
    finish: () => result,
  }
}

/** NaN gives way to any number. */
export function extremeAccumulator(
  op: 'min' | 'max',
  stepCount: number,
  ignore: IgnoreHistogram,
): Accumulator {
  const result = newColumn(stepCount)
  const { values, presence } = result
  const sign = op === 'max' ? 1 : -1
  return {
    add(column) {
      for (let i = 0; i < stepCount; i++) {
        const kind = column.presence[i]
        if (kind === ABSENT) continue
        if (kind === HISTOGRAM) {
          ignore()
          continue
        }
        const value = column.values[i]!
        const best = values[i]!
        if (presence[i] === ABSENT || sign * best < sign * value || best !== best) {
          values[i] = value
          presence[i] = FLOAT
        }
      }
    },
    finish: () => result,
  }
}

/** Population variance after Welford; not a finite first value makes it NaN. */
export function varianceAccumulator(
  op: 'stdvar' | 'stddev',
  stepCount: number,
  ignore: IgnoreHistogram,
): Accumulator {
  const result = newColumn(stepCount)
  const { values, presence } = result
  const counts = new Float64Array(stepCount)
  const means = new Float64Array(stepCount)
  return {
    add(column) {
      for (let i = 0; i < stepCount; i++) {
        const kind = column.presence[i]
        if (kind === ABSENT) continue
        if (kind === HISTOGRAM) {
          ignore()
          continue
        }
        const value = column.values[i]!
        if (presence[i] === ABSENT) {
          presence[i] = FLOAT
          counts[i] = 1
          means[i] = value
          values[i] = Number.isFinite(value) ? 0 : NaN
          continue
        }
        const count = counts[i]! + 1
        counts[i] = count
        const delta = value - means[i]!
        means[i]! += delta / count
        values[i]! += delta * (value - means[i]!)
      }
    },
    finish() {
      for (let i = 0; i < stepCount; i++) {
        if (presence[i] === ABSENT) continue
        const variance = values[i]! / counts[i]!
        values[i] = op === 'stddev' ? Math.sqrt(variance) : variance
      }
      return result
    },
  }
}

export function quantileAccumulator(
  q: Float64Array,
  stepCount: number,
  ignore: IgnoreHistogram,
): Accumulator {
  const lists: (number[] | undefined)[] = Array.from({ length: stepCount })
  return {
    add(column) {
      for (let i = 0; i < stepCount; i++) {
        const kind = column.presence[i]
        if (kind === ABSENT) continue
        if (kind === HISTOGRAM) {
          ignore()
          continue
        }
        const list = lists[i]
        if (list) list.push(column.values[i]!)
        else lists[i] = [column.values[i]!]
      }
    },
    finish() {
      const result = newColumn(stepCount)
      for (let i = 0; i < stepCount; i++) {
        const list = lists[i]
        if (list) setFloat(result, i, quantileOf(q[i]!, new Float64Array(list)))
      }
      return result
    },
  }
}

/** Floats of sum(): presence of a step says whether a float was seen. */
export class FloatSums {
  readonly sums: Float64Array
  readonly compensations: Float64Array
  readonly seen: Uint8Array

  constructor(stepCount: number) {
    this.sums = new Float64Array(stepCount)
    this.compensations = new Float64Array(stepCount)
    this.seen = new Uint8Array(stepCount)
  }

  add(step: number, value: number): void {
    if (this.seen[step] === 0) {
      this.seen[step] = 1
      this.sums[step] = value
      return
    }
    const sum = this.sums[step]!
    const next = sum + value
    this.compensations[step] = nextCompensation(sum, value, next, this.compensations[step]!)
    this.sums[step] = next
  }

  total(step: number): number {
    return this.sums[step]! + this.compensations[step]!
  }
}

/** Floats of avg(): the direct mean until the sum overflows, then the incremental one. */
export class FloatMeans {
  readonly sums: FloatSums
  readonly counts: Float64Array
  readonly #incremental: Uint8Array
  readonly #means: Float64Array

  constructor(stepCount: number) {
    this.sums = new FloatSums(stepCount)
    this.counts = new Float64Array(stepCount)
    this.#incremental = new Uint8Array(stepCount)
    this.#means = new Float64Array(stepCount)
  }

  /** `count` is the number of samples of the step with this one, histograms included. */
  add(step: number, value: number, count: number): void {
    const { sums, compensations, seen } = this.sums
    this.counts[step] = count
    if (seen[step] === 0) {
      // A float after histograms: the step will be dropped, so its value does not matter.
      seen[step] = 1
      sums[step] = value
      return
    }
    if (this.#incremental[step] === 0) {
      const sum = sums[step]!
      const next = sum + value
      if (next !== Infinity && next !== -Infinity) {
        compensations[step] = nextCompensation(sum, value, next, compensations[step]!)
        sums[step] = next
        return
      }
      this.#incremental[step] = 1
      this.#means[step] = sum / (count - 1)
      compensations[step]! /= count - 1
    }
    const q = (count - 1) / count
    const scaled = q * this.#means[step]!
    const share = value / count
    const mean = scaled + share
    compensations[step] = nextCompensation(scaled, share, mean, q * compensations[step]!)
    this.#means[step] = mean
  }

  mean(step: number): number {
    const c = this.sums.compensations[step]!
    if (this.#incremental[step] === 1) return this.#means[step]! + c
    const count = this.counts[step]!
    return this.sums.sums[step]! / count + c / count
  }
}
