/** Goes over the series of packs in order, one page of each in memory: of one, or of several at once. */
import { compareLabels, type Labels } from '#lib/model/labels.ts'
import type { ReadyChunk } from '#lib/tsdb/chunk/chunk.ts'
import type { PageEntry } from './pack-format.ts'
import { labelsOfSeries, type SeriesPage } from './series-page.ts'

/** Reads a page; pages are asked for in order. Throws CorruptError. */
export type ReadPage = (entry: PageEntry) => SeriesPage | Promise<SeriesPage>

/** `next` answers at once as long as nothing has to be read: awaiting each of a million series would cost more than the rest. */
export class PackCursor {
  /** Undefined before the first `next` and at the end. */
  labels: Labels | undefined
  readonly #pages: Iterator<PageEntry>
  readonly #read: ReadPage
  #page: SeriesPage | undefined
  #series = -1

  constructor(pages: readonly PageEntry[], read: ReadPage) {
    this.#pages = pages.values()
    this.#read = read
  }

  /** Comes to the next series. Throws CorruptError. */
  next(): void | Promise<void> {
    this.#series++
    while (!this.#page || this.#series >= this.#page.seriesCount) {
      const entry = this.#pages.next()
      if (entry.done) {
        this.labels = undefined
        return
      }
      const page = this.#read(entry.value)
      this.#series = 0
      if (page instanceof Promise) return page.then((read) => this.#begin(read))
      this.#page = page
    }
    this.labels = labelsOfSeries(this.#page, this.#series)
  }

  #begin(page: SeriesPage): void | Promise<void> {
    this.#page = page
    this.#series = -1
    return this.next()
  }

  get chunkCount(): number {
    const { chunkStarts } = this.#page!
    return chunkStarts[this.#series + 1]! - chunkStarts[this.#series]!
  }

  /** Ascending by their first time; views that stay. */
  chunks(): ReadyChunk[] {
    const { bytes, chunkStarts, minTimes, maxTimes, starts, ends } = this.#page!
    const chunks: ReadyChunk[] = []
    for (let row = chunkStarts[this.#series]!; row < chunkStarts[this.#series + 1]!; row++) {
      chunks.push({
        minTimeMs: minTimes[row]!,
        maxTimeMs: maxTimes[row]!,
        encoding: bytes[starts[row]! - 1]!,
        data: bytes.subarray(starts[row], ends[row]),
      })
    }
    return chunks
  }
}

/** Several packs as one: series after series, each with the cursors of those that have it. */
export class PackCursors {
  /** Undefined before the first `next` and at the end. */
  labels: Labels | undefined
  /** Those at a series with these labels, by their number. */
  readonly here: number[] = []
  readonly #cursors: readonly PackCursor[]
  #begun = false

  constructor(cursors: readonly PackCursor[]) {
    this.#cursors = cursors
  }

  next(): void | Promise<void> {
    const waiting: Promise<void>[] = []
    const step = (cursor: PackCursor): void => {
      const reading = cursor.next()
      if (reading) waiting.push(reading)
    }
    if (this.#begun) for (const i of this.here) step(this.#cursors[i]!)
    else for (const cursor of this.#cursors) step(cursor)
    this.#begun = true
    if (waiting.length > 0) return Promise.all(waiting).then(() => this.#choose())
    this.#choose()
  }

  #choose(): void {
    const { here } = this
    let least: Labels | undefined
    here.length = 0
    for (const [i, { labels }] of this.#cursors.entries()) {
      if (!labels) continue
      const order = least ? compareLabels(labels, least) : -1
      if (order > 0) continue
      if (order < 0) here.length = 0
      least = labels
      here.push(i)
    }
    this.labels = least
  }
}
