/** Remote write's requests: series → Prometheus's `WriteRequest`, of either version, as snappy blocks. */
import { ProtoWriter } from '#lib/bytes/protobuf.ts'
import { encodeSnappy } from '#lib/bytes/snappy.ts'
import type { Labels } from '#lib/model/labels.ts'
import type { SampleColumns } from '#lib/model/samples.ts'
import { appendLabels, appendSample, SERIES_1, SERIES_2 } from './series-fields.ts'

export interface WriteSeries {
  readonly labels: Labels
  readonly samples: SampleColumns
}

export type WriteVersion = '1.0' | '2.0'

export interface WriteRequest {
  readonly body: Uint8Array<ArrayBuffer>
  /** Floats. */
  readonly samples: number
  readonly histograms: number
}

export interface WriteRequestOptions {
  readonly version: WriteVersion
  readonly maxSamples: number
  /** Otherwise native histograms are left out. */
  readonly histograms: boolean
}

/** One after the other they are to be sent, so that the samples of each series come in order. The same series make the same requests. */
export function* writeRequests(
  series: Iterable<WriteSeries>,
  { version, maxSamples, histograms }: WriteRequestOptions,
): Generator<WriteRequest> {
  let message = newMessage(version)
  for (const { labels, samples } of series) {
    let isOpen = false
    for (let i = 0; i < samples.length; i++) {
      const isHistogram = samples.histograms?.layouts[i] !== undefined
      if (isHistogram && !histograms) continue
      if (message.samples + message.histograms === maxSamples) {
        if (isOpen) message.endSeries()
        isOpen = false
        yield message.finish()
        message = newMessage(version)
      }
      if (!isOpen) message.beginSeries(labels)
      isOpen = true
      message.add(samples, i, isHistogram)
    }
    if (isOpen) message.endSeries()
  }
  if (message.samples + message.histograms > 0) yield message.finish()
}

function newMessage(version: WriteVersion): Message {
  return version === '1.0' ? new Message() : new Message2()
}

class Message {
  samples = 0
  histograms = 0
  protected readonly out = new ProtoWriter(64 * 1024)
  protected readonly fields = SERIES_1
  #series = 0

  beginSeries(labels: Labels): void {
    this.#series = this.out.begin(1)
    appendLabels(this.out, labels)
  }

  endSeries(): void {
    this.out.end(this.#series)
  }

  add(samples: SampleColumns, index: number, isHistogram: boolean): void {
    appendSample(this.out, samples, index, this.fields)
    if (isHistogram) this.histograms++
    else this.samples++
  }

  finish(): WriteRequest {
    const { samples, histograms } = this
    return { body: encodeSnappy(this.out.bytes()), samples, histograms }
  }
}

/** Labels are numbers of texts, which follow the series. */
class Message2 extends Message {
  protected override readonly fields = SERIES_2
  readonly #symbols = new Map([['', 0]])
  #begun = 0

  override beginSeries(labels: Labels): void {
    this.#begun = this.out.begin(5)
    this.out.ints(
      1,
      labels.map((text) => this.#symbol(text)),
    )
  }

  override endSeries(): void {
    this.out.end(this.#begun)
  }

  override finish(): WriteRequest {
    for (const text of this.#symbols.keys()) this.out.string(4, text)
    return super.finish()
  }

  #symbol(text: string): number {
    const known = this.#symbols.get(text)
    if (known !== undefined) return known
    const next = this.#symbols.size
    this.#symbols.set(text, next)
    return next
  }
}
