/** Remote read's answer of sampled series, in Prometheus's `ReadResponse`. */
import { ProtoWriter } from '#lib/bytes/protobuf.ts'
import { encodeSnappy } from '#lib/bytes/snappy.ts'
import { LimitError } from '#lib/model/errors.ts'
import type { Labels } from '#lib/model/labels.ts'
import type { SampleColumns } from '#lib/model/samples.ts'
import { appendLabels, appendSample, SERIES_1 } from './series-fields.ts'

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
    for (let i = 0; i < samples.length; i++) appendSample(out, samples, i, SERIES_1)
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
