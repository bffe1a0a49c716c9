/**
 * Remote read's streamed answer, in frames of a `ChunkedReadResponse` each.
 *
 * ┌──────────────────┬────────────────────────────┬─────────┐
 * │ length <uvarint> │ CRC-32C of the message <4b> │ message │
 * └──────────────────┴────────────────────────────┴─────────┘
 */
import { ByteWriter } from '#lib/bytes/byte-writer.ts'
import { crc32c } from '#lib/bytes/crc32c.ts'
import { ProtoWriter } from '#lib/bytes/protobuf.ts'
import type { Labels } from '#lib/model/labels.ts'
import type { SampleColumns } from '#lib/model/samples.ts'
import type { ReadyChunk } from '#lib/tsdb/chunk/chunk.ts'
import { encodeChunks } from '#lib/tsdb/chunk/encode.ts'
import { tooLarge } from './read-samples.ts'
import { appendLabels } from './series-fields.ts'

/** A series whose chunks are larger goes on in the next frame, with its labels again. */
const MAX_FRAME_BYTES = 1024 * 1024

export class ChunkedReadWriter {
  readonly #out = new ByteWriter(64 * 1024)
  readonly #message = new ProtoWriter(64 * 1024)
  readonly #maxBytes: number
  readonly #frameBytes: number

  constructor(maxBytes: number, frameBytes = MAX_FRAME_BYTES) {
    this.#maxBytes = maxBytes
    this.#frameBytes = frameBytes
  }

  /**
   * Chunks are made anew from the samples, so that they hold no other: neither deleted ones nor those of another
   * replica, nor of before or after the interval. Throws LimitError when the answer gets too large.
   */
  add(queryIndex: number, labels: Labels, samples: SampleColumns): void {
    const chunks = encodeChunks(samples)
    let at = 0
    do at = this.#frame(queryIndex, labels, chunks, at)
    while (at < chunks.length)
    if (this.#out.length > this.#maxBytes) throw tooLarge(this.#maxBytes, this.#out.length)
  }

  /** One frame with the chunks from `from` on, and gives the first that did not fit. */
  #frame(queryIndex: number, labels: Labels, chunks: readonly ReadyChunk[], from: number): number {
    const message = this.#message
    message.clear()
    const series = message.begin(1)
    appendLabels(message, labels)
    let at = from
    while (at < chunks.length && (at === from || message.length < this.#frameBytes)) {
      const { minTimeMs, maxTimeMs, encoding, data } = chunks[at++]!
      const chunk = message.begin(2)
      message.int(1, minTimeMs)
      message.int(2, maxTimeMs)
      message.int(3, encoding)
      message.bytesOf(4, data)
      message.end(chunk)
    }
    message.end(series)
    message.int(2, queryIndex)
    const bytes = message.bytes()
    this.#out.uvarint(bytes.length)
    this.#out.uint32(crc32c(bytes))
    this.#out.append(bytes)
    return at
  }

  /** Bytes of frames since the last `take`. */
  get length(): number {
    return this.#out.length
  }

  /** The frames since the last time. */
  take(): Uint8Array<ArrayBuffer> {
    const frames = this.#out.bytes().slice()
    this.#out.clear()
    return frames
  }
}

/** A frame that no reader takes: of one byte, with the checksum of another. Without it an answer that breaks off between frames looks whole. */
export const BROKEN_FRAME: Uint8Array<ArrayBuffer> = Uint8Array.of(1, 0, 0, 0, 0, 0)
