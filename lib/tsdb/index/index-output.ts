/** An index file front to back: what was not given away yet, and where in the file that is. */
import { ByteWriter } from '#lib/bytes/byte-writer.ts'

/** Called with each next piece of the file; the bytes are the receiver's to keep. */
export type ByteSink = (bytes: Uint8Array) => void

const FLUSH_SIZE = 1 << 20

export class IndexOutput {
  /** Takes what comes next. */
  readonly out = new ByteWriter(FLUSH_SIZE + 4096)
  readonly #sink: ByteSink
  #flushed = 0

  constructor(sink: ByteSink) {
    this.#sink = sink
  }

  /** In the file. */
  get position(): number {
    return this.#flushed + this.out.length
  }

  /** Zeros up to a multiple of `size`. */
  align(size: number): void {
    for (let rest = (size - (this.position % size)) % size; rest > 0; rest--) this.out.uint8(0)
  }

  /** Gives away what there is, if it is more than `over` bytes. */
  flush(over = FLUSH_SIZE): void {
    if (this.out.length <= over) return
    this.#sink(this.out.bytes().slice())
    this.#flushed += this.out.length
    this.out.clear()
  }

  /** Gives `bytes` away as they are. */
  pass(bytes: Uint8Array): void {
    this.flush(0)
    this.#sink(bytes)
    this.#flushed += bytes.length
  }
}
