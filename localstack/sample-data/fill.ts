/** Samples of one series within one window, written into columns that are reused from series to series. */
import type { FloatHistogram, Span as BucketSpan } from '#lib/model/histogram.ts'
import { HistogramColumn } from '#lib/model/histogram-column.ts'
import { type SampleColumns, writeStale } from '#lib/model/samples.ts'
import { type Curve, curveAt, fillCurve } from './curve.ts'
import {
  bootTimeMs,
  crashCount,
  failureSeconds,
  isNodeDown,
  type Process,
  type Span,
  startedMs,
} from './events.ts'
import type { Scrapes } from './scrapes.ts'
import type { Latencies, SampleSeries, Shape } from './series.ts'

/** A histogram whose counts are written anew for each series. */
interface OpenHistogram extends FloatHistogram {
  count: number
  sum: number
  schema: number
  positiveSpans: readonly BucketSpan[]
  positiveBuckets: Float64Array
}

/** Prometheus's least width of the zero bucket. */
const ZERO_THRESHOLD = 2 ** -128

const NO_BUCKETS = new Float64Array(0)

export class SampleFiller {
  #timestamps = new Float64Array(0)
  #values = new Float64Array(0)
  #scratch = new Float64Array(0)
  #histograms: OpenHistogram[] = []
  /** Buckets of the histograms, side by side. */
  #bucketCounts = new Float64Array(0)
  /** When the process that runs at each scrape started. */
  #started = new Float64Array(0)
  #startedOf: Process | undefined
  #startedAt: Scrapes | undefined
  /** Requests up to each classic bucket; the series of a histogram come one after the other. */
  #cumulative: Float64Array[] = []
  #cumulativeOf: Latencies | undefined
  #cumulativeAt: Scrapes | undefined

  /** Valid until the next call. */
  fill(series: SampleSeries, scrapes: Scrapes): SampleColumns {
    this.#reserve(scrapes.length)
    const { shape } = series
    if (shape.type === 'histogram') this.#fillHistograms(shape, scrapes)
    else this.#fillValues(shape, scrapes)
    return this.#keepAlive(series, scrapes)
  }

  #reserve(length: number): void {
    if (length <= this.#values.length) return
    this.#timestamps = new Float64Array(length)
    this.#values = new Float64Array(length)
    this.#scratch = new Float64Array(length)
    this.#started = new Float64Array(length)
    this.#startedOf = undefined
    this.#cumulative = []
    this.#cumulativeOf = undefined
  }

  #fillValues(shape: Exclude<Shape, { type: 'histogram' }>, scrapes: Scrapes): void {
    const values = this.#values
    const { length, timestamps, down } = scrapes
    switch (shape.type) {
      case 'constant':
        values.fill(shape.value, 0, length)
        return
      case 'gauge':
        this.#fillGauge(shape.curve, scrapes)
        return
      case 'counter':
        this.#fillCounter(shape.curve, shape.process, scrapes, values)
        return
      case 'bucket':
        this.#prepareCumulative(shape.latencies, scrapes)
        values.set(this.#cumulative[shape.bucket]!.subarray(0, length))
        return
      case 'latency-sum':
        this.#fillLatencySum(shape.latencies, scrapes)
        return
      case 'restarts':
        for (let i = 0; i < length; i++) values[i] = crashCount(shape.process, timestamps[i]!)
        return
      case 'boot-time': {
        const { cluster, node } = shape.process
        for (let i = 0; i < length; i++) {
          values[i] = bootTimeMs(cluster, node, timestamps[i]!) / 1000
        }
        return
      }
      case 'clock':
        for (let i = 0; i < length; i++) values[i] = timestamps[i]! / 1000
        return
      case 'by-target': {
        if (typeof shape.up === 'number') values.fill(shape.up, 0, length)
        else this.#fillGauge(shape.up, scrapes)
        for (let i = 0; i < length; i++) if (down[i] === 1) values[i] = shape.down
        return
      }
      case 'scraped':
        this.#fillScraped(shape.lives, scrapes)
        return
      case 'by-node': {
        const { cluster, node } = shape
        for (let i = 0; i < length; i++) {
          values[i] = isNodeDown(cluster, node, timestamps[i]!) ? shape.down : shape.up
        }
        return
      }
      default:
        shape satisfies never
    }
  }

  #fillScraped(lives: readonly Span[], { length, timestamps, down }: Scrapes): void {
    const values = this.#values
    const first = timestamps[0]!
    const last = timestamps[length - 1]!
    const changing = lives.filter(({ startMs, endMs }) => startMs > first || endMs <= last)
    for (let i = 0; i < length; i++) {
      const t = timestamps[i]!
      let count = lives.length - changing.length
      for (const { startMs, endMs } of changing) if (t >= startMs && t < endMs) count++
      values[i] = down[i] === 1 ? 0 : count
    }
  }

  #fillGauge(curve: Curve, scrapes: Scrapes): void {
    const values = this.#values
    const { stepsPerUnit } = curve
    fillCurve(curve, scrapes, values)
    for (let i = 0; i < scrapes.length; i++) {
      values[i] = Math.max(0, Math.round(values[i]! * stepsPerUnit) / stepsPerUnit)
    }
  }

  /** What the curve has gained since the process started, in whole steps. */
  #fillCounter(curve: Curve, process: Process, scrapes: Scrapes, out: Float64Array): void {
    this.#prepareStarted(process, scrapes)
    fillCurve(curve, scrapes, out)
    const { length } = scrapes
    const { stepsPerUnit } = curve
    const started = this.#started
    let start = Number.NaN
    let base = 0
    for (let i = 0; i < length; i++) {
      if (started[i] !== start) {
        start = started[i]!
        base = curveAt(curve, start / 1000, failureSeconds(process.cluster, start))
      }
      out[i] = Math.max(0, Math.floor((out[i]! - base) * stepsPerUnit)) / stepsPerUnit
    }
  }

  #prepareStarted(process: Process, scrapes: Scrapes): void {
    if (this.#startedOf === process && this.#startedAt === scrapes) return
    this.#startedOf = process
    this.#startedAt = scrapes
    const { length, timestamps } = scrapes
    for (let i = 0; i < length; i++) this.#started[i] = startedMs(process, timestamps[i]!)
  }

  #prepareCumulative(latencies: Latencies, scrapes: Scrapes): void {
    if (this.#cumulativeOf === latencies && this.#cumulativeAt === scrapes) return
    this.#cumulativeOf = latencies
    this.#cumulativeAt = scrapes
    const { length } = scrapes
    const { curves, process } = latencies
    for (let b = 0; b < curves.length; b++) {
      const counts = (this.#cumulative[b] ??= new Float64Array(this.#values.length))
      this.#fillCounter(curves[b]!, process, scrapes, counts)
      if (b === 0) continue
      const below = this.#cumulative[b - 1]!
      for (let i = 0; i < length; i++) counts[i]! += below[i]!
    }
  }

  #fillLatencySum(latencies: Latencies, scrapes: Scrapes): void {
    this.#prepareCumulative(latencies, scrapes)
    const values = this.#values
    const { length } = scrapes
    values.fill(0, 0, length)
    for (let b = 0; b < latencies.bounds.length; b++) {
      const seconds = middleOf(latencies.bounds, b)
      const counts = this.#cumulative[b]!
      const below = b === 0 ? undefined : this.#cumulative[b - 1]!
      for (let i = 0; i < length; i++) values[i]! += (counts[i]! - (below?.[i] ?? 0)) * seconds
    }
  }

  /** Sums go to the values, as columns with histograms have them. */
  #fillHistograms(
    { latencies, schema, firstIndex, stride }: Extract<Shape, { type: 'histogram' }>,
    scrapes: Scrapes,
  ): void {
    const { length } = scrapes
    const { bounds, curves, process } = latencies
    const size = curves.length
    const spans = bounds.map((_, b) => ({ offset: b === 0 ? firstIndex : stride - 1, length: 1 }))
    if (this.#bucketCounts.length < length * size) {
      this.#bucketCounts = new Float64Array(length * size)
    }
    for (let i = 0; i < length; i++) {
      const histogram = (this.#histograms[i] ??= openHistogram())
      histogram.count = 0
      histogram.sum = 0
      histogram.schema = schema
      histogram.positiveSpans = spans
      histogram.positiveBuckets = this.#bucketCounts.subarray(i * size, (i + 1) * size)
    }
    const counts = this.#scratch
    for (let b = 0; b < size; b++) {
      const seconds = middleOf(bounds, b)
      this.#fillCounter(curves[b]!, process, scrapes, counts)
      for (let i = 0; i < length; i++) {
        const count = counts[i]!
        const histogram = this.#histograms[i]!
        this.#bucketCounts[i * size + b] = count
        histogram.count += count
        histogram.sum += count * seconds
      }
    }
    for (let i = 0; i < length; i++) this.#values[i] = this.#histograms[i]!.sum
  }

  /** Leaves out scrapes in which the series was not there, and marks the first one behind each run stale. */
  #keepAlive({ shape, life }: SampleSeries, scrapes: Scrapes): SampleColumns {
    const timestamps = this.#timestamps
    const values = this.#values
    const { length, before, down, beforeDown } = scrapes
    const hidden = scrapes.anyDown && shape.type !== 'by-target' && shape.type !== 'scraped'
    const { startMs, endMs } = life
    timestamps.set(scrapes.timestamps.subarray(0, length))
    const histograms = shape.type === 'histogram' ? this.#histograms.slice(0, length) : undefined
    let kept = 0
    for (let i = 0; i < length; i++) {
      const t = scrapes.timestamps[i]!
      const alive = t >= startMs && t < endMs && !(hidden && down[i] === 1)
      if (!alive) {
        const earlier = before[i]!
        const wasAlive = earlier >= startMs && earlier < endMs && !(hidden && beforeDown[i] === 1)
        if (!wasAlive) continue
      }
      if (kept !== i) {
        timestamps[kept] = t
        values[kept] = values[i]!
        if (histograms) histograms[kept] = histograms[i]!
      }
      if (!alive) {
        writeStale(values, kept)
        if (histograms) histograms[kept] = STALE_HISTOGRAM
      }
      kept++
    }
    return {
      length: kept,
      timestamps: timestamps.subarray(0, kept),
      values: values.subarray(0, kept),
      ...(histograms && { histograms: HistogramColumn.of(histograms.slice(0, kept)) }),
    }
  }
}

function middleOf(bounds: readonly number[], bucket: number): number {
  const low = bucket === 0 ? 0 : bounds[bucket - 1]!
  const high = bounds[bucket]!
  return high === Infinity ? low * 1.5 : (low + high) / 2
}

function openHistogram(): OpenHistogram {
  return {
    schema: 0,
    zeroThreshold: ZERO_THRESHOLD,
    zeroCount: 0,
    count: 0,
    sum: 0,
    positiveSpans: [],
    negativeSpans: [],
    positiveBuckets: NO_BUCKETS,
    negativeBuckets: NO_BUCKETS,
    customValues: NO_BUCKETS,
    counterResetHint: 'unknown',
  }
}

/** Only its place counts: that it is stale stands in the values. */
const STALE_HISTOGRAM = openHistogram()
