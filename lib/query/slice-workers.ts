/** Worker threads that answer slices, for processes with more processors than one: events out, frames back, as to a function. */
import { Worker } from 'node:worker_threads'
import { abortError, untilAborted } from '#lib/bucket/cancellation.ts'
import { DomainError } from '#lib/model/errors.ts'

export interface SliceWorkersOptions {
  readonly count: number
  /** The file a worker runs; it calls `serveSlices`. */
  readonly entry: URL
  /** What the file finds as its `workerData`. */
  readonly data: unknown
  /** Of the heap of each thread, in MiB: beyond it a slice ends as 'limit'. As Node has it without it. */
  readonly heapMiB?: number | undefined
}

export interface SliceRequest {
  readonly id: number
  /** Absent: nobody waits for the answer `id` any more. */
  readonly event?: unknown
}

export interface SliceReply {
  readonly id: number
  /** Their memory changes hands, nothing is copied. */
  readonly frames: readonly Uint8Array[]
  /** What was thrown and is no answer: a bug of ours. */
  readonly failure?: string | undefined
}

interface Waiting {
  readonly resolve: (frames: readonly Uint8Array[]) => void
  readonly reject: (error: Error) => void
}

/** A thread is started when a slice comes and all others are busy, and another in its place when it ends by itself. */
export class SliceWorkers {
  readonly #options: SliceWorkersOptions
  readonly #threads = new Set<Thread>()
  #stopped = false

  constructor(options: SliceWorkersOptions) {
    this.#options = options
  }

  /**
   * Yields the frames of the answer. Rejects with 'unavailable' when the thread ended, 'limit' when that was for memory,
   * or as the signal says.
   */
  async *invoke(event: unknown, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    if (signal?.aborted) throw abortError(signal)
    yield* await this.#thread().ask(event, signal)
  }

  /** Slices that the least busy thread works on; there is none to wait for where one can still be started. */
  get leastLoad(): number {
    if (this.#threads.size < this.#options.count) return 0
    return Math.min(...[...this.#threads].map(({ load }) => load))
  }

  /** Ends threads that have nothing to do, with what they keep in memory. The next slice starts another. */
  async endIdle(): Promise<void> {
    const idle = [...this.#threads].filter(({ load }) => load === 0)
    for (const thread of idle) this.#threads.delete(thread)
    await Promise.all(idle.map((thread) => thread.stop()))
  }

  /** Ends the threads; what is asked of them rejects. They also end with the process, which they don't keep alive. */
  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all([...this.#threads].map((thread) => thread.stop()))
  }

  #thread(): Thread {
    if (this.#stopped) throw new DomainError('unavailable', 'the worker threads have been stopped')
    let least: Thread | undefined
    for (const thread of this.#threads) if (!least || thread.load < least.load) least = thread
    if (least && (least.load === 0 || this.#threads.size >= this.#options.count)) return least
    const thread = new Thread(this.#options, () => this.#threads.delete(thread))
    this.#threads.add(thread)
    return thread
  }
}

class Thread {
  readonly #worker: Worker
  readonly #waiting = new Map<number, Waiting>()
  #lastId = 0
  #cause: Error | undefined

  constructor({ entry, data, heapMiB }: SliceWorkersOptions, onEnd: () => void) {
    const resourceLimits = heapMiB === undefined ? {} : { maxOldGenerationSizeMb: heapMiB }
    this.#worker = new Worker(entry, { workerData: data, resourceLimits })
    this.#worker.unref()
    this.#worker.on('message', ({ id, frames, failure }: SliceReply) => {
      if (failure === undefined) this.#settle(id)?.resolve(frames)
      else this.#settle(id)?.reject(new Error(`worker thread: ${failure}`))
    })
    this.#worker.on('error', (error: Error) => (this.#cause = error))
    this.#worker.on('exit', (code) => {
      onEnd()
      const error = endError(code, this.#cause)
      for (const id of this.#waiting.keys()) this.#settle(id)?.reject(error)
    })
  }

  /** Slices that it works on. */
  get load(): number {
    return this.#waiting.size
  }

  async ask(event: unknown, signal?: AbortSignal): Promise<readonly Uint8Array[]> {
    const id = ++this.#lastId
    const answer = new Promise<readonly Uint8Array[]>((resolve, reject) => {
      this.#worker.postMessage({ id, event } satisfies SliceRequest, [])
      this.#worker.ref()
      this.#waiting.set(id, { resolve, reject })
    })
    const cancel = (): void => this.#worker.postMessage({ id } satisfies SliceRequest, [])
    signal?.addEventListener('abort', cancel, { once: true })
    try {
      return await untilAborted(answer, signal)
    } finally {
      signal?.removeEventListener('abort', cancel)
    }
  }

  async stop(): Promise<void> {
    await this.#worker.terminate()
  }

  #settle(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (this.#waiting.size === 0) this.#worker.unref()
    return waiting
  }
}

function endError(code: number, cause: NodeJS.ErrnoException | undefined): DomainError {
  if (cause?.code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return new DomainError('limit', 'a worker thread ran out of memory', { cause })
  }
  const why = cause ? `: ${cause.message}` : ''
  return new DomainError('unavailable', `a worker thread ended with code ${code}${why}`, { cause })
}
