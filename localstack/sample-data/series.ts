/** One series of the small world: its labels, who is scraped for it, how long it lives, how its value comes about. */
import type { Labels } from '#lib/model/labels.ts'
import type { Curve } from './curve.ts'
import type { Process, Span } from './events.ts'

export interface Target {
  readonly job: string
  readonly instance: string
  readonly node: number | undefined
  readonly life: Span
  /** Labels that service discovery gives besides job and instance. */
  readonly labels: Readonly<Record<string, string>>
}

/** Request latencies: how many requests end in each bucket is a counter of its own. */
export interface Latencies {
  readonly process: Process
  /** Upper bounds in seconds; the last may be Infinity. */
  readonly bounds: readonly number[]
  /** One counter per bucket, not cumulative. */
  readonly curves: readonly Curve[]
}

export type Shape =
  | { readonly type: 'constant'; readonly value: number }
  | { readonly type: 'gauge'; readonly curve: Curve }
  | { readonly type: 'counter'; readonly curve: Curve; readonly process: Process }
  /** A classic bucket: requests in buckets 0 to `bucket`. */
  | { readonly type: 'bucket'; readonly latencies: Latencies; readonly bucket: number }
  | { readonly type: 'latency-sum'; readonly latencies: Latencies }
  /** A native histogram: bucket i of `latencies` has the index firstIndex + i·stride. */
  | {
      readonly type: 'histogram'
      readonly latencies: Latencies
      readonly schema: number
      readonly firstIndex: number
      readonly stride: number
    }
  | { readonly type: 'restarts'; readonly process: Process }
  | { readonly type: 'boot-time'; readonly process: Process }
  | { readonly type: 'clock' }
  /** `up` values while the target answers, and while it does not. */
  | { readonly type: 'by-target'; readonly up: Curve | number; readonly down: number }
  /** How many of the target's series there are: one for each of these that is alive. */
  | { readonly type: 'scraped'; readonly lives: readonly Span[] }
  | {
      readonly type: 'by-node'
      readonly cluster: string
      readonly node: number
      readonly up: number
      readonly down: number
    }

export interface SampleSeries {
  readonly labels: Labels
  readonly target: Target
  readonly life: Span
  readonly shape: Shape
}
