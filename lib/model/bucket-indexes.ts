/** Buckets of histograms by their index, in ascending order, and the spans that say the same. */
import type { Span } from './histogram.ts'

export function bucketIndexes(spans: readonly Span[]): Int32Array {
  let count = 0
  for (const { length } of spans) count += length
  const indexes = new Int32Array(count)
  let at = 0
  let index = 0
  for (const { offset, length } of spans) {
    index += offset
    for (let i = 0; i < length; i++) indexes[at++] = index++
  }
  return indexes
}

export function spansOf(indexes: ArrayLike<number>): Span[] {
  const spans: Span[] = []
  let end = 0
  for (let i = 0; i < indexes.length;) {
    let length = 1
    while (i + length < indexes.length && indexes[i + length] === indexes[i]! + length) length++
    spans.push({ offset: indexes[i]! - end, length })
    end = indexes[i]! + length
    i += length
  }
  return spans
}

/** Each once. */
export function uniteIndexes(a: Int32Array, b: Int32Array): Int32Array {
  const out = new Int32Array(a.length + b.length)
  let i = 0
  let j = 0
  let n = 0
  while (i < a.length || j < b.length) {
    const x = i < a.length ? a[i]! : Infinity
    const y = j < b.length ? b[j]! : Infinity
    out[n++] = Math.min(x, y)
    if (x <= y) i++
    if (y <= x) j++
  }
  return out.subarray(0, n)
}
