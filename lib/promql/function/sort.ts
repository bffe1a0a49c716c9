/** Orders of sort(), sort_desc() and sort_by_label(). */
import { compareLabels, compareUtf8, labelValue, type Labels } from '#lib/model/labels.ts'

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

/**
 * Where Prometheus's comparison says both ways at once (of an empty text and another, of equal numbers written
 * differently) the shorter is less.
 */
function naturallyLess(a: string, b: string): boolean {
  const left = chunks(a)
  const right = chunks(b)
  for (let i = 0; i < left.length && i < right.length; i++) {
    const x = left[i]!
    const y = right[i]!
    const order = isNumber(x) && isNumber(y) ? compareDigits(x, y) : compareUtf8(x, y)
    if (order !== 0) return order < 0
  }
  return left.length === right.length ? a.length < b.length : left.length < right.length
}

function chunks(text: string): string[] {
  return text.match(/\d+|\D+/g) ?? []
}

/** Digits that fit 64 bits; longer ones are compared as text. */
function isNumber(text: string): boolean {
  return /^\d+$/.test(text) && compareDigits(text, '9223372036854775807') <= 0
}

function compareDigits(x: string, y: string): number {
  const a = x.replace(/^0+/, '')
  const b = y.replace(/^0+/, '')
  return a.length === b.length ? compareUtf8(a, b) : a.length - b.length
}
