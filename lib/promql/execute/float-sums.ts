/** The floats of sum() and avg(), step by step: Neumaier sums over columns of series. */
import { ABSENT } from '../result.ts'
import { nextCompensation } from '../function/kahan.ts'
import type { Column } from './column.ts'

/** Running sums; `seen` of a step says whether there was a float. */
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
    const { sums, compensations, seen } = this
    if (seen[step] === 0) {
      seen[step] = 1
      sums[step] = value
      return
    }
    const sum = sums[step]!
    const next = sum + value
    compensations[step] = nextCompensation(sum, value, next, compensations[step]!)
    sums[step] = next
  }

  /** All of a column without histograms. */
  addColumn({ values, presence }: Column): void {
    for (let step = 0; step < presence.length; step++) {
      if (presence[step] !== ABSENT) this.add(step, values[step]!)
    }
  }

  clear(): void {
    this.compensations.fill(0)
    this.seen.fill(0)
  }

  total(step: number): number {
    return this.sums[step]! + this.compensations[step]!
  }
}

/** Means: the sum divided at the end until it overflows, then the incremental mean. */
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

  clear(): void {
    this.sums.clear()
    this.#incremental.fill(0)
  }

  mean(step: number): number {
    const c = this.sums.compensations[step]!
    if (this.#incremental[step] === 1) return this.#means[step]! + c
    const count = this.counts[step]!
    return this.sums.sums[step]! / count + c / count
  }
}
