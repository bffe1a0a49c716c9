/** A native histogram that arithmetic changes in place: buckets as sorted index and count lists, with Kahan compensation beside. */
import {
  CUSTOM_BUCKETS_SCHEMA,
  type CounterResetHint,
  type FloatHistogram,
  type Span,
} from '#lib/model/histogram.ts'
import { nextCompensation } from '../function/kahan.ts'
import { bucketBound, coarserIndex, exponentialBound, isExponentialSchema } from './bounds.ts'

export type { FloatHistogram }
export const GAUGE: CounterResetHint = 'gauge'

/** Buckets of one sign. `comps` are the compensations of `counts`. */
export interface Buckets {
  indexes: number[]
  counts: number[]
  comps: number[]
}

export interface AddOutcome {
  /** One side said "reset", the other "not reset". */
  readonly resetCollision: boolean
  /** Custom bounds differed and were reduced to the common ones. */
  readonly boundsReconciled: boolean
}

export function bucketsOf(spans: readonly Span[], counts: Float64Array): Buckets {
  const indexes: number[] = []
  let index = 0
  for (const { offset, length } of spans) {
    index += offset
    for (let i = 0; i < length && indexes.length < counts.length; i++) indexes.push(index++)
  }
  // Array.from of a typed array goes through an iterator: ten times slower.
  const list: number[] = []
  const comps: number[] = []
  for (let i = 0; i < counts.length; i++) {
    list.push(counts[i]!)
    comps.push(0)
  }
  return { indexes, counts: list, comps }
}

export function isCustom(histogram: { readonly schema: number }): boolean {
  return histogram.schema === CUSTOM_BUCKETS_SCHEMA
}

const NO_NUMBERS = new Float64Array(0)

const EMPTY_HISTOGRAM: FloatHistogram = {
  schema: 0,
  zeroThreshold: 0,
  zeroCount: 0,
  count: 0,
  sum: 0,
  positiveSpans: [],
  negativeSpans: [],
  positiveBuckets: NO_NUMBERS,
  negativeBuckets: NO_NUMBERS,
  customValues: NO_NUMBERS,
  counterResetHint: 'unknown',
}

export class WorkingHistogram {
  schema: number
  zeroThreshold: number
  zeroCount: number
  zeroComp = 0
  count: number
  countComp = 0
  sum: number
  sumComp = 0
  positive: Buckets
  negative: Buckets
  customValues: Float64Array
  hint: CounterResetHint
  /** Whether compensations are to be added: zero is not nothing beside a negative zero. */
  compensated = false

  constructor(histogram: FloatHistogram) {
    this.schema = histogram.schema
    this.zeroThreshold = histogram.zeroThreshold
    this.zeroCount = histogram.zeroCount
    this.count = histogram.count
    this.sum = histogram.sum
    this.positive = bucketsOf(histogram.positiveSpans, histogram.positiveBuckets)
    this.negative = bucketsOf(histogram.negativeSpans, histogram.negativeBuckets)
    this.customValues = histogram.customValues
    this.hint = histogram.counterResetHint
  }

  clone(): WorkingHistogram {
    const copy = Object.assign(new WorkingHistogram(EMPTY_HISTOGRAM), this)
    copy.positive = copyBuckets(this.positive)
    copy.negative = copyBuckets(this.negative)
    return copy
  }

  /** Adds `factor` (1 or −1) times `other`; undefined when exponential and custom buckets meet. With `kahan`, errors are carried along. */
  add(other: FloatHistogram, factor: 1 | -1 = 1, kahan = false): AddOutcome | undefined {
    if (isCustom(this) !== isCustom(other)) return undefined
    const resetCollision = this.#mergeHint(other.counterResetHint)
    if (!isCustom(this)) this.#addZeroBucket(other, factor, kahan)
    if (kahan) {
      this.compensated = true
      const count = this.count + other.count
      this.countComp = nextCompensation(this.count, other.count, count, this.countComp)
      this.count = count
      const sum = this.sum + other.sum
      this.sumComp = nextCompensation(this.sum, other.sum, sum, this.sumComp)
      this.sum = sum
    } else {
      this.count += factor * other.count
      this.sum += factor * other.sum
    }
    const positive = bucketsOf(other.positiveSpans, other.positiveBuckets)
    if (isCustom(this)) {
      return { resetCollision, boundsReconciled: this.#addCustom(positive, other, factor, kahan) }
    }
    const negative = bucketsOf(other.negativeSpans, other.negativeBuckets)
    if (other.schema < this.schema) this.#reduceTo(other.schema, kahan)
    else if (other.schema > this.schema) {
      reduceBuckets(positive, other.schema, this.schema, kahan)
      reduceBuckets(negative, other.schema, this.schema, kahan)
    }
    this.positive = this.#joined(this.positive, positive, factor, kahan)
    this.negative = this.#joined(this.negative, negative, factor, kahan)
    return { resetCollision, boundsReconciled: false }
  }

  #mergeHint(other: CounterResetHint): boolean {
    const own = this.hint
    if (other === own || own === 'gauge') return false
    if (other === 'gauge') this.hint = 'gauge'
    else if (own !== 'unknown') {
      this.hint = 'unknown'
      return other !== 'unknown'
    }
    return false
  }

  /** Widens the narrower zero bucket until both are the same. */
  #addZeroBucket(other: FloatHistogram, factor: 1 | -1, kahan: boolean): void {
    let count = other.zeroCount
    let comp = 0
    let threshold = other.zeroThreshold
    while (threshold !== this.zeroThreshold) {
      if (this.zeroThreshold > threshold) {
        const widened = widenZeroBucket(new WorkingHistogram(other), this.zeroThreshold, false)
        count = widened.count
        comp = widened.comp
        threshold = widened.threshold
      }
      if (threshold > this.zeroThreshold) {
        const widened = widenZeroBucket(this, threshold, kahan)
        this.zeroCount = widened.count
        if (kahan) this.zeroComp = widened.comp
        this.zeroThreshold = widened.threshold
        this.positive = outside(this.positive, this.schema, widened.threshold)
        this.negative = outside(this.negative, this.schema, widened.threshold)
      }
    }
    if (!kahan) {
      this.zeroCount += factor * count
      return
    }
    for (const value of [count, comp]) {
      const next = this.zeroCount + value
      this.zeroComp = nextCompensation(this.zeroCount, value, next, this.zeroComp)
      this.zeroCount = next
    }
  }

  #reduceTo(schema: number, kahan: boolean): void {
    reduceBuckets(this.positive, this.schema, schema, kahan)
    reduceBuckets(this.negative, this.schema, schema, kahan)
    this.schema = schema
  }

  reduceTo(schema: number): void {
    if (schema < this.schema) this.#reduceTo(schema, false)
  }

  /** Union by index. Leading buckets of `other` inside the zero bucket are counted there already. */
  #joined(own: Buckets, other: Buckets, factor: 1 | -1, kahan: boolean): Buckets {
    const result: Buckets = { indexes: [], counts: [], comps: [] }
    let a = 0
    let b = 0
    if (isExponentialSchema(this.schema) && this.zeroThreshold > 0) {
      while (
        b < other.indexes.length &&
        exponentialBound(other.indexes[b]!, this.schema) <= this.zeroThreshold
      ) {
        b++
      }
    }
    while (a < own.indexes.length || b < other.indexes.length) {
      const left = a < own.indexes.length ? own.indexes[a]! : Infinity
      const right = b < other.indexes.length ? other.indexes[b]! : Infinity
      let count = left <= right ? own.counts[a]! : factor * other.counts[b]!
      let comp = left <= right ? own.comps[a]! : factor * other.comps[b]!
      if (left === right) {
        const value = factor * other.counts[b]!
        const next = count + value
        if (kahan) comp = nextCompensation(count, value, next, comp)
        count = next
        const otherComp = factor * other.comps[b]!
        if (kahan && otherComp !== 0) {
          const corrected = count + otherComp
          comp = nextCompensation(count, otherComp, corrected, comp)
          count = corrected
        }
      }
      result.indexes.push(Math.min(left, right))
      result.counts.push(count)
      result.comps.push(comp)
      if (left <= right) a++
      if (right <= left) b++
    }
    return result
  }

  #addCustom(
    other: Buckets,
    { customValues }: FloatHistogram,
    factor: 1 | -1,
    kahan: boolean,
  ): boolean {
    if (equalBounds(this.customValues, customValues)) {
      this.positive = this.#joined(this.positive, other, factor, kahan)
      return false
    }
    const common = commonBounds(this.customValues, customValues)
    const counts = Array.from({ length: common.length + 1 }, () => 0)
    const comps = counts.slice()
    const pour = (buckets: Buckets, bounds: Float64Array, sign: 1 | -1) => {
      for (const [i, index] of buckets.indexes.entries()) {
        const bound = bucketBound(index, CUSTOM_BUCKETS_SCHEMA, bounds)
        let target = 0
        while (target < common.length && common[target]! < bound) target++
        const values =
          kahan && sign === 1
            ? [buckets.counts[i]!, buckets.comps[i]!]
            : [sign * buckets.counts[i]!]
        for (const value of values) {
          const next = counts[target]! + value
          comps[target] = nextCompensation(counts[target]!, value, next, comps[target]!)
          counts[target] = next
        }
      }
    }
    pour(this.positive, this.customValues, 1)
    pour(other, customValues, factor)
    this.positive = {
      indexes: [...counts.keys()],
      counts,
      comps: kahan ? comps : comps.map(() => 0),
    }
    this.customValues = common
    return true
  }

  multiply(factor: number): this {
    this.zeroCount *= factor
    this.zeroComp *= factor
    this.count *= factor
    this.countComp *= factor
    this.sum *= factor
    this.sumComp *= factor
    for (const { counts, comps } of [this.positive, this.negative]) {
      for (let i = 0; i < counts.length; i++) {
        counts[i]! *= factor
        comps[i]! *= factor
      }
    }
    if (factor < 0) this.hint = 'gauge'
    return this
  }

  divide(divisor: number): this {
    this.zeroCount /= divisor
    this.zeroComp /= divisor
    this.count /= divisor
    this.countComp /= divisor
    this.sum /= divisor
    this.sumComp /= divisor
    for (const { counts, comps } of [this.positive, this.negative]) {
      for (let i = 0; i < counts.length; i++) {
        counts[i]! /= divisor
        comps[i]! /= divisor
      }
    }
    if (divisor < 0) this.hint = 'gauge'
    return this
  }

  overflows(): boolean {
    const infinite = (value: number) => value === Infinity || value === -Infinity
    return (
      infinite(this.zeroCount) ||
      infinite(this.count) ||
      infinite(this.sum) ||
      this.positive.counts.some(infinite) ||
      this.negative.counts.some(infinite)
    )
  }

  /** With the compensations added in and empty buckets out. */
  freeze(): FloatHistogram {
    const [positiveSpans, positiveBuckets] = spansOf(this.positive)
    const [negativeSpans, negativeBuckets] = spansOf(this.negative)
    return {
      schema: this.schema,
      zeroThreshold: this.zeroThreshold,
      zeroCount: this.compensated ? this.zeroCount + this.zeroComp : this.zeroCount,
      count: this.compensated ? this.count + this.countComp : this.count,
      sum: this.compensated ? this.sum + this.sumComp : this.sum,
      positiveSpans,
      negativeSpans,
      positiveBuckets,
      negativeBuckets,
      customValues: this.customValues,
      counterResetHint: this.hint,
    }
  }
}

function copyBuckets(buckets: Buckets): Buckets {
  return {
    indexes: buckets.indexes.slice(),
    counts: buckets.counts.slice(),
    comps: buckets.comps.slice(),
  }
}

function spansOf({ indexes, counts, comps }: Buckets): [Span[], Float64Array] {
  const spans: { offset: number; length: number }[] = []
  const kept: number[] = []
  let next = 0
  for (let i = 0; i < indexes.length; i++) {
    const index = indexes[i]!
    const count = counts[i]! + comps[i]!
    if (count === 0) continue
    kept.push(count)
    const last = spans[spans.length - 1]
    if (last && index === next) last.length++
    else spans.push({ offset: index - next, length: 1 })
    next = index + 1
  }
  return [spans, new Float64Array(kept)]
}

function reduceBuckets(buckets: Buckets, schema: number, target: number, kahan: boolean): void {
  const { indexes, counts, comps } = buckets
  const result: Buckets = { indexes: [], counts: [], comps: [] }
  for (const [i, index] of indexes.entries()) {
    const coarser = coarserIndex(index, schema, target)
    const last = result.indexes.length - 1
    if (last < 0 || result.indexes[last] !== coarser) {
      result.indexes.push(coarser)
      result.counts.push(counts[i]!)
      result.comps.push(comps[i]!)
      continue
    }
    for (const value of kahan ? [counts[i]!, comps[i]!] : [counts[i]!]) {
      const next = result.counts[last]! + value
      if (kahan) {
        result.comps[last] = nextCompensation(
          result.counts[last]!,
          value,
          next,
          result.comps[last]!,
        )
      }
      result.counts[last] = next
    }
  }
  Object.assign(buckets, result)
}

interface ZeroBucket {
  readonly count: number
  readonly comp: number
  /** At least what was asked for: a populated bucket is taken whole. */
  readonly threshold: number
}

/** The zero bucket as it would be with a larger threshold. */
export function widenZeroBucket(
  histogram: WorkingHistogram,
  larger: number,
  kahan: boolean,
): ZeroBucket {
  let threshold = larger
  let comp = kahan ? histogram.zeroComp : 0
  for (;;) {
    let count = histogram.zeroCount
    let again = false
    for (const side of [histogram.positive, histogram.negative]) {
      for (const [i, index] of side.indexes.entries()) {
        if (exponentialBound(index - 1, histogram.schema) >= threshold) break
        const bucket = side.counts[i]!
        for (const value of kahan ? [bucket, side.comps[i]!] : [bucket]) {
          const next = count + value
          comp = nextCompensation(count, value, next, comp)
          count = next
        }
        const upper = exponentialBound(index, histogram.schema)
        if (upper <= threshold) continue
        if (bucket !== 0) {
          threshold = upper
          // What the positive side took was judged by the smaller threshold.
          again = side === histogram.negative
        }
        break
      }
      if (again) break
    }
    if (!again) return { count, comp, threshold }
  }
}

function outside(buckets: Buckets, schema: number, threshold: number): Buckets {
  let first = 0
  while (
    first < buckets.indexes.length &&
    exponentialBound(buckets.indexes[first]! - 1, schema) < threshold
  ) {
    first++
  }
  return {
    indexes: buckets.indexes.slice(first),
    counts: buckets.counts.slice(first),
    comps: buckets.comps.slice(first),
  }
}

export function equalBounds(a: Float64Array, b: Float64Array): boolean {
  return a.length === b.length && a.every((bound, i) => bound === b[i])
}

export function commonBounds(a: Float64Array, b: Float64Array): Float64Array {
  const other = new Set(b)
  return a.filter((bound) => other.has(bound))
}

export function scaleHistogram(histogram: FloatHistogram, factor: number): FloatHistogram {
  return {
    ...histogram,
    zeroCount: histogram.zeroCount * factor,
    count: histogram.count * factor,
    sum: histogram.sum * factor,
    positiveBuckets: histogram.positiveBuckets.map((count) => count * factor),
    negativeBuckets: histogram.negativeBuckets.map((count) => count * factor),
    counterResetHint: factor < 0 ? 'gauge' : histogram.counterResetHint,
  }
}

/** Dividing by zero leaves no buckets. */
export function divideHistogram(histogram: FloatHistogram, divisor: number): FloatHistogram {
  const none = divisor === 0
  return {
    ...histogram,
    zeroCount: histogram.zeroCount / divisor,
    count: histogram.count / divisor,
    sum: histogram.sum / divisor,
    positiveSpans: none ? [] : histogram.positiveSpans,
    negativeSpans: none ? [] : histogram.negativeSpans,
    positiveBuckets: none ? NO_NUMBERS : histogram.positiveBuckets.map((count) => count / divisor),
    negativeBuckets: none ? NO_NUMBERS : histogram.negativeBuckets.map((count) => count / divisor),
    counterResetHint: divisor < 0 ? 'gauge' : histogram.counterResetHint,
  }
}

/** Without empty buckets, spans as few as possible. */
export function compactHistogram(histogram: FloatHistogram): FloatHistogram {
  return new WorkingHistogram(histogram).freeze()
}
