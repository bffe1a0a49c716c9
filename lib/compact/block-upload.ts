/** Puts the files of a block into the bucket while they are written, with little of them in memory. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import type { FileSink } from '#lib/tsdb/block/segment-writer.ts'

/** What may wait for the bucket. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024

/**
 * `write` takes pieces without waiting; whoever writes waits for `room` now and then. A file ends where the next of its folder begins, or at
 * the end: chunks and index may come in turns.
 */
export class BlockUpload {
  readonly write: FileSink = (file, bytes) => this.#write(file, bytes)
  readonly #bucket: Bucket
  readonly #id: string
  readonly #signal: AbortSignal | undefined
  /** By the folder they are in: one file of each at a time. */
  readonly #open = new Map<string, PieceQueue>()
  readonly #uploads: Promise<unknown>[] = []
  #waitingBytes = 0
  #failure: { readonly error: unknown } | undefined
  #wake: (() => void) | undefined

  constructor(bucket: Bucket, id: string, signal?: AbortSignal) {
    this.#bucket = bucket
    this.#id = id
    this.#signal = signal
  }

  /** Resolves when there is room for more; at once where there is. Rejects with what an upload failed with. */
  room(): void | Promise<void> {
    if (this.#failure) throw this.#failure.error
    if (this.#waitingBytes < MAX_WAITING_BYTES) return
    return new Promise<void>((resolve) => (this.#wake = resolve)).then(() => this.room())
  }

  /** Nothing more comes: resolves when all files are in the bucket. */
  async finish(): Promise<void> {
    for (const file of this.#open.values()) file.end()
    await Promise.all(this.#uploads)
    if (this.#failure) throw this.#failure.error
  }

  /** Gives up: nothing that is not whole becomes visible. Resolves when nothing runs any more. */
  async abort(reason: unknown): Promise<void> {
    for (const file of this.#open.values()) file.fail(reason)
    await Promise.all(this.#uploads)
  }

  #write(file: string, bytes: Uint8Array): void {
    const folder = file.slice(0, file.lastIndexOf('/') + 1)
    let queue = this.#open.get(folder)
    if (queue?.name !== file) {
      queue?.end()
      queue = new PieceQueue(file, (size) => this.#sent(size))
      this.#open.set(folder, queue)
      this.#uploads.push(this.#upload(queue))
    }
    this.#waitingBytes += bytes.length
    queue.push(bytes)
  }

  async #upload(queue: PieceQueue): Promise<void> {
    try {
      await this.#bucket.putStream(`${this.#id}/${queue.name}`, queue.pieces(), {
        signal: this.#signal,
      })
    } catch (error) {
      this.#failure ??= { error }
      this.#wake?.()
    }
  }

  #sent(size: number): void {
    this.#waitingBytes -= size
    if (this.#waitingBytes < MAX_WAITING_BYTES) this.#wake?.()
  }
}

class PieceQueue {
  readonly name: string
  readonly #onSent: (size: number) => void
  readonly #pieces: Uint8Array[] = []
  #ended = false
  #failure: { readonly error: unknown } | undefined
  #wake: (() => void) | undefined

  constructor(name: string, onSent: (size: number) => void) {
    this.name = name
    this.#onSent = onSent
  }

  push(piece: Uint8Array): void {
    this.#pieces.push(piece)
    this.#wake?.()
  }

  end(): void {
    this.#ended = true
    this.#wake?.()
  }

  fail(error: unknown): void {
    this.#failure = { error }
    this.#wake?.()
  }

  async *pieces(): AsyncGenerator<Uint8Array> {
    for (;;) {
      if (this.#failure) throw this.#failure.error
      const piece = this.#pieces.shift()
      if (piece) {
        yield piece
        this.#onSent(piece.length)
      } else if (this.#ended) return
      else await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }
}
