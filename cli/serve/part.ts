/** A part of `thaw serve` as the process sees it: a thread that is started again when it ends by itself, and how it is. */
import { type ResourceLimits, Worker } from 'node:worker_threads'
import { describeError, type Logger } from '#agent/logger.ts'
import { DomainError } from '#lib/model/errors.ts'
import type { FromPart, PartData, PartMetrics, PartName, ToPart } from './part-messages.ts'

export interface PartOptions {
  readonly data: PartData
  /** The file that the thread runs. */
  readonly entry: URL
  readonly resourceLimits?: ResourceLimits | undefined
  readonly logger: Logger
  readonly now: () => number
  /** How long until a thread is started again that ended so often in a row. */
  readonly pauseMs?: ((ends: number) => number) | undefined
  /** The process is to end: with this error. */
  readonly onRefused: (error: DomainError) => void
}

/** Ends in a row, with no work done in between, from which on it is not healthy. */
const MANY_ENDS = 3
/** The longest pause before a thread that ended is started again. */
const MAX_PAUSE_MS = 60_000
const pauseOf = (ends: number): number => Math.min(1000 * 2 ** ends, MAX_PAUSE_MS)
/** A thread that says nothing for so long is stuck: it says something each ten seconds. */
const SILENT_MS = 5 * 60_000
/** A scrape does not wait longer for a thread that is busy. */
const METRICS_MS = 2000

export class Part {
  readonly name: PartName
  readonly #options: PartOptions
  #worker: Worker | undefined
  #ended = Promise.resolve()
  #again: NodeJS.Timeout | undefined
  #isStopped = false
  /** Since the last pass or tick that ended well. */
  #ends = 0
  #restarts = 0
  #isReady = false
  #trouble = 'it is starting'
  #heardMs: number
  #workedMs = 0
  #lastId = 0
  readonly #asked = new Map<number, (metrics: PartMetrics) => void>()

  constructor(options: PartOptions) {
    this.#options = options
    this.name = options.data.name
    this.#heardMs = options.now()
    this.#start()
  }

  /** Or what is wrong. One that only fails at its work, as the bucket or an Alertmanager does, is healthy. */
  get healthy(): true | string {
    const { now } = this.#options
    if (this.#ends >= MANY_ENDS) {
      return `${this.name}: its thread ended ${this.#ends} times in a row: ${this.#trouble}`
    }
    const silentMs = now() - this.#heardMs
    if (silentMs < SILENT_MS) return true
    return `${this.name}: its thread is silent for ${Math.round(silentMs / 1000)} s`
  }

  /** Once it could begin; what fails later is no reason to take no queries any more. */
  get ready(): true | string {
    return this.#isReady || `${this.name}: ${this.#trouble}`
  }

  /** When a pass or tick last ended well, 0 before. */
  get workedMs(): number {
    return this.#workedMs
  }

  get restarts(): number {
    return this.#restarts
  }

  /** None where the thread does not answer. */
  async metrics(): Promise<PartMetrics> {
    const id = ++this.#lastId
    let late: NodeJS.Timeout | undefined
    try {
      return await new Promise((resolve) => {
        late = setTimeout(() => resolve([]), METRICS_MS)
        this.#asked.set(id, resolve)
        this.#tell({ type: 'metrics', id })
        if (!this.#worker) resolve([])
      })
    } finally {
      clearTimeout(late)
      this.#asked.delete(id)
    }
  }

  reload(): void {
    this.#tell({ type: 'reload' })
  }

  /** Resolves when the thread is gone: by itself within the grace, or ended at once after it, and when `kill` says so. */
  async stop(graceMs: number, kill: AbortSignal): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#again)
    this.#tell({ type: 'stop' })
    const end = (): void => void this.#worker?.terminate()
    const late = setTimeout(end, graceMs)
    kill.addEventListener('abort', end)
    if (kill.aborted) end()
    await this.#ended
    clearTimeout(late)
    kill.removeEventListener('abort', end)
  }

  #tell(message: ToPart): void {
    this.#worker?.postMessage(message, [])
  }

  #start(): void {
    const { data, entry, resourceLimits, now } = this.#options
    const worker = new Worker(entry, {
      workerData: data,
      ...(resourceLimits && { resourceLimits }),
    })
    this.#worker = worker
    let cause: Error | undefined
    worker.on('message', (message: FromPart) => {
      this.#heardMs = now()
      this.#hear(message)
    })
    worker.on('error', (error: Error) => (cause = error))
    this.#ended = new Promise((resolve) => {
      worker.on('exit', (code) => {
        this.#worker = undefined
        resolve()
        if (!this.#isStopped) this.#startAgain(cause, code)
      })
    })
  }

  #startAgain(cause: Error | undefined, code: number): void {
    const { logger, now, pauseMs: pauseAfter = pauseOf } = this.#options
    this.#ends++
    this.#restarts++
    this.#trouble = cause ? describeError(cause) : `code ${code}`
    const pauseMs = pauseAfter(this.#ends)
    const facts = { component: this.name, ...(cause && { err: cause }), seconds: pauseMs / 1000 }
    logger.error(facts, 'its thread ended, and is started again')
    this.#again = setTimeout(() => {
      this.#heardMs = now()
      this.#start()
    }, pauseMs)
    this.#again.unref()
  }

  #hear(message: FromPart): void {
    switch (message.type) {
      case 'alive':
        return
      case 'ready':
        this.#isReady = true
        return
      case 'worked':
        this.#ends = 0
        this.#workedMs = this.#options.now()
        return
      case 'failed':
        this.#trouble = message.message
        return
      case 'refused':
        this.#isStopped = true
        this.#options.onRefused(new DomainError('invalid', `${this.name}: ${message.message}`))
        return
      case 'metrics':
        this.#asked.get(message.id)?.(message.metrics)
        return
      default:
        message satisfies never
    }
  }
}
