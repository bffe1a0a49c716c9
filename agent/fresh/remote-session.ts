/** Asks a Prometheus whose log is out of reach, by remote read, for what is new: each time from a while before the newest sample on. */
import { DomainError } from '#lib/model/errors.ts'
import { type Labels, labelValue } from '#lib/model/labels.ts'
import { decodeChunk } from '#lib/tsdb/chunk/chunk.ts'
import { ColumnBuilder } from '#lib/tsdb/chunk/columns.ts'
import type { RemoteQuery, RemoteSeries } from '../prometheus/remote-read.ts'
import type { FreshSession, Place, SessionCounts } from './fresh-session.ts'
import { Head } from './head.ts'
import type { PackNote } from './pack-note.ts'
import { SeriesTable } from './series-table.ts'

export interface RemoteSessionOptions {
  readonly ask: (query: RemoteQuery) => AsyncIterable<RemoteSeries>
  /** Prometheus adds them to series; packs have them in their key. */
  readonly externalLabels: Labels
  /** Where to begin without a pack. */
  readonly beginMs: number
  readonly now: () => number
  /** Of samples that are held: about, as what is asked for comes whole. */
  readonly maxBytes: number
}

/**
 * A sample has the time at which its scrape began, and is there when it has ended: scrapes may take that long. A sample of a series that
 * is older than another one that was read is passed over, as late ones are in blocks.
 */
const OVERLAP_MS = 120_000
/** What is asked for at a time when there is much to catch up with: at first, and at most. */
const FIRST_WINDOW_MS = 60_000
const MAX_WINDOW_MS = 1_800_000
/** The clock of Prometheus may be ahead. */
const AHEAD_MS = 300_000
/** Series that were not there in so many answers are forgotten. */
const KEEP_ROUNDS = 20

const ALL_SERIES = [{ type: '=~', name: '__name__', value: '.+' }] as const

export class RemoteSession implements FreshSession {
  readonly source = 'remote-read'
  readonly table = new SeriesTable()
  readonly head = new Head()
  #newestMs = -Infinity
  readonly #options: RemoteSessionOptions
  readonly #columns = new ColumnBuilder()
  #fromMs: number
  #windowMs = FIRST_WINDOW_MS
  #round = 0

  constructor(options: RemoteSessionOptions) {
    this.#options = options
    this.#fromMs = options.beginMs
  }

  get place() {
    return { segment: 0, offset: 0 }
  }

  async resume({ askedMs }: Place): Promise<void> {
    if (askedMs === undefined) throw new DomainError('conflict', 'the pack is of a log')
    this.#fromMs = askedMs
  }

  async read(): Promise<boolean> {
    this.#round++
    const { now, ask, maxBytes } = this.#options
    const nowMs = now()
    const settledMs = nowMs - OVERLAP_MS
    const isAtEnd = this.#fromMs + this.#windowMs >= settledMs
    const maxTimeMs = isAtEnd ? nowMs + AHEAD_MS : this.#fromMs + this.#windowMs
    const query = { matchers: ALL_SERIES, minTimeMs: this.#fromMs, maxTimeMs }
    for await (const series of ask(query)) this.#take(series, query)
    const nextMs = isAtEnd ? Math.min(this.#newestMs, nowMs) - OVERLAP_MS : maxTimeMs + 1
    this.#fromMs = Math.max(this.#fromMs, nextMs)
    if (this.head.byteLength > maxBytes) this.#windowMs = Math.max(this.#windowMs / 2, 1000)
    else if (this.head.byteLength * 4 < maxBytes) {
      this.#windowMs = Math.min(this.#windowMs * 2, MAX_WINDOW_MS)
    }
    return isAtEnd
  }

  note(nowMs: number): PackNote {
    const { interval = { minTimeMs: nowMs, maxTimeMs: nowMs } } = this.head
    return { version: 1, askedMs: this.#fromMs, ...interval, madeMs: nowMs }
  }

  async evict(): Promise<number> {
    return this.table.evict(this.#round - KEEP_ROUNDS)
  }

  takeCounts(): SessionCounts {
    return { unknownRefs: 0, corruptions: 0, tornRecords: 0 }
  }

  #take({ labels, chunks }: RemoteSeries, { minTimeMs, maxTimeMs }: RemoteQuery): void {
    const { table, head } = this
    const id = table.see(withoutThese(labels, this.#options.externalLabels), this.#round)
    const last = table.lastTimes[id]!
    const columns = this.#columns
    columns.reset(Math.max(minTimeMs, last + 1), maxTimeMs)
    for (const { encoding, data } of chunks) decodeChunk(encoding, data, columns)
    const samples = columns.columns()
    if (samples.length === 0) return
    const { timestamps, values, histograms, length } = samples
    const bits = new Int32Array(values.buffer, values.byteOffset, length * 2)
    const floats = { timestamps, histograms: undefined }
    for (let row = 0; row < length; row++) {
      const isFloat = histograms?.layouts[row] === undefined
      const source = isFloat ? floats : { timestamps, histograms }
      head.rowsFor(source, false).add(id, source, bits, row)
    }
    const newest = timestamps[length - 1]!
    table.lastTimes[id] = newest
    if (newest > this.#newestMs) this.#newestMs = newest
  }
}

/** Without those of `others` that it has with the same value. */
function withoutThese(labels: Labels, others: Labels): Labels {
  const kept: string[] = []
  for (let i = 0; i < labels.length; i += 2) {
    if (labelValue(others, labels[i]!) === labels[i + 1]) continue
    kept.push(labels[i]!, labels[i + 1]!)
  }
  return kept
}
