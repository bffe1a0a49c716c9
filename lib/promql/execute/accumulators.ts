/**
 * How one group of an aggregation takes in series after series: a column of state per group, then a column of results.
 * Those of sum() and avg() are in lib/promql/execute/sum-accumulators.ts.
 */
import { ABSENT, FLOAT, HISTOGRAM } from '../result.ts'
import { quantileOf } from '../function/quantile.ts'
import { clearColumn, newColumn, setFloat, type Column } from './column.ts'

export interface Accumulator {
  add(column: Column): void
  /** Good until `clear`. */
  finish(): Column
  /** For the next group. */
  clear(): void
}

/** Called when histograms are met that the operation can't use. */
export type IgnoreHistogram = () => void

/** The column is the caller's to write into. */
function takeOutHistograms({ presence, histograms }: Column, ignore: IgnoreHistogram): void {
  if (!histograms) return
  for (let i = 0; i < presence.length; i++) {
    if (presence[i] !== HISTOGRAM) continue
    presence[i] = ABSENT
    ignore()
  }
}

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
    clear() {
      values.fill(0)
      presence.fill(ABSENT)
    },
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
    clear: () => clearColumn(result),
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
      takeOutHistograms(column, ignore)
      for (let i = 0; i < stepCount; i++) {
        if (column.presence[i] === ABSENT) continue
        const value = column.values[i]!
        const best = values[i]!
        if (presence[i] === ABSENT || sign * best < sign * value || best !== best) {
          values[i] = value
          presence[i] = FLOAT
        }
      }
    },
    finish: () => result,
    clear: () => clearColumn(result),
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
      takeOutHistograms(column, ignore)
      for (let i = 0; i < stepCount; i++) {
        if (column.presence[i] === ABSENT) continue
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
    clear: () => clearColumn(result),
  }
}

export function quantileAccumulator(
  q: Float64Array,
  stepCount: number,
  ignore: IgnoreHistogram,
): Accumulator {
  const result = newColumn(stepCount)
  const lists: number[][] = Array.from({ length: stepCount }, () => [])
  return {
    add(column) {
      takeOutHistograms(column, ignore)
      for (let i = 0; i < stepCount; i++) {
        if (column.presence[i] === ABSENT) continue
        lists[i]!.push(column.values[i]!)
      }
    },
    finish() {
      const scratch = new Float64Array(
        lists.reduce((most, { length }) => Math.max(most, length), 0),
      )
      for (let i = 0; i < stepCount; i++) {
        const list = lists[i]!
        if (list.length === 0) continue
        for (let k = 0; k < list.length; k++) scratch[k] = list[k]!
        setFloat(result, i, quantileOf(q[i]!, scratch, list.length))
      }
      return result
    },
    clear() {
      clearColumn(result)
      for (const list of lists) list.length = 0
    },
  }
}
