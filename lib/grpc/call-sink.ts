/** Frames on their way to one client. */
import { setImmediate } from 'node:timers/promises'
import { DomainError } from '#lib/model/errors.ts'
import type { FrameSink } from './calls.ts'

/** What grpc-js has of a stream to write to. */
export interface FrameStream {
  write(frame: Uint8Array, written: () => void): unknown
}

/** Bytes that may wait for a client before the next frame is made. */
const MAX_WAITING_BYTES = 512 * 1024

/** After so many bytes others have their turn, also where the client takes all at once. A frame counts as at least `FRAME_COST`. */
const TURN_BYTES = 128 * 1024
const FRAME_COST = 2048

/** A client that takes nothing for so long is given up, so that others have its place. */
const PATIENCE_MS = 120_000

export class CallSink implements FrameSink {
  readonly #stream: FrameStream
  readonly #signal: AbortSignal
  readonly #onSent: () => void
  readonly #patienceMs: number
  #waiting = 0
  #sinceTurn = 0
  #wake: (() => void) | undefined

  constructor(
    stream: FrameStream,
    signal: AbortSignal,
    onSent: () => void,
    patienceMs = PATIENCE_MS,
  ) {
    this.#patienceMs = patienceMs
    this.#stream = stream
    this.#signal = signal
    this.#onSent = onSent
    signal.addEventListener('abort', () => this.#wake?.(), { once: true })
  }

  async write(frame: Uint8Array): Promise<void> {
    const signal = this.#signal
    signal.throwIfAborted()
    const size = frame.length
    this.#waiting += size
    this.#stream.write(frame, () => {
      this.#waiting -= size
      this.#wake?.()
    })
    this.#onSent()
    this.#sinceTurn += Math.max(size, FRAME_COST)
    while (this.#waiting > MAX_WAITING_BYTES && !signal.aborted) await this.#someWritten()
    if (this.#sinceTurn >= TURN_BYTES) {
      this.#sinceTurn = 0
      await setImmediate()
    }
    signal.throwIfAborted()
  }

  #someWritten(): Promise<void> {
    const patienceMs = this.#patienceMs
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new DomainError('timeout', `the client has taken nothing for ${patienceMs} ms`))
      }, patienceMs)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
