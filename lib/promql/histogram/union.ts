/** Rows of different layouts beside each other: the layout that has the buckets of both. */
import { bucketIndexes, spansOf, uniteIndexes } from '#lib/model/bucket-indexes.ts'
import { rowLayout, type RowLayout } from '#lib/model/row-layout.ts'
import { exponentialBound, isExponentialSchema } from './bounds.ts'

/** What a layout says, worked out once. */
interface LayoutFacts {
  readonly positive: Int32Array
  readonly negative: Int32Array
  readonly bucketsInZero: boolean
}

const known = new WeakMap<RowLayout, LayoutFacts>()

function factsOf(layout: RowLayout): LayoutFacts {
  let facts = known.get(layout)
  if (!facts) {
    const { schema, zeroThreshold, positiveSpans, negativeSpans } = layout
    const positive = bucketIndexes(positiveSpans)
    const negative = bucketIndexes(negativeSpans)
    const lowest = Math.min(positive[0] ?? Infinity, negative[0] ?? Infinity)
    const bucketsInZero =
      zeroThreshold > 0 &&
      lowest < Infinity &&
      isExponentialSchema(schema) &&
      exponentialBound(lowest, schema) <= zeroThreshold
    known.set(layout, (facts = { positive, negative, bucketsInZero }))
  }
  return facts
}

/** Whether a bucket lies inside the zero bucket, where arithmetic does not look at it. Well-made histograms have none. */
export function hasBucketsInZero(layout: RowLayout): boolean {
  return factsOf(layout).bucketsInZero
}

/** Positive bucket indexes, then negative ones. */
export function rowIndexes(layout: RowLayout): { positive: Int32Array; negative: Int32Array } {
  return factsOf(layout)
}

/** Has `a`'s bounds, which are `b`'s too. */
export function unionLayout(a: RowLayout, b: RowLayout): RowLayout {
  const [x, y] = [factsOf(a), factsOf(b)]
  return rowLayout({
    schema: a.schema,
    zeroThreshold: a.zeroThreshold,
    positiveSpans: spansOf(uniteIndexes(x.positive, y.positive)),
    negativeSpans: spansOf(uniteIndexes(x.negative, y.negative)),
    customValues: a.customValues,
  })
}

/** Where each bucket of `layout` is in a row of `wider`; undefined when one is missing there. */
export function placesIn(wider: RowLayout, layout: RowLayout): Int32Array | undefined {
  const to = factsOf(wider)
  const from = factsOf(layout)
  const places = new Int32Array(layout.size)
  const complete =
    findAll(from.positive, to.positive, places, 0, 0) &&
    findAll(from.negative, to.negative, places, layout.positives, wider.positives)
  return complete ? places : undefined
}

function findAll(
  from: Int32Array,
  to: Int32Array,
  places: Int32Array,
  at: number,
  first: number,
): boolean {
  let j = 0
  for (let i = 0; i < from.length; i++) {
    while (j < to.length && to[j]! < from[i]!) j++
    if (to[j] !== from[i]) return false
    places[at + i] = first + j
  }
  return true
}
