/** Remote read's answer of sampled series, in Prometheus's `ReadResponse`. */
import { appendSpans } from '#lib/bytes/histogram-spans.ts'
import { ProtoWriter } from '#lib/bytes/protobuf.ts'
import { encodeSnappy } from '#lib/bytes/snappy.ts'
import { LimitError } from '#lib/model/errors.ts'
import type { CounterResetHint, FloatHistogram } from '#lib/model/histogram.ts'
import type { Labels } from '#lib/model/labels.ts'
import type { SampleColumns } from '#lib/model/samples.ts'

/** One result after the other, series after series. */
export class ReadResponseWriter {
  readonly #out = new ProtoWriter(64 * 1024)
  readonly #maxBytes: number
  #result = 0

  /** `maxBytes` before compression. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Every query of the request has a result, in its order, also where it is empty. */
  beginResult(): void {
    this.#result = this.#out.begin(1)
  }

  endResult(): void {
    this.#out.end(this.#result)
  }

  /** Throws LimitError when the answer gets too large. */
  add(labels: Labels, samples: SampleColumns): void {
    const out = this.#out
    const series = out.begin(1)
    appendLabels(out, labels)
    const { length, timestamps, values, histograms } = samples
    for (let i = 0; i < length; i++) {
      const histogram = histograms?.at(i)
      if (histogram !== undefined) {
        appendHistogram(out, histogram, samples, i)
        continue
      }
      const sample = out.begin(2)
      out.doubleOf(1, values, i)
      out.int(2, timestamps[i]!)
      out.end(sample)
    }
    out.end(series)
    if (out.length > this.#maxBytes) throw tooLarge(this.#maxBytes, out.length)
  }

  /** A snappy block. */
  finish(): Uint8Array<ArrayBuffer> {
    return encodeSnappy(this.#out.bytes())
  }
}

export function tooLarge(maxBytes: number, size: number): LimitError {
  return new LimitError(
    `the answer is larger than ${maxBytes} bytes; ask for fewer series or a shorter range`,
    maxBytes,
    size,
  )
}

export function appendLabels(out: ProtoWriter, labels: Labels): void {
  for (let i = 0; i < labels.length; i += 2) {
    const label = out.begin(1)
    out.string(1, labels[i]!)
    out.string(2, labels[i + 1]!)
    out.end(label)
  }
}

const RESET_HINTS: readonly CounterResetHint[] = ['unknown', 'reset', 'not-reset', 'gauge']

/** With float counts, which every reader of native histograms takes. */
function appendHistogram(
  out: ProtoWriter,
  histogram: FloatHistogram,
  { timestamps, values }: SampleColumns,
  index: number,
): void {
  const start = out.begin(4)
  out.double(2, histogram.count)
  // The column, and not the histogram, has the bits of a stale marker.
  out.doubleOf(3, values, index)
  out.sint(4, histogram.schema)
  out.double(5, histogram.zeroThreshold)
  out.double(7, histogram.zeroCount)
  appendSpans(out, 8, histogram.negativeSpans)
  out.doubles(10, histogram.negativeBuckets)
  appendSpans(out, 11, histogram.positiveSpans)
  out.doubles(13, histogram.positiveBuckets)
  out.int(14, RESET_HINTS.indexOf(histogram.counterResetHint))
  out.int(15, timestamps[index]!)
  out.doubles(16, histogram.customValues)
  out.end(start)
}
