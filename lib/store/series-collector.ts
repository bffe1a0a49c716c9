/** Series with their chunks as they come from elsewhere, put into the same columns as those of a block. */
import { compareLabels, type Labels } from '#lib/model/labels.ts'
import type { FoundSeries } from './block-series.ts'
import { ChunkTable } from './chunk-table.ts'
import { LoadedChunks } from './loaded-chunks.ts'

export interface CollectedSeries {
  readonly found: FoundSeries
  readonly chunks: LoadedChunks
}

/** Large, so that the memory can be given back at once. */
const PAGE_BYTES = 256 * 1024

export class SeriesCollector {
  /** Of chunks. */
  byteLength = 0
  readonly #table = new ChunkTable()
  readonly #labels: Labels[] = []
  /** Where the rows of each series begin. */
  readonly #from: number[] = []
  /** The page of each row, and where its data begin and end there. */
  readonly #places: number[] = []
  readonly #pages: Uint8Array[] = []
  #used = PAGE_BYTES

  /** The chunks that follow are of this series. */
  series(labels: Labels): void {
    const last = this.#labels.at(-1)
    if (last && compareLabels(last, labels) === 0) return
    this.#labels.push(labels)
    this.#from.push(this.#table.length)
  }

  /** Copies the data. */
  chunk(minTimeMs: number, maxTimeMs: number, encoding: number, data: Uint8Array): void {
    const start = this.#reserve(data.length + 1)
    const page = this.#pages.at(-1)!
    page[start] = encoding
    page.set(data, start + 1)
    this.#places.push(this.#pages.length, start + 1, start + 1 + data.length)
    this.#table.add(minTimeMs, maxTimeMs, 0, this.#table.length)
    this.byteLength += data.length
  }

  /** `key` names it, as with what is found in a block. */
  finish(key: string): CollectedSeries {
    this.#table.finish()
    const chunks = new LoadedChunks(this.#table)
    for (const page of this.#pages) chunks.addBuffer(page)
    for (let row = 0; row < this.#table.length; row++) {
      const at = row * 3
      chunks.set(row, this.#places[at]!, this.#places[at + 1]!, this.#places[at + 2]!)
    }
    const from = Uint32Array.from(this.#from)
    const found = {
      key,
      labels: this.#labels,
      ids: new Float64Array(from.length),
      from,
      to: Uint32Array.from(from, (_, i) => from[i + 1] ?? this.#table.length),
      chunks: this.#table,
    }
    return { found, chunks }
  }

  #reserve(size: number): number {
    const last = this.#pages.at(-1)
    if (!last || this.#used + size > last.length) {
      this.#pages.push(new Uint8Array(Math.max(size, PAGE_BYTES)))
      this.#used = 0
    }
    const start = this.#used
    this.#used += size
    return start
  }
}
