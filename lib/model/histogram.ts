/** A native histogram sample with float counts: what queries compute with. Integer ones become this when decoded. */

/** `length` buckets follow `offset` buckets after the end of the span before (the first offset is the bucket index). */
export interface Span {
  readonly offset: number
  readonly length: number
}

export type CounterResetHint = 'unknown' | 'reset' | 'not-reset' | 'gauge'

/** Schema of histograms with custom bucket bounds. */
export const CUSTOM_BUCKETS_SCHEMA = -53

/** Which buckets a histogram has. Never written, and shared between histograms. */
export interface HistogramLayout {
  readonly schema: number
  readonly zeroThreshold: number
  readonly positiveSpans: readonly Span[]
  readonly negativeSpans: readonly Span[]
  /** Only with `CUSTOM_BUCKETS_SCHEMA`, otherwise empty. */
  readonly customValues: Float64Array
}

/**
 * Bucket i of an exponential schema ends at 2^(i·2^-schema); a custom one at `customValues[i]`, the last at +Inf.
 * Bucket counts are absolute, one per bucket of the spans. Arrays are shared between samples and never written.
 */
export interface FloatHistogram extends HistogramLayout {
  readonly zeroCount: number
  readonly count: number
  readonly sum: number
  readonly positiveBuckets: Float64Array
  readonly negativeBuckets: Float64Array
  readonly counterResetHint: CounterResetHint
}
