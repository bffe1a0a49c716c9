/** Orders of sort(), sort_desc() and sort_by_label(). */
import { compareLabels, labelValue, type Labels } from '#lib/model/labels.ts'

/** NaN last either way. */
export function compareValues(a: number, b: number, descending: boolean): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b))
  return a === b ? 0 : a < b === descending ? 1 : -1
}

/** By each label in turn with runs of digits as numbers, then by all labels. */
export function compareByLabels(a: Labels, b: Labels, names: readonly string[]): number {
  for (const name of names) {
    const left = labelValue(a, name)
    const right = labelValue(b, name)
    if (left !== right) return naturallyLess(left, right) ? -1 : 1
  }
  return compareLabels(a, b)
}

function naturallyLess(a: string, b: string): boolean {
  const left = chunks(a)
  const right = chunks(b)
  for (let i = 0; i < left.length; i++) {
    if (i >= right.length) return false
    const x = left[i]!
    const y = right[i]!
    if (x === y) continue
    const xNumber = isDigits(x)
    const yNumber = isDigits(y)
    if (xNumber && yNumber) {
      const xValue = BigInt(x)
      const yValue = BigInt(y)
      if (xValue === yValue) {
        // Leading zeros: at the end of both the shorter is smaller.
        if (i === left.length - 1 && i === right.length - 1) return x.length < y.length
        continue
      }
      return xValue < yValue
    }
    if (xNumber !== yNumber) return xNumber
    return x < y
  }
  return left.length < right.length
}

function chunks(text: string): string[] {
  return text.match(/\d+|\D+/g) ?? []
}

function isDigits(text: string): boolean {
  return /^\d+$/.test(text)
}
