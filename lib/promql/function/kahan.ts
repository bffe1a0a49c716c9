/** Neumaier's variant of Kahan summation, with Prometheus's rule for infinities. */

const MAX = Number.MAX_VALUE

/** A running sum with its compensation. Hot loops inline `add`. */
export class KahanSum {
  sum: number
  compensation: number

  constructor(sum = 0, compensation = 0) {
    this.sum = sum
    this.compensation = compensation
  }

  add(value: number): void {
    const next = this.sum + value
    this.compensation = nextCompensation(this.sum, value, next, this.compensation)
    this.sum = next
  }

  get total(): number {
    return this.sum + this.compensation
  }
}

/** The compensation after `sum + value` gave `next`. */
export function nextCompensation(
  sum: number,
  value: number,
  next: number,
  compensation: number,
): number {
  if (next > MAX || next < -MAX) return 0
  if (Math.abs(sum) >= Math.abs(value)) return compensation + (sum - next + value)
  return compensation + (value - next + sum)
}
